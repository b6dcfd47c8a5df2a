//! The house's movements, as they are shown.

use super::time;
use crate::admin::wire;
use crate::store::view::MovementView;
use ferry_ledger::house::Money;
use ferry_ledger::{Move, Place};
use ferry_types::{Amount, MovementId};

pub(in crate::admin) fn movement(found: &MovementView) -> wire::Movement {
    let MovementView { id, posted } = found;
    let movement = &posted.movement;
    let whole = movement.what.parts().money;
    let unresolved = movement.what.deviation().map(|_| {
        let left = match posted.reversed_by {
            Some(_) => Amount::ZERO,
            None => whole.amount.excess_over(posted.resolved),
        };
        left.display(whole.currency).to_string()
    });
    wire::Movement {
        id: id.to_string(),
        what: what(&movement.what),
        unresolved,
        reversed_by: posted.reversed_by.as_ref().map(MovementId::to_string),
        occurred_at: time(movement.occurred_at),
        approver: movement.approver.clone(),
        note: movement.note.clone(),
        posted_at: time(posted.at),
        seq: posted.seq,
    }
}

/// Where an answer stands in the house's book.
pub(in crate::admin) fn place(of: Place) -> wire::Place {
    let Place { seq, time: at } = of;
    wire::Place {
        seq,
        time: time(at),
    }
}

pub(in crate::admin) fn what(what: &Move) -> wire::Move {
    match what {
        Move::Pay {
            provider,
            money: of,
        } => wire::Move::Pay {
            provider: provider.clone(),
            money: money(*of),
        },
        Move::Prepay {
            provider,
            money: of,
        } => wire::Move::Prepay {
            provider: provider.clone(),
            money: money(*of),
        },
        Move::SetOff {
            provider,
            money: of,
        } => wire::Move::SetOff {
            provider: provider.clone(),
            money: money(*of),
        },
        Move::PayReseller {
            reseller,
            money: of,
        } => wire::Move::PayReseller {
            reseller: reseller.to_string(),
            money: money(*of),
        },
        Move::Variance {
            provider,
            money: of,
            deviation,
        } => wire::Move::Variance {
            provider: provider.clone(),
            money: money(*of),
            deviation: deviation.name().to_owned(),
        },
        Move::Resolve {
            variance,
            money: of,
            cause,
        } => wire::Move::Resolve {
            variance: variance.to_string(),
            money: money(*of),
            cause: cause.name().to_owned(),
        },
        Move::Exchange { sold, bought } => wire::Move::Exchange {
            sold: money(*sold),
            bought: money(*bought),
        },
        Move::Reverse {
            movement,
            undone,
            reason,
        } => wire::Move::Reverse {
            movement: movement.to_string(),
            reason: reason.name().to_owned(),
            undone: Some(Box::new(self::what(undone))),
        },
    }
}

fn money(of: Money) -> wire::Money {
    wire::Money {
        amount: of.amount.display(of.currency).to_string(),
        currency: Some(of.currency.code().to_owned()),
    }
}
