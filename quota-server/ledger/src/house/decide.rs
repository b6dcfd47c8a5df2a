//! Whether a movement may be posted. Nothing is changed here.

use super::{
    Advanced, House, HouseAnswer, HouseCommand, HouseEvent, Money, Move, Moved, Movement,
    PostMovement, PostedMovement,
};
use crate::seal::MonthSealed;
use crate::time::UnixMs;

/// What a command to the house's book comes to, at this time of the server's clock: the answer, and what happens, if anything does.
#[must_use]
pub fn decide(
    house: &House,
    command: &HouseCommand,
    clock: UnixMs,
) -> (HouseAnswer, Option<HouseEvent>) {
    let now = house.time_at(clock);
    let decided = match command {
        HouseCommand::Post(order) => post(house, order, now),
        HouseCommand::SealMonth(sealed) => seal(house, sealed, now),
    };
    match decided {
        Ok(event) => {
            let seq = house.head.next_seq();
            (HouseAnswer::Done { seq, changed: true }, Some(event))
        }
        Err(answer) => (answer, None),
    }
}

/// What happens, or the answer where nothing does.
type Decided = Result<HouseEvent, HouseAnswer>;

fn seal(house: &House, sealed: &MonthSealed, now: UnixMs) -> Decided {
    if now < sealed.month.end() {
        Err(HouseAnswer::MonthNotOver)
    } else if house.frozen {
        Err(HouseAnswer::Frozen)
    } else {
        Ok(HouseEvent::MonthSealed(*sealed))
    }
}

fn post(house: &House, order: &PostMovement, now: UnixMs) -> Decided {
    let PostMovement {
        id,
        what,
        occurred_at,
        approver,
        note,
    } = order;
    if let Some(posted) = house.movements.get(id) {
        return Err(again(posted, order));
    }
    if house.frozen {
        return Err(HouseAnswer::Frozen);
    }
    if occurred_at.is_some_and(|at| at > now) {
        return Err(HouseAnswer::NotYet);
    }
    let parts = what.parts();
    let is_nothing = |money: Money| money.amount.is_zero();
    if is_nothing(parts.money) || parts.bought.is_some_and(is_nothing) {
        return Err(HouseAnswer::NothingMoves);
    }
    fits(house, what)?;
    Ok(HouseEvent::Moved(Moved {
        id: id.clone(),
        movement: Movement {
            what: what.clone(),
            occurred_at: occurred_at.unwrap_or(now),
            approver: approver.clone(),
            note: note.clone(),
        },
    }))
}

/// What is said to an id that is known: it was done, or it stands for something else.
fn again(posted: &PostedMovement, order: &PostMovement) -> HouseAnswer {
    let Movement {
        what,
        occurred_at,
        approver,
        note,
    } = &posted.movement;
    let (stored, told) = (what.parts(), order.what.parts());
    let other_time = |told: UnixMs| told != *occurred_at;
    let differs = [
        ("kind", stored.kind != told.kind),
        ("movement", stored.reversed != told.reversed),
        ("undone", stored.undone != told.undone),
        ("provider", stored.provider != told.provider),
        ("reseller", stored.reseller != told.reseller),
        ("variance", stored.variance != told.variance),
        ("amount", stored.money.amount != told.money.amount),
        ("currency", stored.money.currency != told.money.currency),
        ("bought", stored.bought != told.bought),
        ("deviation", stored.deviation != told.deviation),
        ("cause", stored.cause != told.cause),
        ("reason", stored.reason != told.reason),
        ("occurred_at", order.occurred_at.is_some_and(other_time)),
        ("approver", *approver != order.approver),
        ("note", *note != order.note),
    ];
    match differs.iter().find(|(_, differs)| *differs) {
        Some((field, _)) => HouseAnswer::Conflict { field },
        None => HouseAnswer::Done {
            seq: posted.seq,
            changed: false,
        },
    }
}

/// Whether there is what it takes.
fn fits(house: &House, what: &Move) -> Result<(), HouseAnswer> {
    match what {
        Move::Pay { .. } | Move::PayReseller { .. } | Move::Variance { .. } => Ok(()),
        Move::Prepay { provider, money } => {
            let advance = house.advance(&Advanced::new(provider, *money));
            let after = advance.plus(money.amount);
            after.map(|_| ()).map_err(|_| HouseAnswer::OutOfRange)
        }
        Move::SetOff { provider, money } => {
            let most = house.advance(&Advanced::new(provider, *money));
            within(
                *money,
                Money {
                    amount: most,
                    ..*money
                },
            )
        }
        Move::Resolve {
            variance, money, ..
        } => {
            let found = house.variance(variance);
            let (posted, _) = found.ok_or(HouseAnswer::UnknownVariance)?;
            if let Some(by) = posted.reversed_by.clone() {
                return Err(HouseAnswer::VarianceReversed { by });
            }
            let whole = posted.movement.what.parts().money;
            if money.currency != whole.currency {
                let currency = whole.currency;
                return Err(HouseAnswer::OtherCurrency { currency });
            }
            let most = whole.amount.excess_over(posted.resolved);
            within(
                *money,
                Money {
                    amount: most,
                    ..whole
                },
            )
        }
        Move::Exchange { sold, bought } if sold.currency == bought.currency => {
            Err(HouseAnswer::SameCurrency)
        }
        Move::Exchange { .. } => Ok(()),
        Move::Reverse {
            movement, undone, ..
        } => {
            let found = house.reversible(movement, undone);
            found.map_err(HouseAnswer::NotReversible)?;
            unwinds(house, undone)
        }
    }
}

/// Whether what a movement had moved is still there to go back.
fn unwinds(house: &House, undone: &Move) -> Result<(), HouseAnswer> {
    match undone {
        Move::Prepay { provider, money } => {
            let most = house.advance(&Advanced::new(provider, *money));
            within(
                *money,
                Money {
                    amount: most,
                    ..*money
                },
            )
        }
        Move::SetOff { provider, money } => {
            let advance = house.advance(&Advanced::new(provider, *money));
            let after = advance.plus(money.amount);
            after.map(|_| ()).map_err(|_| HouseAnswer::OutOfRange)
        }
        Move::Pay { .. }
        | Move::PayReseller { .. }
        | Move::Variance { .. }
        | Move::Resolve { .. }
        | Move::Exchange { .. }
        | Move::Reverse { .. } => Ok(()),
    }
}

fn within(money: Money, most: Money) -> Result<(), HouseAnswer> {
    if money.amount > most.amount {
        Err(HouseAnswer::Exceeds { most })
    } else {
        Ok(())
    }
}
