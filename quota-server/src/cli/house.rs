//! `ferry house`: what the house pays, what invoices say otherwise, and what it exchanges.

use super::arguments::ThawArguments;
use super::correct::REASONS;
use super::output::Output;
use super::table;
use crate::admin::Client;
use crate::admin::wire::{CreateMovement, Money, Move, Thaw};
use anyhow::Context;
use clap::{Args, Subcommand};
use ferry_types::{MovementId, ResellerName};
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum HouseCommand {
    /// A provider was paid what it is owed.
    Pay {
        #[command(flatten)]
        to: ToProvider,
        #[command(flatten)]
        posted: Posted,
    },
    /// A provider was paid in advance.
    Prepay {
        #[command(flatten)]
        to: ToProvider,
        #[command(flatten)]
        posted: Posted,
    },
    /// Pay what a provider is owed by what it has in advance; never by more than that.
    SetOff {
        #[command(flatten)]
        to: ToProvider,
        #[command(flatten)]
        posted: Posted,
    },
    /// A reseller was paid its share.
    PayReseller {
        reseller: ResellerName,
        #[command(flatten)]
        money: Sum,
        #[command(flatten)]
        posted: Posted,
    },
    /// A provider's invoice says more or less than had accrued. Customers' charges stay as they are.
    Variance {
        #[command(flatten)]
        to: ToProvider,
        #[command(flatten)]
        side: Side,
        #[command(flatten)]
        posted: Posted,
    },
    /// Say what a variance was, or a part of it.
    Resolve {
        /// The id of the variance.
        variance: MovementId,
        /// Such as 5 or 5.00, in the variance's currency.
        amount: String,
        /// What it was.
        #[arg(long, value_parser = ["provider-cost", "rounding"])]
        cause: String,
        #[command(flatten)]
        posted: Posted,
    },
    /// Money of one currency bought another: such as `exchange 100 USD 2600050 VND`.
    Exchange {
        /// What it cost.
        sold: String,
        /// In this currency.
        sold_currency: String,
        /// What it brought.
        bought: String,
        /// In this currency.
        bought_currency: String,
        #[command(flatten)]
        posted: Posted,
    },
    /// Take a mistaken movement back: the exact opposite of what it moved is posted, once, and into the open month. The movement
    /// itself stays. For example: ferry house reverse h-1 --reason duplicate --approver anna --note "paid twice"
    Reverse {
        /// The id of the movement, as `ferry house list` shows it. What stands on it is reversed first: what resolved a variance, what
        /// was set off against an advance. A reversal is not reversed: post the movement again, under a new id.
        movement: MovementId,
        /// Why.
        #[arg(long, value_parser = REASONS)]
        reason: String,
        #[command(flatten)]
        posted: Posted,
    },
    /// Let the house's frozen book go on, once somebody has mended its rows and all of it was verified: as `ferry tenant thaw`.
    Thaw {
        #[command(flatten)]
        why: ThawArguments,
    },
    /// List everything, newest first.
    List,
}

#[derive(Debug, Args)]
pub(super) struct ToProvider {
    /// Its name in the price table.
    provider: String,
    #[command(flatten)]
    money: Sum,
}

#[derive(Debug, Args)]
pub(super) struct Sum {
    /// Such as 5 or 5.00.
    amount: String,
    /// What it is in; the price table's currency if left out.
    #[arg(long)]
    currency: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Side {
    /// The invoice says more.
    #[arg(long)]
    beyond: bool,
    /// The invoice says less.
    #[arg(long)]
    below: bool,
}

#[derive(Debug, Args)]
pub(super) struct Posted {
    /// Who approved it.
    #[arg(long)]
    approver: String,
    /// The day on which it happened, in UTC; just now if left out.
    #[arg(long, value_name = "YYYY-MM-DD")]
    on: Option<String>,
    /// Its id, for good: sent twice, it counts once. Drawn if left out.
    #[arg(long)]
    id: Option<MovementId>,
    /// For people: the invoice's number, the bank's reference.
    #[arg(long, default_value = "")]
    note: String,
}

impl Side {
    const fn name(&self) -> &'static str {
        if self.beyond { "beyond" } else { "below" }
    }
}

impl From<Sum> for Money {
    fn from(Sum { amount, currency }: Sum) -> Self {
        money(amount, currency)
    }
}

const fn money(amount: String, currency: Option<String>) -> Money {
    Money { amount, currency }
}

impl ToProvider {
    fn parts(self) -> (String, Money) {
        (self.provider, self.money.into())
    }
}

pub(super) async fn run(
    client: &Client,
    command: HouseCommand,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let (what, posted) = match asked(command) {
        Asked::Post(what, posted) => (what, posted),
        Asked::Thaw(why) => {
            output.result(&client.thaw_house(&why).await?, table::thawed_house)?;
            return Ok(ExitCode::SUCCESS);
        }
        Asked::List => {
            output.result(&client.movements().await?, table::movements)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let Posted {
        approver,
        on,
        id,
        note,
    } = posted;
    let id = match id {
        Some(id) => id.to_string(),
        None => {
            let random = getrandom::u64().context("failed to draw an id")?;
            format!("h-{random:016x}")
        }
    };
    let new = CreateMovement {
        id,
        what,
        occurred_at: on,
        approver,
        note,
    };
    let posted = client.post_movement(&new).await?;
    output.result(&posted, table::posted_movement)?;
    Ok(ExitCode::SUCCESS)
}

/// What is asked of the server.
enum Asked {
    Post(Move, Posted),
    Thaw(Thaw),
    List,
}

fn asked(command: HouseCommand) -> Asked {
    let (what, posted) = match command {
        HouseCommand::Pay { to, posted } => {
            let (provider, money) = to.parts();
            (Move::Pay { provider, money }, posted)
        }
        HouseCommand::Prepay { to, posted } => {
            let (provider, money) = to.parts();
            (Move::Prepay { provider, money }, posted)
        }
        HouseCommand::SetOff { to, posted } => {
            let (provider, money) = to.parts();
            (Move::SetOff { provider, money }, posted)
        }
        HouseCommand::PayReseller {
            reseller,
            money,
            posted,
        } => {
            let (reseller, money) = (reseller.to_string(), money.into());
            (Move::PayReseller { reseller, money }, posted)
        }
        HouseCommand::Variance { to, side, posted } => {
            let (provider, money) = to.parts();
            let variance = Move::Variance {
                provider,
                money,
                deviation: side.name().to_owned(),
            };
            (variance, posted)
        }
        HouseCommand::Resolve {
            variance,
            amount,
            cause,
            posted,
        } => {
            let resolve = Move::Resolve {
                variance: variance.to_string(),
                money: money(amount, None),
                cause: cause.replace('-', "_"),
            };
            (resolve, posted)
        }
        HouseCommand::Exchange {
            sold,
            sold_currency,
            bought,
            bought_currency,
            posted,
        } => {
            let sold = money(sold, Some(sold_currency));
            let bought = money(bought, Some(bought_currency));
            (Move::Exchange { sold, bought }, posted)
        }
        HouseCommand::Reverse {
            movement,
            reason,
            posted,
        } => (reverse(&movement, reason), posted),
        HouseCommand::Thaw { why } => return Asked::Thaw(why.into()),
        HouseCommand::List => return Asked::List,
    };
    Asked::Post(what, posted)
}

/// What the movement moved, the server knows.
fn reverse(movement: &MovementId, reason: String) -> Move {
    Move::Reverse {
        movement: movement.to_string(),
        reason,
        undone: None,
    }
}
