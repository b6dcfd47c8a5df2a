//! `ferry verify`: balances against their journals; heads and receipts against the journals that they were taken of.

use super::arguments::{ServerArguments, VerifyArguments};
use super::output::Output;
use super::output::Progress;
use super::table;
use crate::admin::{heads_verdict, verdict, wire};
use crate::heads::{PublicKey, SignedHead, read_heads, verify_heads};
use crate::store::Database;
use crate::verify::{Part, Since, verify_part};
use ferry_types::TenantId;
use std::path::Path;
use std::process::ExitCode;

/// Heads that go to the server at once: well below what it takes as one body.
const HEADS_AT_ONCE: usize = 2_000;

pub(super) async fn run(
    arguments: VerifyArguments,
    server: &ServerArguments,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let VerifyArguments {
        database,
        tenant,
        since,
        heads,
        receipts,
        public_key,
    } = arguments;
    let database = database.map(|name| Database::named(&name, Path::new("")));
    let database = database
        .transpose()?
        .map(Database::with_password_of_environment);
    let Some(file) = heads.or(receipts) else {
        let verdict = match (database, tenant) {
            (Some(database), tenant) => {
                let looked = tokio::task::spawn_blocking(move || {
                    of_database(&database, tenant, since.as_deref())
                });
                looked.await??
            }
            (None, tenant) => {
                let mut progress = Progress::begin();
                let tenant = tenant.as_ref().map(TenantId::as_str);
                let verdict = server
                    .client()?
                    .verify_part(tenant, since.as_deref(), |entries| progress.tell(entries))
                    .await;
                progress.end();
                verdict?
            }
        };
        output.result(&verdict, table::verdict)?;
        return Ok(code(verdict.clean));
    };
    let key = public_key.map(|text| {
        PublicKey::parse(&text)
            .ok_or_else(|| anyhow::anyhow!("--public-key: expected 64 hexadecimal digits"))
    });
    let (key, heads) = (key.transpose()?, read_heads(&file)?);
    let verdict = match database {
        Some(database) => {
            let looked = tokio::task::spawn_blocking(move || verify_heads(&database, key, &heads));
            heads_verdict(&looked.await??)
        }
        None => ask(server, key, &heads, &file).await?,
    };
    output.result(&verdict, table::heads_verdict)?;
    Ok(code(verdict.clean))
}

fn of_database(
    database: &Database,
    tenant: Option<TenantId>,
    since: Option<&str>,
) -> anyhow::Result<wire::Verdict> {
    let since: Option<Since> = since.map(str::parse).transpose()?;
    let part = tenant.map(|tenant| Part { tenant, since });
    let mut progress = Progress::begin();
    let report = verify_part(database, part.as_ref(), &mut |entries| {
        progress.show(entries)
    })?;
    progress.end();
    Ok(verdict(&report))
}

async fn ask(
    server: &ServerArguments,
    key: Option<PublicKey>,
    heads: &[SignedHead],
    file: &Path,
) -> anyhow::Result<wire::HeadsVerdict> {
    if heads.is_empty() {
        anyhow::bail!("{} holds no head", file.display());
    }
    let client = server.client()?;
    let mut hold = 0u64;
    for part in heads.chunks(HEADS_AT_ONCE) {
        let check = wire::CheckHeads {
            public_key: key.map(|key| key.to_string()),
            heads: part.iter().map(SignedHead::line).collect(),
        };
        let verdict = client.check_heads(&check).await?;
        hold = hold.saturating_add(verdict.hold);
        if !verdict.clean {
            return Ok(wire::HeadsVerdict { hold, ..verdict });
        }
    }
    Ok(wire::HeadsVerdict {
        clean: true,
        hold,
        difference: None,
    })
}

const fn code(clean: bool) -> ExitCode {
    if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
