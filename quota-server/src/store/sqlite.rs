//! The store on SQLite: one file, one writer, a log that is flushed with each commit, or by the engine beside the next batch.
//!
//! The log (WAL) is carried into the database between batches by the writer itself, never in the middle of a commit. Counts
//! of tokens are unsigned and SQLite's numbers are not: they are kept bit by bit, so that no count is too large to be stored.

mod carrier;
mod copy;
mod flusher;
mod held;
mod house;
mod load;
mod lock;
mod open;
mod persist;
mod source;
mod unreserved;

pub use copy::{Exclusive, copy_into};
pub use lock::LockError;
pub use source::reader;

use super::fields::{Fields, id, parsed};
use super::heads as heads_of;
use super::table::{DUE_GRANTS, DUE_LEASES};
use super::value::Value;
use super::{
    Alone, BookChange, CommitError, CounterPlace, Flush, FoundCounter, Founding, Idle, Store,
    StoreError, Touch, VersionTaken, chain, frozen, moved, seals,
};
use crate::heads::{Epoch, Epochs, PublicKey};
use crate::key_directory::{PepperId, StoredDigest};
use crate::seal::Seal;
use carrier::Carrier;
use ferry_ledger::{Book, Head, UnixMs};
use ferry_types::{GrantId, KeyId, ReservationId, TenantId};
use flusher::Flusher;
use held::Held;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, ffi};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Pages in the log after which they are carried over even though calls wait: 16 MiB. The longer it is, the more often a page was
/// written again before it is carried; the shorter, the less of the disk's time does one carriage take from those who wait.
const LOG_PAGES_MAX: i64 = 4_096;
/// So much of it that the writer stops for it, should the disk be too slow to carry beside it: 256 MiB.
const LOG_PAGES_FAR_TOO_MANY: i64 = 65_536;
/// So little of it is left that the writer carries it over itself: about what comes in while the carrier flushes.
const LOG_PAGES_REST: i64 = 256;
/// Pages in the log that are worth carrying over when nothing waits.
const LOG_PAGES_IDLE: i64 = 512;

/// Failures to read.
const READS: [i32; 2] = [ffi::SQLITE_IOERR_READ, ffi::SQLITE_IOERR_SHORT_READ];

/// The writer's side of an SQLite database.
#[derive(Debug)]
pub struct SqliteStore {
    // Dropped before the connection: the last connection carries the rest of the log over, and takes it away.
    carrier: Carrier,
    connection: Connection,
    path: PathBuf,
    /// There once it flushes the log in place of the connection.
    flusher: Option<Arc<Flusher>>,
    // Dropped after the connection: whoever gets the lock next finds the file closed.
    _lock: lock::WriterLock,
}

/// Names what was tried beside SQLite's error.
fn failed(action: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |source| {
        let is_of_disk = is_of_disk(&source);
        let source = source.into();
        if is_of_disk {
            StoreError::Disk { action, source }
        } else {
            StoreError::Database { action, source }
        }
    }
}

/// Whether the disk failed to take something. What it fails to give was taken before, and a full disk is told apart.
fn is_of_disk(error: &rusqlite::Error) -> bool {
    let error = error.sqlite_error();
    error.is_some_and(|error| {
        error.code == ErrorCode::SystemIoFailure && !READS.contains(&error.extended_code)
    })
}

/// The same of a row that is to be new: where one stands already, the batch is run again, to find out whose it is.
fn unwritten(action: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |source| match source.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => StoreError::Conflict {
            action,
            source: source.into(),
        },
        Some(_) | None => failed(action)(source),
    }
}

impl SqliteStore {
    fn new(path: &Path, connection: Connection, carrier: Carrier, lock: lock::WriterLock) -> Self {
        Self {
            carrier,
            connection,
            path: path.into(),
            flusher: None,
            _lock: lock,
        }
    }

    /// Lets the file grow to so many pages and no further, as a full disk would.
    #[cfg(test)]
    pub(crate) fn limit_pages(&mut self, pages: i64) -> Result<(), StoreError> {
        self.connection
            .execute_batch(&format!("PRAGMA max_page_count = {pages}"))
            .map_err(failed("limit the file"))
    }

    /// Statements for one step.
    const fn held(&self) -> Held<'_> {
        Held::new(&self.connection)
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute(()).map(|_| ())
    }

    /// Pages in the log, and how many of them have been carried over.
    fn log_pages(&self) -> rusqlite::Result<(i64, i64)> {
        self.connection
            .prepare_cached("PRAGMA wal_checkpoint(NOOP)")?
            .query_row((), |row| Ok((row.get(1)?, row.get(2)?)))
    }
}

impl Store for SqliteStore {
    fn begin(&mut self) -> Result<(), StoreError> {
        self.run("BEGIN IMMEDIATE")
            .map_err(failed("begin a transaction"))
    }

