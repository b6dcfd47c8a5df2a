//! `ferry transfer`: money between two tenants' books.

use super::output::Output;
use super::table;
use crate::admin::Client;
use crate::admin::wire::CreateTransfer;
use anyhow::Context;
use clap::{Args, Subcommand};
use ferry_types::{TenantId, TransferId};
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum TransferCommand {
    /// Move money from one tenant to another, as far as nothing of it is held.
    Create(TransferArguments),
    /// List what a tenant gave and got, newest first.
    List { tenant: TenantId },
}

#[derive(Debug, Args)]
pub(super) struct TransferArguments {
    /// Who gives it.
    from: TenantId,
    /// Who gets it.
    to: TenantId,
    /// Such as 5 or 5.00, in the currency of both.
    amount: String,
    /// Its id, for good: sent twice, it counts once. Drawn if left out.
    #[arg(long)]
    id: Option<TransferId>,
    /// For people.
    #[arg(long, default_value = "")]
    note: String,
}

pub(super) async fn run(
    client: &Client,
    command: TransferCommand,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    match command {
        TransferCommand::Create(arguments) => {
            let TransferArguments {
                from,
                to,
                amount,
                id,
                note,
            } = arguments;
            let id = match id {
                Some(id) => id.to_string(),
                None => {
                    let random = getrandom::u64().context("failed to draw an id")?;
                    format!("t-{random:016x}")
                }
            };
            let new = CreateTransfer {
                id,
                to: to.to_string(),
                amount,
                note,
            };
            let posted = client.transfer(from.as_str(), &new).await?;
            output.result(&posted, table::posted_transfer)?;
        }
        TransferCommand::List { tenant } => {
            let list = client.transfers(tenant.as_str()).await?;
            output.result(&list, table::transfers)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
