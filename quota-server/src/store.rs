//! Where books are kept: an interface at the level of a batch.
//!
//! A batch begins a transaction, resolves the keys that came, loads what it touches, lets the ledger decide, writes what
//! changed, commits. A store decides nothing. It never repeats a commit of which it cannot say whether it is durable.
//! Each step is for the whole batch, so that a database in a network takes it in one round trip. What stands in rows, and what is
//! asked of them, is said once here, for every database.

mod audit;
pub mod copy;
mod database;
mod decode;
mod error;
pub mod fields;
mod frozen;
mod heads;
pub mod house;
mod lines;
mod moved;
pub mod postgres;
pub mod reader;
mod row;
mod schema;
mod seals;
pub mod sqlite;
mod table;
pub mod unreserved;
mod usage;
pub mod value;
pub mod view;

pub use audit::{KeptPriceTable, Snapshot, StoredEntry};
pub use database::Database;
pub use error::{CommitError, OpenError, StoreError};
pub(crate) use error::{UNKNOWN_OUTCOME, chain};
pub use house::{HouseChange, HouseStore};
pub use reader::Reader;
pub use seals::MonthEnds;
pub use unreserved::{UnreservedCounts, UnreservedStore};

use crate::heads::{Epoch, Epochs, PublicKey};
use crate::key_directory::{PepperId, StoredDigest};
use crate::seal::Seal;
use ferry_ledger::{Book, Counter, Head, Recorded, Subject, TopUpRef, UnixMs};
use ferry_types::{CorrectionId, GrantId, KeyId, LimitId, ReservationId, TenantId, TransferId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// What a batch needs of one book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Whose.
    pub tenant: TenantId,
    /// These keys.
    pub keys: BTreeSet<KeyId>,
    /// These reservations, granted or refused.
    pub reservations: BTreeSet<ReservationId>,
    /// These top-ups.
    pub top_ups: BTreeSet<TopUpRef>,
    /// These transfers.
    pub transfers: BTreeSet<TransferId>,
    /// These corrections.
    pub corrections: BTreeSet<CorrectionId>,
    /// The open reservations under these idempotency keys: each a customer's key, and the digest that came with it.
    pub in_flight: BTreeSet<(KeyId, [u8; 32])>,
}

impl Touch {
    /// Of this tenant nothing but the account.
    #[must_use]
    pub const fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            keys: BTreeSet::new(),
            reservations: BTreeSet::new(),
            top_ups: BTreeSet::new(),
            transfers: BTreeSet::new(),
            corrections: BTreeSet::new(),
            in_flight: BTreeSet::new(),
        }
    }
}

/// What a batch changed in one book: the book after it, and which parts of it are to be written.
#[derive(Debug)]
pub struct BookChange<'a> {
    /// After the batch.
    pub book: &'a Book,
    /// To be appended to the journal, with what each moves.
    pub records: &'a [Recorded],
    /// Keys that are new or changed.
    pub keys: &'a BTreeSet<KeyId>,
    /// What new keys are found by.
    pub directory: &'a [(StoredDigest, PepperId, KeyId)],
    /// Reservations that are new or changed.
    pub reservations: &'a BTreeSet<ReservationId>,
    /// Refusals that are new.
    pub refused: &'a BTreeSet<ReservationId>,
    /// Top-ups that are new or changed.
    pub top_ups: &'a BTreeSet<TopUpRef>,
    /// Of these, those that are new: to be listed in their directory.
    pub credited: &'a BTreeSet<TopUpRef>,
    /// Transfers that are new.
    pub transfers: &'a BTreeSet<TransferId>,
    /// Corrections that are new.
    pub corrections: &'a BTreeSet<CorrectionId>,
    /// Grants that are new or changed.
    pub grants: &'a BTreeSet<GrantId>,
    /// Limits and counters that are new or changed.
    pub limits: &'a LimitChanges,
}

