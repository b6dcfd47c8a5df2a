//! I9: every amount is the price of its usage, and is paid by whom it must be: by the grants in their order, by the balance, by us.
//!
//! What must be is derived from the book before the event, by the functions that decide.

use super::before::Before;
use super::{Broken, Invariant, holds};
use crate::bill::Bill;
use crate::book::Book;
use crate::correction::Corrected;
use crate::decide::{self, last_evidence};
use crate::event::{Event, Expired, Raised, Reserved, Settled};
use crate::flag::Flags;
use crate::reissue::Reissued;
use crate::reservation::{Charge, Reservation};
use crate::sizing::{binds, bound};
use crate::time::UnixMs;
use ferry_types::{Amount, ReservationId};

/// What an event must charge, and to whom.
#[derive(Clone, Debug)]
pub(super) enum Due {
    /// It charges nothing, and puts nothing right.
    Nothing,
    /// A request is charged this, with these flags at least; `None` if it does not add up.
    Charge(Option<(Charge, Flags)>),
    /// This is put right, and so; `None` if it cannot be.
    Correction(Option<Box<Corrected>>),
}

impl Due {
    /// What a request must be charged, if it is charged.
    pub(super) const fn charge(&self) -> Option<&(Charge, Flags)> {
        match self {
            Self::Charge(charge) => charge.as_ref(),
            Self::Nothing | Self::Correction(_) => None,
        }
    }

    /// What this event must charge in this book.
    pub(super) fn of(book: &Book, event: &Event, at: UnixMs) -> Self {
        match event {
            Event::Settled(settled) | Event::Adjusted(settled) => {
                Self::Charge(of_settlement(book, settled, at))
            }
            Event::Expired(expired) => Self::Charge(of_expiry(book, expired.id, at)),
            Event::Corrected(corrected) => {
                let due = decide::corrected(book, &corrected.id, &corrected.correction, at);
                Self::Correction(due.ok().map(Box::new))
            }
            Event::TenantOpened { .. }
            | Event::TenantStateSet(_)
            | Event::TenantClosed(_)
            | Event::KeyIssued { .. }
            | Event::KeyStateSet { .. }
            | Event::OverageSet(_)
            | Event::ResellerSet(_)
            | Event::ZoneSet(_)
            | Event::LimitSet { .. }
            | Event::LimitRemoved(_)
            | Event::GrantIssued { .. }
            | Event::GrantExpired { .. }
            | Event::ToppedUp(_)
            | Event::Transferred(_)
            | Event::Reserved(_)
            | Event::Renewed { .. }
            | Event::Released { .. }
            | Event::Parked(_)
            | Event::MonthSealed(_)
            | Event::Thawed(_) => Self::Nothing,
        }
    }
}

fn of_settlement(book: &Book, settled: &Settled, at: UnixMs) -> Option<(Charge, Flags)> {
    let row = book.reservations.get(&settled.id);
    let pinned = row.and_then(|row| row.offer.as_ref());
    let offer = pinned.or(settled.offer.as_ref()).map(AsRef::as_ref);
    let bill = Bill::of_settlement(row, &settled.settlement, offer);
    let priced = bill.charge(&settled.settlement.attempts);
    decide::paid(book, row, priced, offer, at)
}

fn of_expiry(book: &Book, id: ReservationId, at: UnixMs) -> Option<(Charge, Flags)> {
    let row = book.reservations.get(&id)?;
    let (facts, hold) = (row.facts.as_ref()?, row.hold.as_ref()?);
    let priced = Bill::of(row, facts, hold).charge(&last_evidence(row, hold));
    decide::paid(book, Some(row), priced, row.offer.as_deref(), at)
}

/// What an event must issue in the place of ended grants, as it gives back a request's charge; `None` if it does not add up.
pub(super) fn reissued(book: &Book, event: &Event, at: UnixMs) -> Option<Vec<Reissued>> {
    let taken = match event {
        Event::Settled(settled) | Event::Adjusted(settled) => settled.charge.grants.as_slice(),
        Event::Released { .. } => &[],
        Event::TenantOpened { .. }
        | Event::TenantStateSet(_)
        | Event::TenantClosed(_)
        | Event::KeyIssued { .. }
        | Event::KeyStateSet { .. }
        | Event::OverageSet(_)
        | Event::ResellerSet(_)
        | Event::ZoneSet(_)
        | Event::LimitSet { .. }
        | Event::LimitRemoved(_)
        | Event::GrantIssued { .. }
        | Event::GrantExpired { .. }
        | Event::ToppedUp(_)
        | Event::Transferred(_)
        | Event::Reserved(_)
        | Event::Renewed { .. }
        | Event::Expired(_)
        | Event::Parked(_)
        | Event::Corrected(_)
        | Event::MonthSealed(_)
        | Event::Thawed(_) => return Some(Vec::new()),
    };
    let row = event
        .reservation()
        .and_then(|id| book.reservations.get(&id));
    book.reissued(row, taken, at).ok()
}

