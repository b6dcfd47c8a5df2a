//! What batches leave of their books, for the next ones: a database that nobody else writes need not be asked for what stands in
//! memory.
//!
//! A batch takes a book out, and gives it back once it is committed: what has not happened was never here. Of a book stay its account,
//! its keys, grants and limits, and the reservations that are open, which will be ended. All else is read when it is touched. A batch gets
//! what it touches and no more, as from the store; whenever a unit test loads books, the two are compared.

use super::batch::{Ended, Spent};
use crate::store::{Alone, StoreError, Touch};
use ferry_ledger::{Book, Key, Reservation, State};
use ferry_types::{KeyId, ReservationId, TenantId};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Books and open reservations that stay, at most: some 60 MB. Beyond it all are forgotten, and read again as they are touched.
const KEPT_MAX: usize = 65_536;

/// What stays of one tenant.
#[derive(Default)]
struct Kept {
    /// With its grants, and nothing else in view. A batch has it while it is not here.
    book: Option<Book>,
    keys: BTreeMap<KeyId, Key>,
    open: HashMap<ReservationId, Reservation>,
    /// No request under a later id has a row, granted or refused; outside it, `None` until that was looked up.
    latest: Option<Option<ReservationId>>,
}

impl Kept {
    /// Whether there may be a row of this request. Ids rise with time: of a new request there is none, mostly.
    fn may_have(
        &mut self,
        store: &mut dyn Alone,
        tenant: &TenantId,
        id: ReservationId,
    ) -> Result<bool, StoreError> {
        let latest = match self.latest {
            Some(latest) => latest,
            None => *self.latest.insert(store.latest(tenant)?),
        };
        Ok(Some(id) <= latest)
    }

    /// Takes note of the rows that a batch has in view.
    fn note(&mut self, book: &Book) {
        let granted = book.reservations.last_key_value().map(|(id, _)| *id);
        let refused = book.refused.last_key_value().map(|(id, _)| *id);
        self.latest = self.latest.map(|latest| latest.max(granted).max(refused));
    }
}

/// Books between two batches.
#[derive(Default)]
pub(super) struct Resident {
    tenants: HashMap<TenantId, Kept>,
    /// Open reservations of them all.
    open: usize,
}

impl Resident {
    /// The books of these tenants, as far as they are touched, like [`crate::store::Store::load`]. If one cannot be read none of them
    /// stays: the batch may get them from elsewhere.
    pub(super) fn load(
        &mut self,
        store: &mut dyn Alone,
        touches: &[Touch],
    ) -> Result<Vec<Option<Book>>, StoreError> {
        let loaded = self.load_all(store, touches);
        if loaded.is_err() {
            { touches.iter() }.for_each(|touch| self.forget(&touch.tenant));
        }
        loaded
    }

    fn load_all(
        &mut self,
        store: &mut dyn Alone,
        touches: &[Touch],
    ) -> Result<Vec<Option<Book>>, StoreError> {
        let books = touches.iter().map(|touch| self.take(store, touch));
        let mut books: Vec<_> = books.collect::<Result<_, _>>()?;
        let pairs = touches.iter().zip(&mut books);
        let missing = pairs.filter(|(_, book)| book.is_none());
        let (missing, places): (Vec<_>, Vec<_>) =
            { missing.map(|(touch, place)| (touch.clone(), place)) }.unzip();
        if !missing.is_empty() {
            let loaded = places.into_iter().zip(store.load(&missing)?);
            loaded.for_each(|(place, book)| *place = book);
        }
        #[cfg(test)]
        if let Ok(stored) = store.load(touches) {
            assert_eq!(books, stored, "what stayed, and what is stored");
        }
        Ok(books)
    }

    /// Takes a book out, with all that is touched of it; `None` if it is not here.
    fn take(&mut self, store: &mut dyn Alone, touch: &Touch) -> Result<Option<Book>, StoreError> {
        let Some(kept) = self.tenants.get_mut(&touch.tenant) else {
            return Ok(None);
        };
        let Some(mut book) = kept.book.take() else {
            // A batch had it, and failed.
            self.forget(&touch.tenant);
            return Ok(None);
        };
        let mut unseen = Touch {
            keys: BTreeSet::new(),
            reservations: BTreeSet::new(),
            ..touch.clone()
        };
        for id in &touch.keys {
            match kept.keys.remove_entry(id) {
                Some((id, key)) => drop(book.keys.insert(id, key)),
                None => drop(unseen.keys.insert(id.clone())),
            }
        }
        for id in &touch.reservations {
            if let Some(row) = kept.open.remove(id) {
                book.reservations.insert(*id, row);
            } else if kept.may_have(store, &touch.tenant, *id)? {
                unseen.reservations.insert(*id);
            }
        }
        self.open = self.open.saturating_sub(book.reservations.len());
        store.load_unseen(&unseen, &mut book)?;
        Ok(Some(book))
    }

    /// Takes back what a batch leaves, once that is committed.
    pub(super) fn keep(&mut self, spent: &mut Spent) {
        for book in spent.take_books() {
            if book.frozen {
                self.forget(&book.tenant);
            } else {
                spent.take_back(self.keep_book(book));
            }
        }
        if self.open.saturating_add(self.tenants.len()) > KEPT_MAX {
            *self = Self::default();
        }
    }

    /// Keeps what stays of a book, and gives the rest.
    fn keep_book(&mut self, mut book: Book) -> Ended {
        let kept = self.tenants.entry(book.tenant.clone()).or_default();
        kept.note(&book);
        kept.keys.append(&mut book.keys);
        let before = kept.open.len();
        let mut ended = Vec::new();
        for (id, row) in std::mem::take(&mut book.reservations) {
            match row.state {
                State::Open => drop(kept.open.insert(id, row)),
                State::Settled(_) | State::Released(_) | State::Expired(_) | State::Parked(_) => {
                    ended.push(row);
                }
            }
        }
        self.open = (self.open.saturating_add(kept.open.len())).saturating_sub(before);
        let refused = std::mem::take(&mut book.refused);
        book.top_ups.clear();
        book.credited_elsewhere.clear();
        book.transfers.clear();
        book.corrections.clear();
        book.counters.clear();
        kept.book = Some(book);
        Ended { ended, refused }
    }

    /// What there is of a book is read again.
    pub(super) fn forget(&mut self, tenant: &TenantId) {
        if let Some(kept) = self.tenants.remove(tenant) {
            self.open = self.open.saturating_sub(kept.open.len());
        }
    }
}