    fn resolve(
        &mut self,
        digests: &[StoredDigest],
    ) -> Result<Vec<Option<(TenantId, KeyId)>>, StoreError> {
        let mut held = self.held();
        let found = digests
            .iter()
            .map(|digest| load::key_owner(&mut held, digest));
        found.collect()
    }

    fn load(&mut self, touches: &[Touch]) -> Result<Vec<Option<Book>>, StoreError> {
        let mut held = self.held();
        let books = touches.iter().map(|touch| load::book(&mut held, touch));
        books.collect()
    }

    fn counters(&mut self, wanted: &[CounterPlace<'_>]) -> Result<Vec<FoundCounter>, StoreError> {
        load::counters(&mut self.held(), wanted)
    }

    fn alone(&mut self) -> Option<&mut dyn Alone> {
        Some(self)
    }

    fn go_on(&mut self, ends: &[(&TenantId, u64)]) -> Result<Vec<bool>, StoreError> {
        let mut held = self.held();
        let ends = ends.iter();
        ends.map(|(tenant, seq)| load::goes_on(&mut held, tenant, *seq))
            .collect()
    }

    fn entry(&mut self, tenant: &TenantId, seq: u64) -> Result<Option<Head>, StoreError> {
        heads_of::entry_end(
            &mut source::SqliteSource::new(&self.connection),
            tenant,
            seq,
        )
    }

    fn persist(&mut self, changes: &[BookChange<'_>]) -> Result<(), StoreError> {
        let mut held = self.held();
        changes
            .iter()
            .try_for_each(|change| persist::change(&mut held, change))
            .map_err(unwritten("write a batch"))
    }

    fn freeze(&mut self, tenant: &TenantId, reason: &str) -> Result<(), StoreError> {
        self.connection
            .execute(
                "UPDATE tenants SET frozen = ?2 WHERE tenant = ?1",
                (tenant.as_str(), reason),
            )
            .map(|_| ())
            .map_err(failed("freeze a book"))
    }

    fn thaw(&mut self, book: &TenantId) -> Result<String, StoreError> {
        let mut source = source::SqliteSource::new(&self.connection);
        let reason = frozen::frozen_for(&mut source, book)?.flatten();
        let row = vec![Value::text(book.as_str())];
        persist::write(&mut self.held(), frozen::thaw_sql(book), &row)
            .map_err(failed("thaw a book"))?;
        Ok(reason.unwrap_or_default())
    }

    fn keep_price_table(
        &mut self,
        version: &str,
        sha256: [u8; 32],
        content: &str,
        now: UnixMs,
    ) -> Result<Result<(), VersionTaken>, StoreError> {
        let kept = || {
            let known: Option<[u8; 32]> = self
                .connection
                .query_row(
                    "SELECT sha256 FROM price_tables WHERE version = ?1",
                    [version],
                    |row| row.get(0),
                )
                .optional()?;
            match known {
                Some(known) if known == sha256 => return Ok(Ok(())),
                Some(_) => return Ok(Err(VersionTaken)),
                None => {}
            }
            self.connection.execute(
                "INSERT INTO price_tables (version, sha256, content, loaded_at) VALUES (?1, ?2, ?3, ?4)",
                (version, sha256, content, now.0.cast_signed()),
            )?;
            Ok(Ok(()))
        };
        kept().map_err(failed("keep a price table"))
    }

    fn keep_seal(&mut self, seal: &Seal) -> Result<(), StoreError> {
        persist::write(&mut self.held(), seals::KEEP, &seals::row(seal))
            .map_err(failed("keep a seal"))
    }

    fn newest_seal(&mut self) -> Result<Option<Seal>, StoreError> {
        Ok(seals::seals(&mut source::SqliteSource::new(&self.connection))?.pop())
    }

    fn touch_keys(&mut self, used: &BTreeMap<(TenantId, KeyId), UnixMs>) -> Result<(), StoreError> {
        let written = || {
            let sql = "UPDATE keys SET last_used_at = ?3 WHERE tenant = ?1 AND key = ?2";
            let mut statement = self.connection.prepare_cached(sql)?;
            for ((tenant, key), at) in used {
                statement.execute((tenant.as_str(), key.as_str(), at.0.cast_signed()))?;
            }
            Ok(())
        };
        written().map_err(failed("note which keys were used"))
    }

    fn prune_refusals(&mut self, before: UnixMs, limit: usize) -> Result<usize, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let pruned = || {
            let sql = "DELETE FROM refusals WHERE (tenant, reservation) IN \
                       (SELECT tenant, reservation FROM refusals WHERE time < ?1 LIMIT ?2)";
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.execute((before.0.cast_signed(), limit))
        };
        pruned().map_err(failed("forget refusals"))
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        self.run("COMMIT").map_err(|source| {
            let certain = matches!(
                source.sqlite_error_code(),
                // No room in the log, or somebody else is writing: nothing that could be taken for a commit was written.
                Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy)
            );
            let error = failed("commit")(source);
            if certain {
                CommitError::NotCommitted(error)
            } else {
                CommitError::Uncertain(error)
            }
        })
    }

