//! What a batch reads before it decides: whose keys came, the books that are touched, the months that are over.

use super::book_work::BookWork;
use super::put::{Put, Question};
use super::{Batch, Books};
use crate::engine::job::{Op, Who};
use crate::engine::seal::is_overtaken;
use crate::key_directory::StoredDigest;
use crate::store::{StoreError, Touch};
use ferry_ledger::{Book, Command};
use ferry_types::{KeyDigest, TenantId};
use std::collections::{BTreeMap, HashMap};

impl Batch<'_> {
    /// Looks all keys up, at once, that did not come lately.
    pub(super) fn look_up(&mut self, ops: &[Op]) -> Result<(), StoreError> {
        let mut digests: Vec<StoredDigest> = Vec::new();
        let mut places: HashMap<KeyDigest, std::ops::Range<usize>> = HashMap::new();
        for op in ops {
            if let Who::Key { digest, .. } = &op.who
                && self.known_keys.owner(digest).is_none()
            {
                places.entry(*digest).or_insert_with(|| {
                    let from = digests.len();
                    digests.extend(self.peppers.candidates(digest));
                    from..digests.len()
                });
            }
        }
        if digests.is_empty() {
            return Ok(());
        }
        let found = self.store.resolve(&digests)?;
        for (digest, place) in places {
            let candidates = found.get(place).unwrap_or_default();
            if let Some(owner) = candidates.iter().flatten().next() {
                self.known_keys.note(digest, owner.clone());
            }
        }
        Ok(())
    }

    pub(super) fn load(&mut self, puts: &[Put]) -> Result<Books, StoreError> {
        let mut touches: BTreeMap<TenantId, Touch> = BTreeMap::new();
        for put in puts {
            for tenant in put.tenant.iter().chain(put.question.other()) {
                if !touches.contains_key(tenant) {
                    touches.insert(tenant.clone(), Touch::new(tenant.clone()));
                }
                if let Some(touch) = touches.get_mut(tenant) {
                    put.question.touch(touch);
                }
            }
        }
        let touches: Vec<Touch> = touches.into_values().collect();
        let mut books = match self.load_all(&touches) {
            Err(StoreError::Corrupt(_)) => self.load_apart(&touches)?,
            loaded => loaded?,
        };
        if self.is_again {
            self.freeze_torn(&touches, &mut books)?;
        }
        let works = touches.into_iter().zip(books);
        Ok(works
            .map(|(touch, book)| (touch.tenant.clone(), BookWork::new(touch, book)))
            .collect())
    }

    /// All books at once.
    fn load_all(&mut self, touches: &[Touch]) -> Result<Vec<Option<Book>>, StoreError> {
        match (&mut self.resident, self.store.alone()) {
            (Some(resident), Some(alone)) => resident.load(alone, touches),
            _ => self.store.load(touches),
        }
    }

    /// What other servers have done about months: none has an end for a new book to begin in, and none ends where others went on.
    pub(super) fn look_for_seals(&mut self, puts: &[Put]) -> Result<(), StoreError> {
        for put in puts {
            match (&put.question, &put.tenant) {
                (Question::Open(_), _) => {
                    let newest = self.store.newest_seal()?;
                    let over = newest.map_or(self.now, |seal| seal.month.end());
                    self.opens_at = self.now.max(over);
                }
                (Question::Command(Command::SealMonth(sealed)), Some(tenant))
                    if is_overtaken(self.store, tenant, sealed)? =>
                {
                    self.overtaken.insert(tenant.clone());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Each book by itself: one that cannot be read is frozen, and the others are none the worse for it.
    fn load_apart(&mut self, touches: &[Touch]) -> Result<Vec<Option<Book>>, StoreError> {
        let apart = touches.iter().map(|touch| {
            let is_known = self.unreadable.contains(&touch.tenant);
            let touch = std::slice::from_ref(touch);
            match self.store.load(touch) {
                Err(StoreError::Corrupt(_)) if is_known => Ok(None),
                Err(StoreError::Corrupt(why)) => self.load_frozen(touch, &why),
                loaded => Ok(loaded?.pop().flatten()),
            }
        });
        apart.collect()
    }

    /// Freezes books whose journals go on behind their ends, where nothing can be appended: why a batch may be in the way of
    /// nobody and fail all the same.
    fn freeze_torn(
        &mut self,
        touches: &[Touch],
        books: &mut [Option<Book>],
    ) -> Result<(), StoreError> {
        let there = books.iter().flatten().filter(|book| !book.frozen);
        let ends: Vec<_> = there.map(|book| (&book.tenant, book.head.seq)).collect();
        let go_on = self.store.go_on(&ends)?;
        let torn = ends.into_iter().zip(go_on).filter(|(_, goes_on)| *goes_on);
        let torn: Vec<_> = torn.map(|((tenant, _), _)| tenant.clone()).collect();
        for (touch, book) in touches.iter().zip(books) {
            if torn.contains(&touch.tenant) {
                let why = "the journal goes on behind the book's end";
                *book = self.load_frozen(std::slice::from_ref(touch), why)?;
            }
        }
        Ok(())
    }

    /// Freezes a book, and loads what can be read of it: enough to say that it is frozen.
    pub(super) fn load_frozen(
        &mut self,
        touch: &[Touch],
        reason: &str,
    ) -> Result<Option<Book>, StoreError> {
        for Touch { tenant, .. } in touch {
            tracing::error!(%tenant, reason, "ALARM: a book cannot be read: it is frozen");
            self.metrics.books_frozen.inc();
            self.store.freeze(tenant, reason)?;
        }
        match self.store.load(touch) {
            Err(StoreError::Corrupt(_)) => {
                let tenants = touch.iter().map(|touch| touch.tenant.clone());
                self.unreadable.extend(tenants);
                Ok(None)
            }
            loaded => Ok(loaded?.pop().flatten()),
        }
    }
}
