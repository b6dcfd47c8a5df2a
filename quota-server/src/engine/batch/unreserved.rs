//! Settlements of which nothing was held, by gateway, in the present hour: as the database has them, and what a batch adds.
//!
//! Only a batch with a settlement that may be one looks them up, and only what is posted counts: a batch that is undone, or run
//! again, or whose book is found broken, has counted nothing. All servers on a database count together, and go by its clock.

use super::Books;
use super::authority::holds_nothing;
use super::put::{Put, Question};
use crate::principal::Principal;
use crate::store::{Store, StoreError, UnreservedCounts};
use ferry_ledger::{Command, UnixMs};
use ferry_types::{PrincipalName, ReservationId, TenantId};
use std::collections::{BTreeMap, BTreeSet};

const HOUR_MS: u64 = 3_600_000;
/// Hours that are kept, for whoever wonders what a gateway did.
const HOURS_KEPT: u64 = 24;

/// The first hour that is kept at this time.
pub(in crate::engine) const fn first_kept(now: UnixMs) -> u64 {
    (now.0 / HOUR_MS).saturating_sub(HOURS_KEPT)
}

/// What counts, and what it comes to.
#[derive(Debug, Default)]
pub(super) struct UnreservedSettles {
    hour: u64,
    before: UnreservedCounts,
    added: BTreeMap<PrincipalName, u64>,
}

impl UnreservedSettles {
    /// Looks up what may be needed to judge these, and locks it; nothing, mostly.
    pub(super) fn load(
        store: &mut dyn Store,
        puts: &[Put],
        works: &Books,
        now: UnixMs,
    ) -> Result<Self, StoreError> {
        let hour = now.0 / HOUR_MS;
        let principals = principals(puts, works);
        let before = if principals.is_empty() {
            UnreservedCounts::new()
        } else {
            store.unreserved(hour, &principals)?
        };
        Ok(Self {
            hour,
            before,
            added: BTreeMap::new(),
        })
    }

    /// Whether another one would be beyond what the gateway may. One that was not looked up, which cannot be, may none.
    pub(super) fn is_beyond_cap(&self, principal: &Principal) -> bool {
        self.count(&principal.name)
            .is_none_or(|count| count >= principal.unreserved_settles_per_hour_max)
    }

    /// Counts one that was posted.
    pub(super) fn add(&mut self, principal: &PrincipalName) {
        let added = self.added.entry(principal.clone()).or_default();
        *added = added.saturating_add(1);
    }

    /// Writes what has changed.
    pub(super) fn keep(&self, store: &mut dyn Store) -> Result<(), StoreError> {
        let counts = self.added.keys();
        let counts = counts.filter_map(|name| Some((name.clone(), self.count(name)?)));
        let counts: UnreservedCounts = counts.collect();
        if counts.is_empty() {
            return Ok(());
        }
        store.keep_unreserved(self.hour, &counts)
    }

    fn count(&self, principal: &PrincipalName) -> Option<u64> {
        let added = self.added.get(principal).copied().unwrap_or(0);
        let before = self.before.get(principal)?;
        Some(before.saturating_add(added))
    }
}

/// The gateways of settlements of which nothing may be held once it is their turn: of what is not held now, and of what this batch
/// ends itself before.
fn principals(puts: &[Put], works: &Books) -> BTreeSet<PrincipalName> {
    let mut ended: BTreeSet<(&TenantId, ReservationId)> = BTreeSet::new();
    let mut principals = BTreeSet::new();
    for put in puts {
        let Some(tenant) = &put.tenant else {
            continue;
        };
        match &put.question {
            Question::Gateway(Command::Settle(call), principal, _) => {
                let book = works.get(tenant).and_then(|work| work.book());
                let is_held = book.is_some_and(|book| !holds_nothing(book, call.id));
                if (!is_held || ended.contains(&(tenant, call.id)))
                    && !principals.contains(&principal.name)
                {
                    principals.insert(principal.name.clone());
                }
            }
            Question::Gateway(Command::Release(call), ..) => {
                ended.insert((tenant, call.id));
            }
            Question::Command(command) => {
                ended.extend(command.reservation().map(|id| (tenant, id)));
            }
            Question::Gateway(..)
            | Question::Open(_)
            | Question::Issue(..)
            | Question::Transfer(_)
            | Question::Answered(_) => {}
        }
    }
    principals
}
