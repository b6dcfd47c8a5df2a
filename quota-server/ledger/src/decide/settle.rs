//! Settle: a request is charged for what it used. It is always acknowledged: below, at or above what was held, late, or
//! without a Reserve that was ever seen.

use super::{Known, known};
use crate::answer::{Decision, SettleAnswer};
use crate::bill::Bill;
use crate::book::Book;
use crate::command::Settle;
use crate::difference;
use crate::event::{Event, ParkReason, Parked, Settled};
use crate::offer::{Offer, Rules};
use crate::reservation::{Charge, Flag, Flags, Posting, Reservation, State};
use crate::time::UnixMs;
use ferry_types::{Amount, Settlement};
use std::sync::Arc;

pub(super) fn settle(
    book: &Book,
    call: &Settle,
    rules: &Rules,
    now: UnixMs,
) -> Decision<SettleAnswer> {
    let (row, flag) = match known(book, call.id, &call.owner) {
        Known::Denied => return Decision::answer(SettleAnswer::Denied),
        Known::No if is_too_old(call, rules, now) => return park(book, call, ParkReason::TooOld),
        Known::No | Known::Refused if call.beyond_cap => {
            return park(book, call, ParkReason::BeyondCap);
        }
        Known::No => (None, Some(Flag::Unreserved)),
        Known::Refused => (None, Some(Flag::AfterRefusal)),
        Known::Row(row) => match &row.state {
            State::Open => (Some(row), None),
            State::Released(_) if call.beyond_cap => {
                return park(book, call, ParkReason::BeyondCap);
            }
            State::Released(_) => (Some(row), Some(Flag::AfterRelease)),
            State::Expired(_) => (Some(row), Some(Flag::AfterExpiry)),
            State::Settled(posting) => return again(book, call, row, posting),
            State::Parked(settlement) => return parked_again(settlement, &call.settlement),
        },
    };
    post(book, call, row, flag)
}

/// Whether its outcome may have been forgotten.
fn is_too_old(call: &Settle, rules: &Rules, now: UnixMs) -> bool {
    now.since_ms(UnixMs(call.id.unix_ms())) > rules.recovery_window_ms
}

fn park(book: &Book, call: &Settle, reason: ParkReason) -> Decision<SettleAnswer> {
    if book.frozen {
        return Decision::answer(SettleAnswer::Frozen);
    }
    let event = Event::Parked(Box::new(Parked {
        id: call.id,
        owner: call.owner.clone(),
        settlement: call.settlement.clone(),
        reason,
    }));
    Decision::event(event, SettleAnswer::Parked)
}

fn parked_again(stored: &Settlement, told: &Settlement) -> Decision<SettleAnswer> {
    Decision::answer(match difference::settlement(stored, told) {
        Some(field) => SettleAnswer::Conflict { field },
        None => SettleAnswer::Parked,
    })
}

/// What was settled stands, unless this is strictly better evidence of the same.
fn again(
    book: &Book,
    call: &Settle,
    row: &Reservation,
    posting: &Posting,
) -> Decision<SettleAnswer> {
    let stored = posting.settlement.as_ref();
    let field = stored.and_then(|stored| difference::settlement(stored, &call.settlement));
    let Some(field) = field else {
        return Decision::answer(SettleAnswer::Settled {
            charged: posting.charge.charged,
            released: posting.released,
            seq: posting.seq,
        });
    };
    if stored.is_some_and(|stored| is_better(stored, &call.settlement)) {
        post(book, call, Some(row), Some(Flag::Adjusted))
    } else {
        Decision::answer(SettleAnswer::Conflict { field })
    }
}

/// Whether every attempt is known at least as well, and one is known better. Attempts known as well must be the same, and so
/// must the request: better evidence of another request is another request.
fn is_better(stored: &Settlement, told: &Settlement) -> bool {
    let same_request = difference::facts(&stored.facts, &told.facts).is_none()
        && stored.output_tokens_max == told.output_tokens_max
        && stored.attempts.len() == told.attempts.len();
    let pairs = || stored.attempts.iter().zip(&told.attempts);
    let as_well = pairs()
        .all(|(old, new)| old.provider == new.provider && (new.source > old.source || new == old));
    same_request && as_well && pairs().any(|(old, new)| new.source > old.source)
}

fn post(
    book: &Book,
    call: &Settle,
    row: Option<&Reservation>,
    flag: Option<Flag>,
) -> Decision<SettleAnswer> {
    if book.frozen {
        return Decision::answer(SettleAnswer::Frozen);
    }
    let pinned = row.and_then(|row| row.offer.as_ref());
    let offer = pinned.or(call.offer.as_ref());
    let bill = Bill::of_settlement(row, &call.settlement, offer.map(Arc::as_ref));
    let (charge, mut flags) = bill.charge(&call.settlement.attempts);
    if let Some(posting) = row.and_then(Reservation::posting) {
        flags = flags.and_history_of(posting.flags);
    }
    if let Some(flag) = flag {
        flags = flags.with(flag);
    }
    let other_facts = *bill.facts != call.settlement.facts;
    let charged_before = row.map_or(Amount::ZERO, Reservation::charged);
    let Some((charge, flags)) = within_range(book, charge, flags, charged_before) else {
        let field = "charged".into();
        return Decision::answer(SettleAnswer::Conflict { field });
    };
    let overrun = bill.reserved.is_some_and(|held| charge.charged > held);
    let settled = Settled {
        id: call.id,
        owner: call.owner.clone(),
        settlement: call.settlement.clone(),
        offer: new_offer(pinned, offer),
        charged_before,
        released: released(row, &charge),
        flags: flags
            .with_if(other_facts, Flag::OtherFacts)
            .with_if(overrun, Flag::Overrun)
            .with_if(call.by.is_some(), Flag::Recovered),
        by: call.by.clone(),
        charge,
    };
    let answer = SettleAnswer::Settled {
        charged: settled.charge.charged,
        released: settled.released,
        seq: book.head.next_seq(),
    };
    let settled = Box::new(settled);
    let event = match flag {
        Some(Flag::Adjusted) => Event::Adjusted(settled),
        Some(_) | None => Event::Settled(settled),
    };
    Decision::event(event, answer)
}

fn new_offer(pinned: Option<&Arc<Offer>>, offer: Option<&Arc<Offer>>) -> Option<Arc<Offer>> {
    match pinned {
        Some(_) => None,
        None => offer.cloned(),
    }
}

/// How much of what was held for it was not needed; what was held for an ended one is free already, but stays on its record.
fn released(row: Option<&Reservation>, charge: &Charge) -> Amount {
    row.map_or(Amount::ZERO, |row| {
        row.granted_amount().excess_over(charge.charged)
    })
}

/// A charge that would take the balance out of the range of what can be stored goes to suspense altogether. `None` if even
/// giving back what was charged before would.
pub(super) fn within_range(
    book: &Book,
    charge: Charge,
    flags: Flags,
    charged_before: Amount,
) -> Option<(Charge, Flags)> {
    if book.posted_after(charged_before, charge.charged).is_ok() {
        return Some((charge, flags));
    }
    book.posted_after(charged_before, Amount::ZERO).ok()?;
    let charge = Charge {
        suspended: charge.priced,
        charged: Amount::ZERO,
        ..charge
    };
    Some((charge, flags.with(Flag::OutOfRange).with(Flag::Suspended)))
}
