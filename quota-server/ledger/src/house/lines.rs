//! Which accounts a movement debits, and which it credits.

use super::{Cause, Deviation, House, HouseEvent, Money, Move};
use crate::account::Account;
use crate::apply::Misfit;
use crate::time::UnixMs;
use crate::transaction::{Line, Transaction};
use ferry_types::Overflow;

impl HouseEvent {
    /// What it moves in a book that is as `before`, posted at this time.
    pub(super) fn transaction(&self, before: &House, at: UnixMs) -> Result<Transaction, Misfit> {
        let (occurred_at, lines) = match self {
            Self::Moved(moved) => {
                let movement = &moved.movement;
                (movement.occurred_at, lines(&movement.what, before)?)
            }
            Self::MonthSealed(_) | Self::Thawed(_) => (at, Vec::new()),
        };
        Ok(Transaction {
            occurred_at,
            lines,
            carry: None,
        })
    }
}

fn lines(what: &Move, before: &House) -> Result<Vec<Line>, Misfit> {
    let payable = |provider: &String| Account::ProviderPayable(provider.clone());
    let prepaid = |provider: &String| Account::ProviderPrepaid(provider.clone());
    let mut lines = Vec::new();
    match what {
        Move::Pay { provider, money } => {
            shift(&mut lines, payable(provider), Account::Clearing, *money)
        }
        Move::Prepay { provider, money } => {
            shift(&mut lines, prepaid(provider), Account::Clearing, *money)
        }
        Move::SetOff { provider, money } => {
            shift(&mut lines, payable(provider), prepaid(provider), *money)
        }
        Move::PayReseller { reseller, money } => {
            let payable = Account::ResellerPayable(reseller.clone());
            shift(&mut lines, payable, Account::Clearing, *money)
        }
        Move::Variance {
            provider,
            money,
            deviation,
        } => match deviation {
            Deviation::Beyond => shift(&mut lines, Account::Variance, payable(provider), *money),
            Deviation::Below => shift(&mut lines, payable(provider), Account::Variance, *money),
        },
        Move::Resolve {
            variance,
            money,
            cause,
        } => {
            let cause = match cause {
                Cause::ProviderCost => Account::ProviderCost,
                Cause::Rounding => Account::Rounding,
            };
            let unknown = Misfit::WrongState("there is no such variance");
            let (_, deviation) = before.variance(variance).ok_or(unknown)?;
            match deviation {
                Deviation::Beyond => shift(&mut lines, cause, Account::Variance, *money),
                Deviation::Below => shift(&mut lines, Account::Variance, cause, *money),
            }
        }
        Move::Exchange { sold, bought } => {
            let pair = || Account::exchange(sold.currency, bought.currency);
            shift(&mut lines, pair(), Account::Clearing, *sold)?;
            shift(&mut lines, Account::Clearing, pair(), *bought)
        }
        Move::Reverse { undone, .. } => {
            lines = self::lines(undone, before)?;
            lines.iter_mut().try_for_each(|line| {
                line.amount = line.amount.checked_neg().ok_or(Overflow)?;
                Ok(())
            })
        }
    }?;
    Ok(lines)
}

/// Debits one account, and credits another with the same.
fn shift(
    lines: &mut Vec<Line>,
    debit: Account,
    credit: Account,
    money: Money,
) -> Result<(), Overflow> {
    let Money { amount, currency } = money;
    let units = amount.units();
    let back = units.checked_neg().ok_or(Overflow)?;
    for (account, amount) in [(debit, units), (credit, back)] {
        lines.push(Line {
            account,
            currency,
            amount,
        });
    }
    Ok(())
}