/// I9: what is held is the bound of the request, and what is charged is the price of the usage, both by the pinned prices.
///
/// # Errors
/// [`Broken`] if it is another amount.
pub fn i9_amounts_are_priced(before: &Before, event: &Event, after: &Book) -> Result<(), Broken> {
    match event {
        Event::Reserved(reserved) => i9_hold(reserved, after),
        Event::Renewed { id, raised, .. } => i9_raised(*id, raised.as_ref(), after),
        Event::Settled(settled) | Event::Adjusted(settled) => {
            let Settled {
                id,
                charge,
                flags,
                released,
                ..
            } = settled.as_ref();
            i9_currency(*id, after)?;
            i9_charge(before, (*id, charge, *flags), *released, after)
        }
        Event::Expired(expired) => {
            let Expired {
                id,
                charge,
                released,
                flags,
            } = expired.as_ref();
            i9_charge(before, (*id, charge, *flags), *released, after)
        }
        Event::TenantOpened { .. }
        | Event::TenantStateSet(_)
        | Event::TenantClosed(_)
        | Event::KeyIssued { .. }
        | Event::KeyStateSet { .. }
        | Event::OverageSet(_)
        | Event::ResellerSet(_)
        | Event::ZoneSet(_)
        | Event::LimitSet { .. }
        | Event::LimitRemoved(_)
        | Event::GrantIssued { .. }
        | Event::GrantExpired { .. }
        | Event::ToppedUp(_)
        | Event::Transferred(_)
        | Event::Released { .. }
        | Event::Parked(_)
        | Event::Corrected(_)
        | Event::MonthSealed(_)
        | Event::Thawed(_) => Ok(()),
    }
}

fn i9_hold(reserved: &Reserved, after: &Book) -> Result<(), Broken> {
    holds(
        Invariant::I9,
        reserved.offer.currency == after.currency,
        "what is held is priced in another currency",
    )?;
    let bound = bound(&reserved.facts, &reserved.offer, reserved.output_tokens_max);
    holds(
        Invariant::I9,
        bound == Some(reserved.reserved) || !binds(&reserved.facts),
        "what is held is not the bound of the request",
    )
}

fn i9_raised(id: ReservationId, raised: Option<&Raised>, after: &Book) -> Result<(), Broken> {
    let Some(raised) = raised else {
        return Ok(());
    };
    let row = after.reservations.get(&id);
    let bound = row.and_then(|row| {
        let (facts, offer) = (row.facts.as_ref()?, row.offer.as_deref()?);
        bound(facts, offer, raised.output_tokens_max)
    });
    holds(
        Invariant::I9,
        bound == Some(raised.reserved),
        "what is held is not the bound of the raised target",
    )
}

fn i9_currency(id: ReservationId, after: &Book) -> Result<(), Broken> {
    let row = after.reservations.get(&id);
    let offer = row.and_then(|row| row.offer.as_deref());
    holds(
        Invariant::I9,
        offer.is_none_or(|offer| offer.currency == after.currency),
        "what is charged is priced in another currency",
    )
}

fn i9_charge(
    before: &Before,
    (id, told, flags): (ReservationId, &Charge, Flags),
    released: Amount,
    after: &Book,
) -> Result<(), Broken> {
    let as_priced = before.due.charge().is_some_and(|(due, own)| {
        due.due() == told.due()
            && due.suspended == told.suspended
            && due.usage == told.usage
            && due.priced == told.priced
            && due.costs == told.costs
            && own.iter().all(|flag| flags.has(flag))
    });
    holds(
        Invariant::I9,
        as_priced,
        "what is charged is not the price of the usage",
    )?;
    let row = after.reservations.get(&id);
    let granted = row.map_or(Amount::ZERO, Reservation::granted_amount);
    holds(
        Invariant::I9,
        released == granted.excess_over(told.due()),
        "what is released is not what was held beyond the charge",
    )
}

/// I9: a charge is paid by the grants in their order, then by the balance, and only what the overage policy says is written off;
/// a correction is within its bounds, and paid alike; and what comes back after a grant's end goes to one in its place.
///
/// # Errors
/// [`Broken`] if another pays.
pub fn i9_paid_by_whom_it_must(before: &Before, event: &Event) -> Result<(), Broken> {
    if let Some((due, _)) = before.due.charge() {
        let told = event.charge();
        holds(
            Invariant::I9,
            told.is_some_and(|told| told.grants == due.grants),
            "a charge is paid by other grants than it must be",
        )?;
        holds(
            Invariant::I9,
            told.is_some_and(|told| told.absorbed == due.absorbed),
            "another amount is written off than the overage policy says",
        )?;
    }
    if let Event::Corrected(corrected) = event {
        return i9_correction(before, corrected);
    }
    holds(
        Invariant::I9,
        before.reissued.as_deref() == Some(event.reissued()),
        "what comes back after a grant's end does not go to one in its place",
    )
}

fn i9_correction(before: &Before, corrected: &Corrected) -> Result<(), Broken> {
    let due = match &before.due {
        Due::Correction(due) => due.as_deref(),
        Due::Nothing | Due::Charge(_) => None,
    };
    holds(
        Invariant::I9,
        due.is_some(),
        "more is put right than there is, or what cannot be",
    )?;
    holds(
        Invariant::I9,
        due == Some(corrected),
        "a correction is paid by others than it must be",
    )
}
