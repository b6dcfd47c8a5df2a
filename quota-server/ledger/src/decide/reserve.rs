//! Reserve: whether a request may go on, and what is held for it.

use super::{Known, known};
use crate::answer::{Decision, Granted, ReserveAnswer};
use crate::book::{Book, KeyState, TenantState};
use crate::command::Reserve;
use crate::difference;
use crate::event::{Event, Reserved};
use crate::grant::GrantSlice;
use crate::limit::Asked;
use crate::limit::counter::Counts;
use crate::offer::{Offer, Rules};
use crate::refusal::Refusal;
use crate::reservation::{First, Hold, Refused, Reservation, State};
use crate::sizing::{Size, binds, size, supported, would_be};
use crate::time::UnixMs;
use ferry_types::{KeyId, RequestFacts};
use std::sync::Arc;

/// How far a gateway's clock may be off: it draws its ids by the time that the server told it.
const SKEW_MS_MAX: u64 = 5 * 60 * 1000;

impl Book {
    /// Whether a key may be used at all: what stands before every request.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub fn admits(&self, key: &KeyId, now: UnixMs) -> Result<(), Refusal> {
        let key = self.keys.get(key).ok_or(Refusal::UnknownKey)?;
        if key.state == KeyState::Revoked {
            return Err(Refusal::KeyRevoked);
        }
        if key.expires_at.is_some_and(|end| end <= self.time_at(now)) {
            return Err(Refusal::KeyExpired);
        }
        if key.state == KeyState::Paused {
            return Err(Refusal::KeyPaused);
        }
        match self.state {
            TenantState::Active => {}
            TenantState::Closed => return Err(Refusal::TenantClosed),
            TenantState::Paused => return Err(Refusal::TenantPaused),
        }
        if self.frozen {
            return Err(Refusal::BookFrozen);
        }
        Ok(())
    }
}

pub(super) fn reserve(
    book: &Book,
    call: &Reserve,
    rules: &Rules,
    clock: UnixMs,
) -> Decision<ReserveAnswer> {
    let now = book.time_at(clock);
    match known(book, call.id, &call.owner) {
        Known::Row(row) => again(book, row, call, rules, now),
        Known::Refused => refused_again(book, call),
        Known::Denied if book.keys.contains_key(&call.owner.key) => {
            Decision::answer(ReserveAnswer::Denied)
        }
        Known::No | Known::Denied => anew(book, call, rules, clock),
    }
}

fn anew(book: &Book, call: &Reserve, rules: &Rules, clock: UnixMs) -> Decision<ReserveAnswer> {
    let judged = judge(book, call, clock);
    let now = book.time_at(clock);
    match (judged, book.offered(call.offer.as_ref())) {
        (Ok((size, counts)), Some(offer)) => {
            let slices = if binds(&call.facts) {
                book.slices(size.reserved, offer, now)
            } else {
                Vec::new()
            };
            let from = Drawn { slices, counts };
            grant(call, offer, size, from, String::new(), (rules, now))
        }
        (Err(refusal), Some(offer)) if !binds(&call.facts) && refusal.is_kept() => {
            let size = would_be(&call.facts, offer);
            let would_refuse = refusal.name().into();
            grant(
                call,
                offer,
                size,
                Drawn::NOTHING,
                would_refuse,
                (rules, now),
            )
        }
        (Err(refusal), _) => refuse(book, call, refusal, now),
        (Ok(_), None) => refuse(book, call, model_not_found(&call.facts), now),
    }
}

/// Every reason to refuse, in order of precedence. A gateway goes by the server's clock, so that is what its skew is judged by:
/// the book's time stays ahead for as long as the clock once was.
fn judge(book: &Book, call: &Reserve, clock: UnixMs) -> Result<(Size, Counts), Refusal> {
    book.admits(&call.owner.key, clock)?;
    let drawn = UnixMs(call.id.unix_ms());
    if drawn.since_ms(clock).max(clock.since_ms(drawn)) > SKEW_MS_MAX {
        return Err(Refusal::ClockSkew);
    }
    let offer = book
        .offered(call.offer.as_ref())
        .ok_or_else(|| model_not_found(&call.facts))?;
    supported(&call.facts, offer)?;
    if call
        .idempotency_key()
        .is_some_and(|asked| book.is_in_flight(asked))
    {
        return Err(Refusal::IdempotencyKeyInUse);
    }
    if let Some(owed) = book.owed() {
        return Err(Refusal::TenantInDebt {
            owed,
            currency: book.currency,
        });
    }
    let (facts, now) = (&call.facts, book.time_at(clock));
    let asked = Asked {
        owner: &call.owner,
        facts,
        offer: Some(offer),
    };
    let counts = book.counts(&asked, now);
    let room = book.room(&counts, (facts, offer), now)?;
    let available = book.available_for(offer, now);
    let size = size(facts, offer, (available, room), book.currency)?;
    Ok((size, counts))
}

