//! What a book said before an event: as much as the invariants compare.

use super::priced::{self, Due};
use crate::book::Book;
use crate::decide::settled_counts;
use crate::event::Event;
use crate::grant::{self, GrantSlice};
use crate::limit::Asked;
use crate::limit::counter::{Counted, Counter, Counts, Subject};
use crate::reissue::Reissued;
use crate::reservation::State;
use crate::sizing::binds;
use crate::time::UnixMs;
use ferry_types::{Amount, Balance, GrantId};
use std::collections::BTreeMap;

/// What a book said before an event: as much as the invariants compare.
#[derive(Clone, Debug)]
pub struct Before {
    pub(super) posted: Balance,
    pub(super) held: Amount,
    pub(super) row: Option<RowBefore>,
    pub(super) grants: BTreeMap<GrantId, GrantBefore>,
    /// Of a new reservation, or of more for an old one: how much it is, and the slices that the burn order gives.
    pub(super) promised: Option<Promised>,
    /// What it must charge, and to whom.
    pub(super) due: Due,
    /// The grants that it must issue, since what comes back cannot go to the ones that had paid; `None` if that does not add up.
    pub(super) reissued: Option<Vec<Reissued>>,
    /// Where it must count.
    pub(super) counts: Counts,
    /// What the counters said that it may change.
    pub(super) counters: BTreeMap<(u64, Subject), Counter>,
    /// When it happens.
    pub(super) at: UnixMs,
}

/// As much of a grant as the invariants compare.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GrantBefore {
    pub(super) remaining: i64,
    pub(super) held: i64,
}

/// What is promised anew.
#[derive(Clone, Debug)]
pub(super) struct Promised {
    pub(super) amount: Amount,
    pub(super) slices: Vec<GrantSlice>,
}

#[derive(Clone, Debug)]
pub(super) struct RowBefore {
    /// Of the balance; `None` if it does not add up.
    pub(super) held: Option<Amount>,
    pub(super) held_of_grants: Vec<GrantSlice>,
    pub(super) charged: Amount,
    pub(super) state: Stage,
}

/// A reservation's state, as far as its ends are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Open,
    Settled,
    Released,
    Expired,
    Parked,
}

impl Before {
    /// What this book says before this event.
    #[must_use]
    pub fn of(book: &Book, event: &Event, at: UnixMs) -> Self {
        let row = event
            .reservation()
            .and_then(|id| book.reservations.get(&id));
        let counts = counts(book, event, at);
        let counted = row.map_or(&[][..], |row| &row.counted);
        let counted = counted.iter().chain(&counts.counted);
        let counters = counted.map(|counted| counter(book, counted)).collect();
        Self {
            posted: book.posted,
            held: book.held,
            row: row.map(|row| RowBefore {
                held: row.held_on_balance().ok(),
                held_of_grants: row.held_of_grants().to_vec(),
                charged: row.charged(),
                state: match row.state {
                    State::Open => Stage::Open,
                    State::Settled(_) => Stage::Settled,
                    State::Released(_) => Stage::Released,
                    State::Expired(_) => Stage::Expired,
                    State::Parked(_) => Stage::Parked,
                },
            }),
            grants: grants(book).collect(),
            promised: promised(book, event, at),
            due: Due::of(book, event, at),
            reissued: priced::reissued(book, event, at),
            counts,
            counters,
            at,
        }
    }

    /// Whether grants cover all that is promised anew.
    pub(super) fn drew_all(&self, event: &Event) -> bool {
        let drawn = grant::total(event.draws());
        let promised = self.promised.as_ref();
        promised.is_none_or(|promised| drawn == Ok(promised.amount))
    }
}

/// What an event promises that binds, and what the burn order gives for it.
fn promised(book: &Book, event: &Event, at: UnixMs) -> Option<Promised> {
    let (amount, offer) = if let Event::Reserved(reserved) = event {
        if !binds(&reserved.facts) {
            return None;
        }
        (reserved.reserved, reserved.offer.as_ref())
    } else if let Event::Renewed {
        id,
        raised: Some(raised),
        ..
    } = event
    {
        let row = book.reservations.get(id)?;
        row.facts.as_ref().filter(|facts| binds(facts))?;
        let more = raised.reserved.minus(row.hold.as_ref()?.reserved)?;
        (more, row.offer.as_deref()?)
    } else {
        return None;
    };
    Some(Promised {
        amount,
        slices: book.slices(amount, offer, at),
    })
}

/// Where an event's request must count.
fn counts(book: &Book, event: &Event, at: UnixMs) -> Counts {
    if let Event::Reserved(reserved) = event {
        let asked = Asked {
            owner: &reserved.owner,
            facts: &reserved.facts,
            offer: Some(&reserved.offer),
        };
        book.counts(&asked, at)
    } else if let Event::Settled(settled) = event {
        let asked = Asked {
            owner: &settled.owner,
            facts: &settled.settlement.facts,
            offer: settled.offer.as_deref(),
        };
        settled_counts(book, &asked, book.reservations.get(&settled.id), at)
    } else {
        Counts::NONE
    }
}

fn counter(book: &Book, counted: &Counted) -> ((u64, Subject), Counter) {
    let counter = book.counter(counted.limit, &counted.subject);
    ((counted.limit, counted.subject.clone()), counter)
}

fn grants(book: &Book) -> impl Iterator<Item = (GrantId, GrantBefore)> {
    book.grants.iter().map(|(id, grant)| {
        let before = GrantBefore {
            remaining: grant.remaining.units(),
            held: grant.held.units(),
        };
        (id.clone(), before)
    })
}
