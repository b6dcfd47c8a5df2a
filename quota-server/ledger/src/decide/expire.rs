//! Expiry: a lease ran out. What showed life is charged by its last evidence; what never did is released, or charged without any, as
//! its offer says.

use super::settle::paid;
use crate::answer::{Decision, ExpireAnswer};
use crate::bill::Bill;
use crate::book::Book;
use crate::command::Expire;
use crate::event::{Event, Expired};
use crate::flag::Flag;
use crate::lifeless::Lifeless;
use crate::reservation::{Hold, Reservation, State};
use crate::time::UnixMs;
use ferry_types::{Attempt, Usage, UsageSource};

pub(super) fn expire(book: &Book, call: Expire, now: UnixMs) -> Decision<ExpireAnswer> {
    let row = book.reservations.get(&call.id);
    let open = row.filter(|row| matches!(row.state, State::Open));
    let Some((row, facts, hold)) =
        open.and_then(|row| Some((row, row.facts.as_ref()?, row.hold.as_ref()?)))
    else {
        return Decision::answer(ExpireAnswer::NotOpen);
    };
    let lease_until = hold.lease_until;
    if now < lease_until {
        return Decision::answer(ExpireAnswer::NotDue { lease_until });
    }
    if book.frozen {
        return Decision::answer(ExpireAnswer::Frozen);
    }
    let (charge, flags) = Bill::of(row, facts, hold).charge(&last_evidence(row, hold));
    let flags = flags.with_if(hold.used.is_none(), Flag::Lifeless);
    let paid = paid(book, Some(row), (charge, flags), row.offer.as_deref(), now);
    let Some((charge, flags)) = paid else {
        return Decision::answer(ExpireAnswer::NotOpen);
    };
    let held = row.granted_amount();
    let flags = flags.with_if(charge.due() > held, Flag::Overrun);
    let charged = charge.charged;
    let event = Event::Expired(Box::new(Expired {
        id: call.id,
        released: held.excess_over(charge.due()),
        charge,
        flags,
    }));
    Decision::event(event, ExpireAnswer::Expired { charged })
}

/// The attempt that an expiry charges: what the renewals tell of, or, if there was no renewal and the offer says so, one of which
/// nothing is known; else none.
pub(crate) fn last_evidence(row: &Reservation, hold: &Hold) -> Vec<Attempt> {
    let offer = row.offer.as_deref();
    let lifeless = offer.map_or(Lifeless::Release, |offer| offer.lifeless);
    let (usage, source) = match (hold.used, lifeless) {
        (Some(usage), _) => (usage, UsageSource::Counted),
        (None, Lifeless::Charge) => (Usage::default(), UsageSource::Estimated),
        (None, Lifeless::Release) => return Vec::new(),
    };
    let provider = offer
        .and_then(|offer| offer.candidates.first())
        .map_or_else(String::new, |candidate| candidate.provider.clone());
    vec![Attempt {
        provider,
        model: String::new(),
        status: 0,
        usage,
        source,
        provider_request_id: String::new(),
        service_tier: String::new(),
        latency_ms: 0,
        first_byte_ms: None,
    }]
}
