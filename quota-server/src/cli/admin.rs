//! Commands that ask the running server.

use super::arguments::{
    GrantArguments, GrantCommand, KeyCommand, ReservationsArguments, TenantCommand, TopUpArguments,
    UsageArguments,
};
use super::output::{Output, confirmed};
use super::table;
use crate::admin::wire::{
    CloseTenant, CreateGrant, CreateKey, CreateTenant, CreateTopUp, SealMonth, SetOverage,
    SetReseller,
};
use crate::admin::{Client, Show};
use anyhow::Context;
use ferry_ledger::Month;
use ferry_types::TenantId;
use std::process::ExitCode;

const SECONDS_A_DAY: u64 = 86_400;
const DONE: anyhow::Result<ExitCode> = Ok(ExitCode::SUCCESS);

pub(super) async fn tenant(
    client: &Client,
    command: TenantCommand,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    match command {
        TenantCommand::Create {
            tenant,
            name,
            currency,
        } => {
            let id = tenant.to_string();
            let new = CreateTenant { id, name, currency };
            let created = client.create_tenant(&new).await?;
            output.result(&created, table::changed(table::tenant))?;
        }
        TenantCommand::List => output.result(&client.tenants().await?, table::tenants)?,
        TenantCommand::Show { tenant } => {
            output.result(&client.tenant(tenant.as_str()).await?, table::tenant)?;
        }
        TenantCommand::Overage {
            tenant,
            policy,
            credit,
        } => {
            let policy = SetOverage { policy, credit };
            let set = client.set_overage(tenant.as_str(), &policy).await?;
            output.result(&set, table::changed(table::balance))?;
        }
        TenantCommand::Reseller {
            tenant,
            reseller,
            percent,
        } => {
            let to = SetReseller {
                reseller: reseller.map(|reseller| reseller.to_string()),
                percent,
            };
            let set = client.set_reseller(tenant.as_str(), &to).await?;
            output.result(&set, table::changed(table::balance))?;
        }
        TenantCommand::Zone { tenant, zone } => {
            return set_zone(client, tenant, &zone, output).await;
        }
        TenantCommand::Pause { tenant } => {
            let paused = client.pause_tenant(tenant.as_str()).await?;
            output.result(&paused, table::changed(table::tenant))?;
        }
        TenantCommand::Close {
            tenant,
            reason,
            approver,
            note,
        } => {
            let why = CloseTenant {
                reason,
                approver,
                note,
            };
            let closed = client.close_tenant(tenant.as_str(), &why).await?;
            output.result(&closed, table::changed(table::tenant))?;
        }
        TenantCommand::Thaw { tenant, why } => {
            let thawed = client.thaw_tenant(tenant.as_str(), &why.into()).await?;
            output.result(&thawed, table::thawed_tenant)?;
        }
        TenantCommand::Resume { tenant } => {
            let resumed = client.resume_tenant(tenant.as_str()).await?;
            output.result(&resumed, table::changed(table::tenant))?;
        }
    }
    DONE
}

async fn set_zone(
    client: &Client,
    tenant: TenantId,
    zone: &str,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let set = client.set_zone(tenant.as_str(), zone).await?;
    output.result(&set, table::changed(table::tenant))?;
    DONE
}

pub(super) async fn key(
    client: &Client,
    command: KeyCommand,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let key = match command {
        KeyCommand::Create {
            tenant,
            label,
            expires_in_days,
        } => {
            let new = CreateKey {
                label,
                expires_in_s: expires_in_days.map(|days| days * SECONDS_A_DAY),
            };
            let created = client.create_key(tenant.as_str(), &new).await?;
            let id = &created.key.id;
            output.remark(&format!(
                "{id} of {tenant}. The key is shown this once; the server keeps no copy:"
            ));
            output.result(&created, table::created_key)?;
            return DONE;
        }
        KeyCommand::List { tenant } => {
            output.result(&client.keys(tenant.as_str()).await?, table::keys)?;
            return DONE;
        }
        KeyCommand::Pause { tenant, key } => {
            client.pause_key(tenant.as_str(), key.as_str()).await?
        }
        KeyCommand::Resume { tenant, key } => {
            client.resume_key(tenant.as_str(), key.as_str()).await?
        }
        KeyCommand::Revoke { tenant, key, yes } => {
            if !yes && !confirmed(&format!("revoking {key} of {tenant}"))? {
                anyhow::bail!("nothing was done");
            }
            client.revoke_key(tenant.as_str(), key.as_str()).await?
        }
    };
    output.result(&key, table::changed(table::key))?;
    DONE
}

