//! Release: nothing was sent to a provider. What was held is free, and what an expiry charged is given back.

use super::{Known, known};
use crate::answer::{Decision, ReleaseAnswer};
use crate::book::Book;
use crate::command::Release;
use crate::event::Event;
use crate::reservation::State;
use crate::time::UnixMs;
use ferry_types::Amount;

pub(super) fn release(book: &Book, call: &Release, now: UnixMs) -> Decision<ReleaseAnswer> {
    let (released, returned, on_balance) = match known(book, call.id, &call.owner) {
        Known::Denied => return Decision::answer(ReleaseAnswer::Denied),
        Known::Refused => return Decision::answer(ReleaseAnswer::Released),
        // A tombstone: the Reserve may still be under way.
        Known::No => (Amount::ZERO, Amount::ZERO, Amount::ZERO),
        Known::Row(row) => match &row.state {
            State::Open => (row.held(), Amount::ZERO, Amount::ZERO),
            State::Expired(_) if row.is_corrected() => {
                return Decision::answer(ReleaseAnswer::Conflict);
            }
            State::Expired(posting) => {
                let charge = &posting.charge;
                let Ok(on_balance) = charge.on_balance() else {
                    return Decision::answer(ReleaseAnswer::Conflict);
                };
                (Amount::ZERO, charge.charged, on_balance)
            }
            State::Released(_) => return Decision::answer(ReleaseAnswer::Released),
            State::Settled(_) | State::Parked(_) => {
                return Decision::answer(ReleaseAnswer::Conflict);
            }
        },
    };
    if book.frozen {
        return Decision::answer(ReleaseAnswer::Frozen);
    }
    if book.posted_after(on_balance, Amount::ZERO).is_err() {
        // There is no room for what would be given back: the charge stands, for a person to look at.
        return Decision::answer(ReleaseAnswer::Conflict);
    }
    let row = book.reservations.get(&call.id);
    let Ok(reissued) = book.reissued(row, &[], now) else {
        return Decision::answer(ReleaseAnswer::Conflict);
    };
    let event = Event::Released {
        id: call.id,
        owner: call.owner.clone(),
        released,
        returned,
        by: call.by.clone(),
        reissued,
    };
    Decision::event(event, ReleaseAnswer::Released)
}
