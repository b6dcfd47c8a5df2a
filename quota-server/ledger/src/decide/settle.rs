//! Settle: a request is charged for what it used. It is always acknowledged: below, at or above what was held, late, or
//! without a Reserve that was ever seen.

use super::{Known, known};
use crate::answer::{Decision, SettleAnswer};
use crate::bill::Bill;
use crate::book::Book;
use crate::command::Settle;
use crate::difference;
use crate::event::{Event, ParkReason, Parked, ParkedAfter, Settled};
use crate::flag::{Flag, Flags};
use crate::limit::Asked;
use crate::limit::counter::Counts;
use crate::offer::{Offer, Rules};
use crate::reservation::{Charge, ParkedSettlement, Posting, Reservation, State};
use crate::time::UnixMs;
use ferry_types::{Amount, Settlement};
use std::sync::Arc;

pub(super) fn settle(
    book: &Book,
    call: &Settle,
    rules: &Rules,
    now: UnixMs,
) -> Decision<SettleAnswer> {
    let beyond_cap = |after| park(book, call, ParkReason::BeyondCap, after);
    let (row, flag) = match known(book, call.id, &call.owner) {
        Known::Denied => return Decision::answer(SettleAnswer::Denied),
        Known::No if is_too_old(call, rules, now) => {
            return park(book, call, ParkReason::TooOld, None);
        }
        Known::No if call.beyond_cap => return beyond_cap(None),
        Known::Refused if call.beyond_cap => return beyond_cap(Some(ParkedAfter::Refusal)),
        Known::No => (None, Some(Flag::Unreserved)),
        Known::Refused => (None, Some(Flag::AfterRefusal)),
        Known::Row(row) => match &row.state {
            State::Open => (Some(row), None),
            State::Released(_) if call.beyond_cap => {
                return beyond_cap(Some(ParkedAfter::Release));
            }
            State::Released(_) => (Some(row), Some(Flag::AfterRelease)),
            State::Expired(_) => (Some(row), Some(Flag::AfterExpiry)),
            State::Settled(posting) => return again(book, call, (row, posting), now),
            State::Parked(parked) => {
                return parked_again(&parked.settlement, &call.settlement);
            }
        },
    };
    post(book, call, row, flag, now)
}

/// A person has judged it, and evidence is there already: no other changes that.
fn corrected() -> Decision<SettleAnswer> {
    let field = "corrected".into();
    Decision::answer(SettleAnswer::Conflict { field })
}

/// A settle that was kept for a person, posted as it came.
pub(super) fn unparked(
    book: &Book,
    row: &Reservation,
    parked: &ParkedSettlement,
    offer: Option<&Arc<Offer>>,
    now: UnixMs,
) -> Vec<Event> {
    let call = Settle {
        id: row.id,
        owner: row.owner.clone(),
        settlement: parked.settlement.clone(),
        offer: offer.cloned(),
        by: None,
        beyond_cap: false,
    };
    let flag = match (parked.after, &row.hold) {
        (Some(ParkedAfter::Refusal), _) => Flag::AfterRefusal,
        // Entries were once written without what came before: what was held is only free again by a release.
        (Some(ParkedAfter::Release), _) | (None, Some(_)) => Flag::AfterRelease,
        (None, None) => Flag::Unreserved,
    };
    post(book, &call, Some(row), Some(flag), now).events
}

/// Whether its outcome may have been forgotten.
fn is_too_old(call: &Settle, rules: &Rules, now: UnixMs) -> bool {
    now.since_ms(UnixMs(call.id.unix_ms())) > rules.recovery_window_ms
}

fn park(
    book: &Book,
    call: &Settle,
    reason: ParkReason,
    after: Option<ParkedAfter>,
) -> Decision<SettleAnswer> {
    if book.frozen {
        return Decision::answer(SettleAnswer::Frozen);
    }
    let event = Event::Parked(Box::new(Parked {
        id: call.id,
        owner: call.owner.clone(),
        settlement: call.settlement.clone(),
        reason,
        after,
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
    (row, posting): (&Reservation, &Posting),
    now: UnixMs,
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
    if row.is_corrected() {
        return corrected();
    }
    if stored.is_some_and(|stored| is_better(stored, &call.settlement)) {
        post(book, call, Some(row), Some(Flag::Adjusted), now)
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
    now: UnixMs,
) -> Decision<SettleAnswer> {
    if book.frozen {
        return Decision::answer(SettleAnswer::Frozen);
    }
    let pinned = row.and_then(|row| row.offer.as_ref());
    let offer = pinned.or(book.offered(call.offer.as_ref()));
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
    let paid = paid(book, row, (charge, flags), offer.map(Arc::as_ref), now);
    let paid = paid.and_then(|(charge, flags)| {
        let reissued = book.reissued(row, &charge.grants, now).ok()?;
        Some((charge, flags, reissued))
    });
    let Some((charge, flags, reissued)) = paid else {
        let field = "charged".into();
        return Decision::answer(SettleAnswer::Conflict { field });
    };
    let overrun = bill.reserved.is_some_and(|held| charge.due() > held);
    let asked = Asked {
        owner: &call.owner,
        facts: &call.settlement.facts,
        offer: offer.map(Arc::as_ref),
    };
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
        reissued,
        counts: settled_counts(book, &asked, row, now),
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

/// Where a request counts that nothing was held for: it was let through while we could not be asked, or against our word.
pub(crate) fn settled_counts(
    book: &Book,
    asked: &Asked<'_>,
    row: Option<&Reservation>,
    now: UnixMs,
) -> Counts {
    let counts_already = |row: &Reservation| row.hold.is_some() || row.posting().is_some();
    if row.is_some_and(counts_already) {
        return Counts::NONE;
    }
    book.counts(asked, now)
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
        row.granted_amount().excess_over(charge.due())
    })
}

/// A charge with what it is paid with. What a person has corrected is charged as it was: evidence that comes first after that only
/// says what the providers take. One that would take the balance out of the range of what can be stored goes to suspense
/// altogether. `None` if even giving back what was charged before would.
pub(crate) fn paid(
    book: &Book,
    row: Option<&Reservation>,
    (charge, flags): (Charge, Flags),
    offer: Option<&Offer>,
    now: UnixMs,
) -> Option<(Charge, Flags)> {
    let corrected = row.filter(|row| row.is_corrected());
    if let Some(posting) = corrected.and_then(Reservation::posting) {
        let costs = charge.costs;
        let charge = posting.charge.clone();
        return Some((Charge { costs, ..charge }, flags));
    }
    let given = row.map_or(Ok(Amount::ZERO), Reservation::charged_on_balance);
    let given = given.ok()?;
    let payment = book.pay(row, charge.charged, offer, now).ok()?;
    let paid = Charge {
        charged: payment.charged,
        grants: payment.grants,
        absorbed: payment.absorbed,
        ..charge
    };
    if book.posted_after(given, paid.on_balance().ok()?).is_ok() {
        return Some((paid, flags));
    }
    book.posted_after(given, Amount::ZERO).ok()?;
    let suspended = Charge {
        suspended: paid.priced,
        charged: Amount::ZERO,
        grants: Vec::new(),
        absorbed: Amount::ZERO,
        ..paid
    };
    Some((
        suspended,
        flags.with(Flag::OutOfRange).with(Flag::Suspended),
    ))
}
