//! `ferry correct`: what a person puts right.

use super::output::Output;
use super::table;
use crate::admin::Client;
use crate::admin::wire::CreateCorrection;
use anyhow::Context;
use clap::{Args, Subcommand};
use ferry_types::{CorrectionId, GrantId, ReservationId, TenantId};
use std::process::ExitCode;

/// Why something is put right.
pub(super) const REASONS: [&str; 11] = [
    "duplicate",
    "wrong_price",
    "wrong_usage",
    "provider_fault",
    "goodwill",
    "fraud",
    "dispute",
    "bad_debt",
    "requested",
    "mistake",
    "other",
];

#[derive(Debug, Subcommand)]
pub(super) enum CorrectCommand {
    /// Give back what a request was charged, to what had paid for it; or pay a top-up, or what was paid for a grant, back.
    Refund {
        #[command(flatten)]
        money: Money,
        #[command(flatten)]
        of: RefundOf,
        #[command(flatten)]
        why: Why,
    },
    /// Post that the customer's bank took a top-up back, or what was paid for a grant. It always posts, into debt if it must.
    Chargeback {
        #[command(flatten)]
        money: Money,
        #[command(flatten)]
        of: ChargebackOf,
        #[command(flatten)]
        why: Why,
    },
    /// Write debt off that nobody will pay.
    WriteOff {
        #[command(flatten)]
        money: Money,
        /// The entry as of which it is owed; the newest if left out.
        #[arg(long)]
        entry: Option<u64>,
        #[command(flatten)]
        why: Why,
    },
    /// Charge more for a request; or charge what its settlement left in suspense.
    Charge {
        #[command(flatten)]
        money: Money,
        /// The id in x-ferryapi-request-id.
        #[arg(long)]
        request: ReservationId,
        /// Out of what lies in suspense.
        #[arg(long)]
        suspended: bool,
        #[command(flatten)]
        why: Why,
    },
    /// Bear what a settlement left in suspense ourselves.
    Waive {
        #[command(flatten)]
        money: Money,
        /// The id in x-ferryapi-request-id.
        #[arg(long)]
        request: ReservationId,
        #[command(flatten)]
        why: Why,
    },
    /// Post a settlement as it came that was kept for a person.
    Accept {
        tenant: TenantId,
        /// The id in x-ferryapi-request-id.
        #[arg(long)]
        request: ReservationId,
        #[command(flatten)]
        why: Why,
    },
    /// Charge nothing for a settlement that was kept for a person.
    Discard {
        tenant: TenantId,
        /// The id in x-ferryapi-request-id.
        #[arg(long)]
        request: ReservationId,
        #[command(flatten)]
        why: Why,
    },
    /// List what was put right, newest first.
    List { tenant: TenantId },
}