/// What a batch changed of one book's limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitChanges {
    /// Limits that are new, changed, or not there any more.
    pub limits: BTreeSet<LimitId>,
    /// By their numbers, the limits of which nothing that was counted before counts any more.
    pub begun_anew: BTreeSet<u64>,
    /// Counters that are new or changed, or say nothing any more.
    pub counters: BTreeSet<(u64, Subject)>,
}

/// Where a counter lies: whose it is, its limit's number, and its subject.
pub type CounterPlace<'a> = (&'a TenantId, &'a (u64, Subject));
/// A counter where it lies.
pub type FoundCounter = (TenantId, (u64, Subject), Counter);

/// A price table's version stands for other content.
#[derive(Debug, PartialEq, Eq)]
pub struct VersionTaken;

/// A store that nobody else writes while it is open, so that a book may stay in memory between two batches.
pub trait Alone: Store {
    /// Reads what is touched of a book that is there.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    fn load_unseen(&mut self, touch: &Touch, book: &mut Book) -> Result<(), StoreError>;

    /// The latest id of a tenant's requests that have a row, granted or refused; `None` if none has.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    fn latest(&mut self, tenant: &TenantId) -> Result<Option<ReservationId>, StoreError>;
}

/// Makes durable what was committed, from any thread.
pub trait Flush: fmt::Debug + Send + Sync {
    /// Everything whose commit had ended before this began is durable after it. Once it has failed it fails for good.
    ///
    /// # Errors
    /// [`CommitError::Uncertain`] if the disk failed: nobody knows what of it is durable.
    fn flush(&self) -> Result<(), CommitError>;
}

/// The writer's side of a database. Steps come in the order of the methods; `rollback` may follow any but a failed commit.
pub trait Store: HouseStore + UnreservedStore + Send {
    /// Begins a transaction.
    ///
    /// # Errors
    /// [`StoreError`] if the database refused.
    fn begin(&mut self) -> Result<(), StoreError>;

