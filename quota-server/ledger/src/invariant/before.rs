//! What a book said before an event: as much as the invariants compare.

use crate::book::Book;
use crate::event::Event;
use crate::grant::GrantSlice;
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
    /// Of a new reservation: the slices that the burn order gives.
    pub(super) slices: Vec<GrantSlice>,
}

/// As much of a grant as the invariants compare.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GrantBefore {
    pub(super) remaining: i64,
    pub(super) held: i64,
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
            slices: match event {
                Event::Reserved(reserved) if binds(&reserved.facts) => {
                    book.slices(reserved.reserved, &reserved.offer, at)
                }
                Event::Reserved(_)
                | Event::TenantOpened { .. }
                | Event::TenantStateSet(_)
                | Event::KeyIssued { .. }
                | Event::KeyStateSet { .. }
                | Event::OverageSet(_)
                | Event::ResellerSet(_)
                | Event::GrantIssued { .. }
                | Event::GrantExpired { .. }
                | Event::ToppedUp(_)
                | Event::Renewed { .. }
                | Event::Settled(_)
                | Event::Adjusted(_)
                | Event::Released { .. }
                | Event::Expired(_)
                | Event::Parked(_)
                | Event::Corrected(_)
                | Event::MonthSealed(_) => Vec::new(),
            },
        }
    }
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