pub(super) async fn top_up(
    client: &Client,
    arguments: TopUpArguments,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let TopUpArguments {
        tenant,
        amount,
        source,
        reference,
        note,
    } = arguments;
    let external_reference = match reference {
        Some(reference) => reference,
        None => drawn_reference()?,
    };
    let new = CreateTopUp {
        amount,
        currency: None,
        source: Some(source),
        external_reference,
        note,
    };
    output.result(&client.top_up(tenant.as_str(), &new).await?, table::top_up)?;
    DONE
}

pub(super) async fn grant(
    client: &Client,
    command: GrantCommand,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    match command {
        GrantCommand::Create(arguments) => {
            let GrantArguments {
                tenant,
                grant,
                amount,
                kind,
                priority,
                models,
                providers,
                starts_at,
                expires_at,
                note,
            } = arguments;
            let new = CreateGrant {
                id: grant.to_string(),
                amount,
                kind: Some(kind),
                priority,
                models,
                providers,
                starts_at,
                expires_at,
                note,
            };
            let issued = client.issue_grant(tenant.as_str(), &new).await?;
            output.result(&issued, table::issued_grant)?;
        }
        GrantCommand::List { tenant } => {
            output.result(&client.grants(tenant.as_str()).await?, table::grants)?;
        }
    }
    DONE
}

pub(super) async fn accounts(
    client: &Client,
    tenant: Option<&TenantId>,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let tenant = tenant.map(TenantId::as_str);
    output.result(&client.accounts(tenant).await?, table::accounts)?;
    DONE
}

pub(super) async fn balance(
    client: &Client,
    tenant: &TenantId,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    output.result(&client.balance(tenant.as_str()).await?, table::balance)?;
    DONE
}

pub(super) async fn reservations(
    client: &Client,
    arguments: ReservationsArguments,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let ReservationsArguments {
        tenant,
        open,
        limit,
    } = arguments;
    let show = Show {
        open_only: open,
        limit,
    };
    let tenant = tenant.as_ref().map(TenantId::as_str);
    output.result(
        &client.reservations(tenant, show).await?,
        table::reservations,
    )?;
    DONE
}

pub(super) async fn usage(
    client: &Client,
    arguments: UsageArguments,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let UsageArguments {
        tenant,
        request,
        limit,
    } = arguments;
    let tenant = tenant.as_ref().map(TenantId::as_str);
    let request = request.map(|id| id.to_string());
    let records = client.usage(tenant, request.as_deref(), limit).await?;
    output.result(&records, table::usage)?;
    DONE
}

pub(super) async fn heads(client: &Client, output: &Output) -> anyhow::Result<ExitCode> {
    output.result(&client.heads().await?, table::heads)?;
    DONE
}

pub(super) async fn seal(
    client: &Client,
    month: Option<Month>,
    without: &[TenantId],
    output: &Output,
) -> anyhow::Result<ExitCode> {
    match month {
        Some(month) => {
            let asked = SealMonth {
                month: month.to_string(),
                without: without.iter().map(TenantId::to_string).collect(),
            };
            output.result(&client.seal_month(&asked).await?, table::seal)?;
        }
        None => output.result(&client.seals().await?, table::seals)?,
    }
    DONE
}

/// A reference for a top-up that has none elsewhere: a second try by hand is another top-up.
fn drawn_reference() -> anyhow::Result<String> {
    let random = getrandom::u64().context("failed to draw a reference")?;
    Ok(format!("ferry-{random:016x}"))
}