    /// Whose keys these are.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    fn resolve(
        &mut self,
        digests: &[StoredDigest],
    ) -> Result<Vec<Option<(TenantId, KeyId)>>, StoreError>;

    /// The books of these tenants, as far as they are touched; `None` for a tenant that is not there.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    fn load(&mut self, touches: &[Touch]) -> Result<Vec<Option<Book>>, StoreError>;

    /// What these counters of the loaded books say; nothing of one that says nothing.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    fn counters(&mut self, wanted: &[CounterPlace<'_>]) -> Result<Vec<FoundCounter>, StoreError>;

    /// The same store, if nobody else writes it.
    fn alone(&mut self) -> Option<&mut dyn Alone> {
        None
    }

    /// Whether the journals of these books, which are loaded, go on behind where the books end.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    fn go_on(&mut self, ends: &[(&TenantId, u64)]) -> Result<Vec<bool>, StoreError>;

    /// An entry's number, time and hash, if the journal has it.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    fn entry(&mut self, tenant: &TenantId, seq: u64) -> Result<Option<Head>, StoreError>;

    /// Writes what changed. Nothing but the commit may follow: a store may send both at once, and tell in [`Store::commit`] what
    /// became of them.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    fn persist(&mut self, changes: &[BookChange<'_>]) -> Result<(), StoreError>;

    /// Marks a book as frozen. Nothing else of it is written in the same transaction.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    fn freeze(&mut self, tenant: &TenantId, reason: &str) -> Result<(), StoreError>;

    /// Marks a book as frozen no more, a tenant's or the house's, and says why it was. Before what else of it is written.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read or written.
    fn thaw(&mut self, book: &TenantId) -> Result<String, StoreError>;

    /// Keeps a price table.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read or written.
    fn keep_price_table(
        &mut self,
        version: &str,
        sha256: [u8; 32],
        content: &str,
        now: UnixMs,
    ) -> Result<Result<(), VersionTaken>, StoreError>;

    /// Keeps a month's seal, unless the month has one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    fn keep_seal(&mut self, seal: &Seal) -> Result<(), StoreError>;

    /// The seal of the last month that has one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    fn newest_seal(&mut self) -> Result<Option<Seal>, StoreError>;

    /// Notes when keys were last used.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    fn touch_keys(&mut self, used: &BTreeMap<(TenantId, KeyId), UnixMs>) -> Result<(), StoreError>;

    /// Forgets refusals from before this time, at most so many; says how many.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be written.
    fn prune_refusals(&mut self, before: UnixMs, limit: usize) -> Result<usize, StoreError>;

    /// Ends the transaction: it stands, and is durable, unless it is to be flushed apart.
    ///
    /// # Errors
    /// [`CommitError`] says whether the outcome is known.
    fn commit(&mut self) -> Result<(), CommitError>;

    /// From now on commits only stand, and what is given makes them durable, so that the next batch is decided while the last one
    /// is flushed. Of a store whose commits are durable anyway nothing is given.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be arranged: then each commit is durable still.
    fn flush_apart(&mut self) -> Result<Option<Arc<dyn Flush>>, StoreError> {
        Ok(None)
    }

    /// Undoes the transaction.
    ///
    /// # Errors
    /// [`StoreError`] if the database refused: its state is not known any more.
    fn rollback(&mut self) -> Result<(), StoreError>;

    /// Reservations whose lease has run out, the longest overdue first. Outside a transaction.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    fn due(
        &mut self,
        now: UnixMs,
        limit: usize,
    ) -> Result<Vec<(TenantId, ReservationId)>, StoreError>;

    /// Grants whose time is over and whose end was not posted yet. Outside a transaction.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    fn due_grants(
        &mut self,
        now: UnixMs,
        limit: usize,
    ) -> Result<Vec<(TenantId, GrantId)>, StoreError>;

    /// Housekeeping between two batches: carries the log into the database when it is long, or when there is time.
    ///
    /// # Errors
    /// [`CommitError::Uncertain`] if the disk failed.
    fn maintain(&mut self, idle: Idle) -> Result<(), CommitError>;

    /// What time it is by the clock of a database that several servers share; `None` of a file. Outside a transaction.
    ///
    /// # Errors
    /// [`StoreError`] if it does not answer.
    fn time(&mut self) -> Result<Option<UnixMs>, StoreError> {
        Ok(None)
    }

    /// Why the database is not used although it is there; `None` if it is, or is gone. A file is looked at once.
    fn unsound(&self) -> Option<&str> {
        None
    }

    /// How often a connection was made again. What was overdue before may be settled after it. A file needs none.
    fn reconnections(&self) -> u64 {
        0
    }

    /// Whether the database was there when it was last needed. A file always is.
    fn is_connected(&self) -> bool {
        true
    }
}

/// The public halves of a server's secrets, as the database knows them. Outside a transaction.
pub trait Founding: Store {
    /// The peppers that keys were ever stored under, with their fingerprints.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    fn peppers(&mut self) -> Result<Vec<(PepperId, [u8; 32])>, StoreError>;

    /// Takes note of a pepper; a fingerprint that is known stays.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    fn keep_pepper(&mut self, id: PepperId, fingerprint: [u8; 32]) -> Result<(), StoreError>;

    /// The public half of the key that this database's heads are signed with, if there ever was one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    fn signing_key(&mut self) -> Result<Option<PublicKey>, StoreError>;

    /// Takes note of the signing key; one that is known stays.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    fn keep_signing_key(&mut self, key: &PublicKey) -> Result<(), StoreError>;

    /// The present epoch, and those before it.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    fn epochs(&mut self) -> Result<Epochs, StoreError>;

    /// Records that an epoch begins.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    fn begin_epoch(&mut self, epoch: &Epoch) -> Result<(), StoreError>;

    /// From now on this database counts, wherever its history was moved to. Only a file is ever left behind.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    fn come_back(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Sessions of others that go by our name, as far as the database tells of them. A file has its lock instead.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    fn other_sessions(&mut self) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// Whether anything waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Nothing does.
    Yes,
    /// Something does.
    No,
}
