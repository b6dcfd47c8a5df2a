//! Renew: a lease is extended, and what was used so far is kept as evidence. A higher target is a promise of more money, judged as
//! a new request is; where it is refused, the lease is extended all the same.

use crate::answer::{Decision, RenewAnswer};
use crate::book::Book;
use crate::command::Renew;
use crate::event::{Event, Raised};
use crate::offer::Rules;
use crate::reservation::{Hold, Reservation, State};
use crate::sizing::{binds, bound};
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
    let raised = raised(book, row, hold, call.output_tokens_target, now);
    let limit = raised.as_ref().map(|raised| raised.output_tokens_max);
    let event = Event::Renewed {
        id: call.id,
        used: Some(used),
        lease_until: rules.lease_until(now).max(hold.lease_until),
        raised,
    };
    let answer = RenewAnswer::Renewed {
        lease_ms: rules.lease_ms,
        output_tokens_max: limit.unwrap_or(hold.output_tokens_max),
    };
    Decision::event(event, answer)
}

/// What a higher target needs held, if it is higher and can be had.
fn raised(book: &Book, row: &Reservation, hold: &Hold, target: u64, now: UnixMs) -> Option<Raised> {
    let (facts, offer) = (row.facts.as_ref()?, row.offer.as_deref()?);
    let limit = target.min(offer.limits.output_tokens_max);
    if limit <= hold.output_tokens_max {
        return None;
    }
    let reserved = bound(facts, offer, limit)?;
    let more = reserved.minus(hold.reserved)?;
    if !binds(facts) {
        return Some(Raised {
            reserved,
            output_tokens_max: limit,
            grants: Vec::new(),
        });
    }
    let admitted = book.admits(&row.owner.key, now).is_ok() && book.owed().is_none();
    let affordable = more.to_balance() <= book.available_for(offer, now);
    let has_room = book.room_to_raise(row, (hold, facts, offer), (reserved, limit), now);
    (admitted && affordable && has_room).then(|| Raised {
        reserved,
        output_tokens_max: limit,
        grants: book.slices(more, offer, now),
    })
}
