//! A store in memory, whose commits and flushes end as they are told to. What is durable is looked at from outside.

use crate::key_directory::{PepperId, StoredDigest};
use crate::seal::Seal;
use crate::store::{
    BookChange, CommitError, CounterPlace, Flush, FoundCounter, HouseChange, HouseStore, Idle,
    Store, StoreError, Touch, UnreservedCounts, UnreservedStore, VersionTaken,
};
use ferry_ledger::{Book, Head, House, UnixMs};
use ferry_types::{GrantId, KeyId, MovementId, PrincipalName, ReservationId, TenantId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// How a commit ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    /// It is durable.
    Durable,
    /// It has not happened.
    Refused,
    /// It has happened, and nobody is told.
    AnswerLost,
    /// It has happened, and the disk does not say so.
    Uncertain,
}

pub(super) type Books = BTreeMap<TenantId, Book>;

/// What was committed, and what of it a crash would leave. The locks are never held where threads can switch.
#[derive(Debug)]
pub(super) struct Disk {
    committed: Mutex<Books>,
    durable: Mutex<Books>,
    /// Whether the next flushes do; those after them do.
    flushes: Mutex<Vec<bool>>,
}

impl Disk {
    pub(super) fn new(books: &Books, flushes: Vec<bool>) -> Self {
        Self {
            committed: Mutex::new(books.clone()),
            durable: Mutex::new(books.clone()),
            flushes: Mutex::new(flushes),
        }
    }

    pub(super) fn durable(&self) -> Books {
        self.durable.lock().unwrap().clone()
    }
}

impl Flush for Disk {
    fn flush(&self) -> Result<(), CommitError> {
        if !self.flushes.lock().unwrap().pop().unwrap_or(true) {
            return Err(CommitError::Uncertain(told("flush")));
        }
        let committed = self.committed.lock().unwrap().clone();
        // What is committed meanwhile is not of this flush.
        loom::thread::yield_now();
        self.durable.lock().unwrap().extend(committed);
        Ok(())
    }
}

pub(super) struct Memory {
    pub(super) disk: Arc<Disk>,
    /// Whether commits are durable only once they are flushed.
    pub(super) is_flushed_apart: bool,
    /// How the next commits end; those after them are durable.
    pub(super) fates: Vec<Fate>,
    pub(super) staged: Option<Books>,
}

fn told(action: &'static str) -> StoreError {
    let source = "told to".into();
    StoreError::Database { action, source }
}

/// Nobody asks for it here.
impl HouseStore for Memory {
    fn load_house(&mut self, _: &BTreeSet<MovementId>) -> Result<House, StoreError> {
        Err(told("read the house's book"))
    }

    fn persist_house(&mut self, _: &HouseChange<'_>) -> Result<(), StoreError> {
        Err(told("write the house's book"))
    }

    fn freeze_house(&mut self, _: &str) -> Result<(), StoreError> {
        Err(told("freeze the house's book"))
    }
}

/// No gateway has a cap here.
impl UnreservedStore for Memory {
    fn unreserved(
        &mut self,
        _: u64,
        principals: &BTreeSet<PrincipalName>,
    ) -> Result<UnreservedCounts, StoreError> {
        Ok(principals.iter().map(|name| (name.clone(), 0)).collect())
    }

    fn keep_unreserved(&mut self, _: u64, _: &UnreservedCounts) -> Result<(), StoreError> {
        Ok(())
    }

    fn forget_unreserved(&mut self, _: u64) -> Result<usize, StoreError> {
        Ok(0)
    }
}

impl Store for Memory {
    fn begin(&mut self) -> Result<(), StoreError> {
        assert!(self.staged.is_none(), "two transactions at once");
        self.staged = Some(Books::new());
        Ok(())
    }

    fn resolve(
        &mut self,
        digests: &[StoredDigest],
    ) -> Result<Vec<Option<(TenantId, KeyId)>>, StoreError> {
        Ok(digests.iter().map(|_| None).collect())
    }