/// What a hold draws on beside the balance.
struct Drawn {
    slices: Vec<GrantSlice>,
    counts: Counts,
}

impl Drawn {
    const NOTHING: Self = Self {
        slices: Vec::new(),
        counts: Counts::NONE,
    };
}

fn model_not_found(facts: &RequestFacts) -> Refusal {
    Refusal::ModelNotFound {
        model: facts.model.clone(),
    }
}

fn grant(
    call: &Reserve,
    offer: &Arc<Offer>,
    size: Size,
    drawn: Drawn,
    would_refuse: String,
    (rules, now): (&Rules, UnixMs),
) -> Decision<ReserveAnswer> {
    let reserved = Reserved {
        id: call.id,
        owner: call.owner.clone(),
        facts: call.facts.clone(),
        offer: Arc::clone(offer),
        reserved: size.reserved,
        output_tokens_max: size.output_tokens_max,
        clamped: size.clamped,
        lease_until: rules.lease_until(now),
        would_refuse,
        grants: drawn.slices,
        counts: drawn.counts,
    };
    let answer = ReserveAnswer::Granted(Granted {
        offer: Arc::clone(offer),
        output_tokens_max: size.output_tokens_max,
        clamped: size.clamped,
        lease_ms: rules.lease_ms,
        mode: call.facts.mode,
        reserved: size.reserved,
    });
    Decision::event(Event::Reserved(Box::new(reserved)), answer)
}

fn refuse(book: &Book, call: &Reserve, refusal: Refusal, at: UnixMs) -> Decision<ReserveAnswer> {
    let refused = refusal.is_kept().then(|| {
        let refused = Refused {
            owner: call.owner.clone(),
            facts_digest: difference::digest(&call.facts),
            facts_marks: difference::marks(&call.facts),
            refusal: refusal.clone(),
            at,
            seq: book.head.seq,
        };
        (call.id, refused)
    });
    Decision {
        events: Vec::new(),
        refused,
        answer: ReserveAnswer::Refused(refusal),
    }
}

fn refused_again(book: &Book, call: &Reserve) -> Decision<ReserveAnswer> {
    let digest = difference::digest(&call.facts);
    let answer = match book.refused.get(&call.id) {
        Some(refused) if refused.facts_digest == digest => {
            ReserveAnswer::Refused(refused.refusal.clone())
        }
        Some(refused) => ReserveAnswer::Conflict {
            field: difference::marked(&refused.facts_marks, &difference::marks(&call.facts)),
        },
        None => ReserveAnswer::Conflict {
            field: "facts".into(),
        },
    };
    Decision::answer(answer)
}

/// The same numbers again, in the present state, whatever targets have raised since: they are what its answer was lost with. A lease that is half over begins anew: the gateway counts it from this call.
fn again(
    book: &Book,
    row: &Reservation,
    call: &Reserve,
    rules: &Rules,
    now: UnixMs,
) -> Decision<ReserveAnswer> {
    let other = row
        .facts
        .as_ref()
        .and_then(|facts| difference::facts(facts, &call.facts));
    if let Some(field) = other {
        return Decision::answer(ReserveAnswer::Conflict { field });
    }
    let (State::Open, Some(hold), Some(offer)) = (&row.state, &row.hold, &row.offer) else {
        return Decision::answer(ReserveAnswer::Ended(row.state.name()));
    };
    if book.frozen {
        return Decision::answer(ReserveAnswer::Refused(Refusal::BookFrozen));
    }
    let left_ms = hold
        .lease_until
        .since_ms(now)
        .saturating_sub(rules.margin_ms);
    let anew = left_ms < rules.lease_ms / 2;
    let First {
        reserved,
        output_tokens_max,
    } = hold.first();
    let answer = ReserveAnswer::Granted(Granted {
        offer: Arc::clone(offer),
        output_tokens_max,
        clamped: hold.clamped,
        lease_ms: if anew { rules.lease_ms } else { left_ms },
        mode: call.facts.mode,
        reserved,
    });
    if anew {
        Decision::event(renewed(row, hold, rules, now), answer)
    } else {
        Decision::answer(answer)
    }
}

fn renewed(row: &Reservation, hold: &Hold, rules: &Rules, now: UnixMs) -> Event {
    Event::Renewed {
        id: row.id,
        used: hold.used,
        lease_until: rules.lease_until(now).max(hold.lease_until),
        raised: None,
    }
}
