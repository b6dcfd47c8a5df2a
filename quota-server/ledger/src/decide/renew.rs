//! Renew: a lease is extended, and what was used so far is kept as evidence. It promises no more money.

use crate::answer::{Decision, RenewAnswer};
use crate::book::Book;
use crate::command::Renew;
use crate::event::Event;
use crate::offer::Rules;
use crate::reservation::State;
use crate::time::UnixMs;

pub(super) fn renew(
    book: &Book,
    call: &Renew,
    rules: &Rules,
    now: UnixMs,
) -> Decision<RenewAnswer> {
    let Some(row) = book.reservations.get(&call.id) else {
        return Decision::answer(RenewAnswer::NotFound);
    };
    if row.owner != call.owner {
        return Decision::answer(RenewAnswer::Denied);
    }
    let (State::Open, Some(hold)) = (&row.state, &row.hold) else {
        return Decision::answer(RenewAnswer::Ended(row.state.name()));
    };
    if book.frozen {
        return Decision::answer(RenewAnswer::Frozen);
    }
    let used = hold.used.map_or(call.usage, |used| used.max(&call.usage));
    let event = Event::Renewed {
        id: call.id,
        used: Some(used),
        lease_until: rules.lease_until(now).max(hold.lease_until),
    };
    let lease_ms = rules.lease_ms;
    Decision::event(event, RenewAnswer::Renewed { lease_ms })
}