    fn load(&mut self, touches: &[Touch]) -> Result<Vec<Option<Book>>, StoreError> {
        let books = self.disk.committed.lock().unwrap();
        let book = |touch: &Touch| books.get(&touch.tenant).cloned();
        Ok(touches.iter().map(book).collect())
    }

    fn counters(&mut self, _: &[CounterPlace<'_>]) -> Result<Vec<FoundCounter>, StoreError> {
        Err(told("read counters"))
    }

    fn go_on(&mut self, ends: &[(&TenantId, u64)]) -> Result<Vec<bool>, StoreError> {
        let books = self.disk.committed.lock().unwrap();
        let goes_on = |(tenant, seq): &(&TenantId, u64)| {
            let book = books.get(*tenant);
            book.is_some_and(|book| book.head.seq > *seq)
        };
        Ok(ends.iter().map(goes_on).collect())
    }

    fn entry(&mut self, tenant: &TenantId, seq: u64) -> Result<Option<Head>, StoreError> {
        let books = self.disk.committed.lock().unwrap();
        let head = books.get(tenant).map(|book| book.head);
        Ok(head.filter(|head| head.seq == seq))
    }

    fn persist(&mut self, changes: &[BookChange<'_>]) -> Result<(), StoreError> {
        let staged = self.staged.as_mut().expect("a transaction");
        let books = changes.iter().map(|change| change.book.clone());
        staged.extend(books.map(|book| (book.tenant.clone(), book)));
        Ok(())
    }

    fn freeze(&mut self, tenant: &TenantId, reason: &str) -> Result<(), StoreError> {
        panic!("the book of {tenant} is broken: {reason}");
    }

    fn thaw(&mut self, book: &TenantId) -> Result<String, StoreError> {
        panic!("nobody freezes {book}");
    }

    fn keep_price_table(
        &mut self,
        _: &str,
        _: [u8; 32],
        _: &str,
        _: UnixMs,
    ) -> Result<Result<(), VersionTaken>, StoreError> {
        Ok(Ok(()))
    }

    fn keep_seal(&mut self, _: &Seal) -> Result<(), StoreError> {
        Ok(())
    }

    fn newest_seal(&mut self) -> Result<Option<Seal>, StoreError> {
        Ok(None)
    }

    fn touch_keys(&mut self, _: &BTreeMap<(TenantId, KeyId), UnixMs>) -> Result<(), StoreError> {
        Ok(())
    }

    fn prune_refusals(&mut self, _: UnixMs, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        let staged = self.staged.take().expect("a transaction");
        let fate = self.fates.pop().unwrap_or(Fate::Durable);
        if fate != Fate::Refused {
            let durable = (!self.is_flushed_apart).then_some(&self.disk.durable);
            for books in std::iter::once(&self.disk.committed).chain(durable) {
                books.lock().unwrap().extend(staged.clone());
            }
        }
        match fate {
            Fate::Durable => Ok(()),
            Fate::Refused => Err(CommitError::NotCommitted(told("commit"))),
            Fate::AnswerLost => Err(CommitError::Lost(told("hear of a commit"))),
            Fate::Uncertain => Err(CommitError::Uncertain(told("flush"))),
        }
    }

    fn flush_apart(&mut self) -> Result<Option<Arc<dyn Flush>>, StoreError> {
        let flusher: Arc<dyn Flush> = Arc::clone(&self.disk) as _;
        Ok(self.is_flushed_apart.then_some(flusher))
    }

    fn rollback(&mut self) -> Result<(), StoreError> {
        self.staged = None;
        Ok(())
    }

    fn due(&mut self, _: UnixMs, _: usize) -> Result<Vec<(TenantId, ReservationId)>, StoreError> {
        Ok(Vec::new())
    }

    fn due_grants(&mut self, _: UnixMs, _: usize) -> Result<Vec<(TenantId, GrantId)>, StoreError> {
        Ok(Vec::new())
    }

    fn maintain(&mut self, _: Idle) -> Result<(), CommitError> {
        Ok(())
    }
}

/// Nothing is known of any secrets' public halves.
pub(super) const NO_PEPPERS: [(PepperId, [u8; 32]); 0] = [];