    fn flush_apart(&mut self) -> Result<Option<Arc<dyn Flush>>, StoreError> {
        let flusher = match &self.flusher {
            Some(flusher) => Arc::clone(flusher),
            None => Arc::new(Flusher::take_over(&self.connection, &self.path)?),
        };
        self.flusher = Some(Arc::clone(&flusher));
        Ok(Some(flusher))
    }

    fn rollback(&mut self) -> Result<(), StoreError> {
        // After some errors SQLite has rolled back by itself.
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.run("ROLLBACK").map_err(failed("roll back"))
    }

    fn due(
        &mut self,
        now: UnixMs,
        limit: usize,
    ) -> Result<Vec<(TenantId, ReservationId)>, StoreError> {
        load::due(&self.connection, DUE_LEASES, now, limit, |row| id(row, 1))
    }

    fn due_grants(
        &mut self,
        now: UnixMs,
        limit: usize,
    ) -> Result<Vec<(TenantId, GrantId)>, StoreError> {
        let id = |row: &dyn Fields| parsed(row, 1, "a grant id");
        load::due(&self.connection, DUE_GRANTS, now, limit, id)
    }

    fn maintain(&mut self, idle: Idle) -> Result<(), CommitError> {
        if let Some(failure) = self.carrier.failure() {
            return not_carried(failure);
        }
        self.flusher
            .iter()
            .try_for_each(|flusher| flusher.is_well())?;
        let (pages, carried_over) = match self.log_pages() {
            Ok(pages) => pages,
            Err(failure) => return not_carried(failure),
        };
        let rest = pages.saturating_sub(carried_over);
        let due = match idle {
            Idle::Yes => rest >= LOG_PAGES_IDLE,
            Idle::No => rest > 0 && pages >= LOG_PAGES_MAX,
        };
        if !due || (self.carrier.carries() && pages < LOG_PAGES_FAR_TOO_MANY) {
            return Ok(());
        }
        if idle == Idle::No && rest > LOG_PAGES_REST && pages < LOG_PAGES_FAR_TOO_MANY {
            self.carrier.ask();
            return Ok(());
        }
        carrier::carry(&self.connection).or_else(not_carried)
    }
}

impl Alone for SqliteStore {
    fn load_unseen(&mut self, touch: &Touch, book: &mut Book) -> Result<(), StoreError> {
        load::parts(&mut self.held(), touch, book)
    }

    fn latest(&mut self, tenant: &TenantId) -> Result<Option<ReservationId>, StoreError> {
        load::latest(&mut self.held(), tenant)
    }
}

/// What was to be carried over stays in the log, where it is durable, until it can be: that the disk has no room is no reason to
/// stop. Any other failure may be one of the disk's.
fn not_carried(failure: rusqlite::Error) -> Result<(), CommitError> {
    let is_full = failure.sqlite_error_code() == Some(ErrorCode::DiskFull);
    let error = failed("carry the log over")(failure);
    if is_full {
        tracing::error!(error = %chain(&error), "no room to carry the log over: it grows until there is");
        Ok(())
    } else {
        Err(CommitError::Uncertain(error))
    }
}

impl Founding for SqliteStore {
    fn peppers(&mut self) -> Result<Vec<(PepperId, [u8; 32])>, StoreError> {
        let sql = "SELECT pepper, fingerprint FROM peppers ORDER BY pepper";
        let action = "read the peppers";
        let mut peppers = Vec::new();
        source::each(&self.connection, action, sql, &[], &mut |row| {
            peppers.push(super::decode::pepper(row)?);
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        Ok(peppers)
    }

    fn keep_pepper(&mut self, id: PepperId, fingerprint: [u8; 32]) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO peppers (pepper, fingerprint) VALUES (?1, ?2)";
        self.connection
            .execute(sql, (id.0, fingerprint))
            .map(|_| ())
            .map_err(failed("keep a pepper"))
    }

    fn signing_key(&mut self) -> Result<Option<PublicKey>, StoreError> {
        heads_of::signing_key(&mut source::SqliteSource::new(&self.connection))
    }

    fn keep_signing_key(&mut self, key: &PublicKey) -> Result<(), StoreError> {
        let row = heads_of::signing_key_row(key);
        persist::write(&mut self.held(), heads_of::KEEP_SIGNING_KEY, &row)
            .map_err(failed("keep the signing key"))
    }

    fn epochs(&mut self) -> Result<Epochs, StoreError> {
        heads_of::epochs(&mut source::SqliteSource::new(&self.connection))
    }

    fn begin_epoch(&mut self, epoch: &Epoch) -> Result<(), StoreError> {
        let row = heads_of::epoch_row(epoch);
        persist::write(&mut self.held(), heads_of::BEGIN_EPOCH, &row)
            .map_err(failed("record an epoch"))
    }

    fn come_back(&mut self) -> Result<(), StoreError> {
        persist::write(&mut self.held(), moved::LIFT, &moved::name())
            .map_err(failed("take the mark away"))
    }
}

#[cfg(test)]
mod tests;