#[derive(Debug, Args)]
pub(super) struct Money {
    tenant: TenantId,
    /// Such as 5 or 5.00, in the tenant's currency.
    amount: String,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct RefundOf {
    /// A request: the id in x-ferryapi-request-id.
    #[arg(long)]
    request: Option<ReservationId>,
    /// A top-up.
    #[arg(long, value_name = "SOURCE/REFERENCE", value_parser = top_up)]
    top_up: Option<TopUp>,
    /// A grant, as far as nothing of it is held or spent.
    #[arg(long)]
    grant: Option<GrantId>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct ChargebackOf {
    /// A top-up.
    #[arg(long, value_name = "SOURCE/REFERENCE", value_parser = top_up)]
    top_up: Option<TopUp>,
    /// A grant: what is free of it pays first, then the balance.
    #[arg(long)]
    grant: Option<GrantId>,
}

#[derive(Debug, Args)]
pub(super) struct Why {
    /// Why.
    #[arg(long, value_parser = REASONS)]
    reason: String,
    /// Who approved it.
    #[arg(long)]
    approver: String,
    /// Its id, for good: sent twice, it counts once. Drawn if left out.
    #[arg(long)]
    id: Option<CorrectionId>,
    /// For people.
    #[arg(long, default_value = "")]
    note: String,
}

#[derive(Clone, Debug)]
pub(super) struct TopUp {
    source: String,
    external_reference: String,
}

fn top_up(text: &str) -> Result<TopUp, &'static str> {
    let parts = text.split_once('/');
    let (source, reference) = parts.ok_or("expected SOURCE/REFERENCE, such as stripe/pi_3Q")?;
    Ok(TopUp {
        source: source.to_owned(),
        external_reference: reference.to_owned(),
    })
}

/// A correction that is being put together.
fn new(remedy: &str, why: Why) -> anyhow::Result<CreateCorrection> {
    let Why {
        reason,
        approver,
        id,
        note,
    } = why;
    let id = match id {
        Some(id) => id.to_string(),
        None => {
            let random = getrandom::u64().context("failed to draw an id")?;
            format!("c-{random:016x}")
        }
    };
    Ok(CreateCorrection {
        id,
        remedy: remedy.to_owned(),
        reason,
        approver,
        note,
        ..CreateCorrection::default()
    })
}

fn of_request(request: ReservationId, new: CreateCorrection) -> CreateCorrection {
    CreateCorrection {
        request: Some(request.to_string()),
        ..new
    }
}

fn of_top_up(of: TopUp, new: CreateCorrection) -> CreateCorrection {
    CreateCorrection {
        source: Some(of.source),
        external_reference: Some(of.external_reference),
        ..new
    }
}

fn of_grant(grant: &GrantId, new: CreateCorrection) -> CreateCorrection {
    CreateCorrection {
        grant: Some(grant.to_string()),
        ..new
    }
}

fn of_money(
    Money { tenant, amount }: Money,
    new: CreateCorrection,
) -> (TenantId, CreateCorrection) {
    let amount = Some(amount);
    (tenant, CreateCorrection { amount, ..new })
}

pub(super) async fn run(
    client: &Client,
    command: CorrectCommand,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let (tenant, new) = match command {
        CorrectCommand::Refund { money, of, why } => {
            let asked = match (of.request, of.top_up, of.grant) {
                (Some(request), _, _) => of_request(request, new("refund", why)?),
                (None, Some(top_up), _) => of_top_up(top_up, new("top_up_refund", why)?),
                (None, None, Some(grant)) => of_grant(&grant, new("grant_refund", why)?),
                (None, None, None) => {
                    anyhow::bail!("--request, --top-up or --grant: which one?")
                }
            };
            of_money(money, asked)
        }
        CorrectCommand::Chargeback { money, of, why } => {
            let asked = match (of.top_up, of.grant) {
                (Some(top_up), _) => of_top_up(top_up, new("chargeback", why)?),
                (None, Some(grant)) => of_grant(&grant, new("grant_chargeback", why)?),
                (None, None) => anyhow::bail!("--top-up or --grant: which one?"),
            };
            of_money(money, asked)
        }
        CorrectCommand::WriteOff { money, entry, why } => {
            let (tenant, asked) = of_money(money, new("write_off", why)?);
            (tenant, CreateCorrection { entry, ..asked })
        }
        CorrectCommand::Charge {
            money,
            request,
            suspended,
            why,
        } => {
            let remedy = if suspended {
                "suspense_charge"
            } else {
                "charge"
            };
            of_money(money, of_request(request, new(remedy, why)?))
        }
        CorrectCommand::Waive {
            money,
            request,
            why,
        } => of_money(money, of_request(request, new("suspense_waiver", why)?)),
        CorrectCommand::Accept {
            tenant,
            request,
            why,
        } => (tenant, of_request(request, new("parked_accepted", why)?)),
        CorrectCommand::Discard {
            tenant,
            request,
            why,
        } => (tenant, of_request(request, new("parked_discarded", why)?)),
        CorrectCommand::List { tenant } => {
            let list = client.corrections(tenant.as_str()).await?;
            output.result(&list, table::corrections)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let posted = client.correct(tenant.as_str(), &new).await?;
    output.result(&posted, table::posted_correction)?;
    Ok(ExitCode::SUCCESS)
}
