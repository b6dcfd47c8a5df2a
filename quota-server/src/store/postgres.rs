//! The store on PostgreSQL: for when one machine is not enough. Several servers may share a database.
//!
//! No book belongs to a server: a batch locks the books that it touches, always in the same order, until it ends. Each step of
//! a batch is one round trip, whatever its size. Where the database says that two batches were in each other's way, the batch
//! is run again; so it is when a commit's answer was lost, since every operation is idempotent. A database that is gone is
//! looked for again and again, and until it is found nothing is decided.

mod acknowledged;
mod append;
mod columns;
mod config;
mod fault;
mod founding;
mod house;
mod link;
mod load;
mod open;
mod persist;
mod plans;
#[cfg(test)]
pub(crate) mod relatives;
mod source;
mod tls;
mod unreserved;

pub use config::{InvalidUrl, PostgresConfig};
pub use source::reader;

use super::fields::{self, id, parsed};
use super::table::{DUE_GRANTS, DUE_LEASES};
use super::value::{Row, Value};
use super::{
    BookChange, CommitError, CounterPlace, FoundCounter, Idle, OpenError, Store, StoreError, Touch,
    VersionTaken, frozen, heads, seals,
};
use crate::key_directory::StoredDigest;
use crate::seal::Seal;
use acknowledged::Acknowledged;
use columns::{Parameter, Stored};
use ferry_ledger::{Book, Head, UnixMs};
use ferry_types::{GrantId, KeyId, ReservationId, TenantId};
use futures_util::future::try_join_all;
use link::Link;
use load::Locks;
use source::PostgresSource;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};
use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

/// The first pause between two attempts to connect.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest: a database that is back is found within this time.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A connection for batches.
fn writing(config: &PostgresConfig) -> Result<Link, StoreError> {
    let link = Link::open(config, link::WRITES)?;
    plans::by_key(&link)?;
    Ok(link)
}

/// The writer's side of a PostgreSQL database.
#[derive(Debug)]
pub struct PostgresStore {
    config: PostgresConfig,
    link: Option<Link>,
    locks: Locks,
    reconnections: u64,
    acknowledged: Acknowledged,
    /// Why a database that is there is not used.
    unsound: Option<String>,
    /// The transaction's beginning is sent with its first step.
    begins: bool,
    /// What became of the commit that was sent with what the batch wrote.
    committed: Option<Result<(), CommitError>>,
    pause: Duration,
    next_attempt: Instant,
}

impl PostgresStore {
    /// Connects, and makes the schema if it is not there.
    ///
    /// # Errors
    /// [`OpenError`] says what stands in the way.
    pub fn open(config: &PostgresConfig) -> Result<Self, OpenError> {
        let link = writing(config)?;
        open::prepare(&link, config)?;
        Ok(Self {
            config: config.clone(),
            acknowledged: Acknowledged::read(&link)?,
            unsound: None,
            locks: Locks::of(&link)?,
            link: Some(link),
            reconnections: 0,
            begins: false,
            committed: None,
            pause: PAUSE_MIN,
            next_attempt: Instant::now(),
        })
    }

    /// The connection, made again if it is time to try.
    fn connect(&mut self) -> Result<(), StoreError> {
        if self.link.is_some() {
            return Ok(());
        }
        let now = Instant::now();
        if now < self.next_attempt {
            return Err(StoreError::Gone {
                action: "reach PostgreSQL",
                source: "it was not there a moment ago".into(),
            });
        }
        match self.open_again() {
            Ok((link, locks)) => {
                self.unsound = None;
                self.link = Some(link);
                self.locks = locks;
                self.reconnections = self.reconnections.saturating_add(1);
                self.pause = PAUSE_MIN;
                Ok(())
            }
            Err(error) => {
                self.next_attempt = Instant::now() + self.pause;
                self.pause = (self.pause * 2).min(PAUSE_MAX);
                if let OpenError::Store(error) = error {
                    return Err(error);
                }
                self.unsound = Some(super::chain(&error));
                Err(StoreError::Gone {
                    action: "use PostgreSQL",
                    source: error.into(),
                })
            }
        }
    }

    /// What answers now need not be what answered before: it is looked at as at the start.
    fn open_again(&self) -> Result<(Link, Locks), OpenError> {
        let link = writing(&self.config)?;
        open::check_again(&link, &self.config)?;
        match self.acknowledged.difference(&link)? {
            None => {
                let locks = Locks::of(&link)?;
                Ok((link, locks))
            }
            Some(difference) => Err(OpenError::NotAcknowledged {
                database: self.config.to_string(),
                difference,
            }),
        }
    }

    fn connected(&self) -> Result<&Link, StoreError> {
        self.link.as_ref().ok_or_else(|| StoreError::Gone {
            action: "reach PostgreSQL",
            source: "there is no connection".into(),
        })
    }

    /// Writes one row.
    fn write(&mut self, action: &'static str, sql: &str, row: &Row<'_>) -> Result<(), StoreError> {
        let values: Vec<_> = row.iter().map(Parameter).collect();
        let values: Vec<_> = values.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
        self.step(action, async |link| link.execute(sql, &values).await)
            .map(|_| ())
    }

    /// One step of a transaction: a round trip.
    fn step<T>(
        &mut self,
        action: &'static str,
        step: impl AsyncFnOnce(&Link) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let begins = std::mem::take(&mut self.begins);
        self.run(action, async |link| {
            if !begins {
                return step(link).await;
            }
            let (_, done) = tokio::try_join!(biased; link.batch("BEGIN"), step(link))?;
            Ok(done)
        })
    }

    fn overdue<T>(
        &mut self,
        sql: &str,
        now: UnixMs,
        limit: usize,
        read: impl Fn(&Stored<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<(TenantId, T)>, StoreError> {
        let (now, limit) = (Value::count(now.0), Value::limit(limit));
        let rows = self.run("look for what is due", async |link| {
            link.query(sql, &[&Parameter(&now), &Parameter(&limit)])
                .await
        })?;
        let due = rows.iter().map(Stored);
        due.map(|row| Ok((parsed(&row, 0, "a tenant id")?, read(&row)?)))
            .collect()
    }

    fn run<T>(
        &mut self,
        action: &'static str,
        step: impl AsyncFnOnce(&Link) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let done = self.connected()?.run(action, step);
        if let Err(StoreError::Gone { .. }) = done {
            self.link = None;
        }
        done
    }
}

/// What a failed commit means: where its answer was lost, it may have happened.
fn uncommitted(error: StoreError) -> CommitError {
    if let StoreError::Gone { .. } = error {
        CommitError::Lost(error)
    } else {
        CommitError::NotCommitted(error)
    }
}

impl Store for PostgresStore {
    fn begin(&mut self) -> Result<(), StoreError> {
        self.connect()?;
        self.committed = None;
        self.acknowledged.begin();
        self.begins = true;
        Ok(())
    }

    fn resolve(
        &mut self,
        digests: &[StoredDigest],
    ) -> Result<Vec<Option<(TenantId, KeyId)>>, StoreError> {
        if digests.is_empty() {
            return Ok(Vec::new());
        }
        let sql = "SELECT digest, tenant, key FROM key_directory WHERE digest = ANY($1::BYTEA[])";
        let wanted: Vec<&[u8]> = digests.iter().map(|digest| &digest.0[..]).collect();
        let rows = self.step("find keys", async |link| link.query(sql, &[&wanted]).await)?;
        let mut found = HashMap::new();
        for row in rows.iter().map(Stored) {
            let owner = (
                parsed(&row, 1, "a tenant id")?,
                parsed(&row, 2, "a key id")?,
            );
            found.insert(fields::digest(&row, 0)?, owner);
        }
        Ok(digests
            .iter()
            .map(|digest| found.get(&digest.0).cloned())
            .collect())
    }

    fn load(&mut self, touches: &[Touch]) -> Result<Vec<Option<Book>>, StoreError> {
        let locks = self.locks;
        let found = self.step("load books", async |link| {
            load::find(link, locks, touches).await
        })?;
        let books = found.books(touches)?;
        for book in books.iter().flatten() {
            self.acknowledged.note(&book.tenant, book.head);
        }
        Ok(books)
    }

    fn counters(&mut self, wanted: &[CounterPlace<'_>]) -> Result<Vec<FoundCounter>, StoreError> {
        let found = self.step("read counters", async |link| {
            load::counters(link, wanted).await
        })?;
        load::read_counters(&found)
    }

    fn go_on(&mut self, ends: &[(&TenantId, u64)]) -> Result<Vec<bool>, StoreError> {
        // Each by itself: Citus takes no question about one row of a list at a time.
        let sql = "SELECT 1 FROM journal WHERE tenant = $1 AND seq > $2 LIMIT 1";
        self.step("look journals' ends up", async |link| {
            let asked = ends.iter().map(async |(tenant, seq)| {
                let end: [&(dyn ToSql + Sync); 2] = [&tenant.as_str(), &seq.cast_signed()];
                let rows = link.query(sql, &end).await?;
                Ok(!rows.is_empty())
            });
            try_join_all(asked).await
        })
    }

    fn entry(&mut self, tenant: &TenantId, seq: u64) -> Result<Option<Head>, StoreError> {
        heads::entry_end(
            &mut PostgresSource::borrowed(self.connected()?),
            tenant,
            seq,
        )
    }

    fn persist(&mut self, changes: &[BookChange<'_>]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        for change in changes {
            self.acknowledged
                .note(&change.book.tenant, change.book.head);
        }
        let written = self.step("write a batch", async |link| {
            persist::write_and_commit(link, changes).await
        });
        self.committed = Some(written.map_err(uncommitted));
        Ok(())
    }

    fn freeze(&mut self, tenant: &TenantId, reason: &str) -> Result<(), StoreError> {
        let sql = "UPDATE tenants SET frozen = $2 WHERE tenant = $1";
        self.step("freeze a book", async |link| {
            link.execute(sql, &[&tenant.as_str(), &reason]).await
        })
        .map(|_| ())
    }

    fn thaw(&mut self, book: &TenantId) -> Result<String, StoreError> {
        let mut source = PostgresSource::borrowed(self.connected()?);
        let reason = frozen::frozen_for(&mut source, book)?.flatten();
        let row = vec![Value::text(book.as_str())];
        self.write("thaw a book", frozen::thaw_sql(book), &row)?;
        Ok(reason.unwrap_or_default())
    }

    fn keep_price_table(
        &mut self,
        version: &str,
        sha256: [u8; 32],
        content: &str,
        now: UnixMs,
    ) -> Result<Result<(), VersionTaken>, StoreError> {
        const KEEP: &str = "INSERT INTO price_tables (version, sha256, content, loaded_at) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (version) DO NOTHING";
        let find = "SELECT sha256 FROM price_tables WHERE version = $1";
        let known = self.step("keep a price table", async |link| {
            let values: [&(dyn ToSql + Sync); 4] =
                [&version, &&sha256[..], &content, &now.0.cast_signed()];
            link.execute(KEEP, &values).await?;
            link.query(find, &[&version]).await
        })?;
        let known = known.first().map(Stored).map(|row| fields::digest(&row, 0));
        Ok(match known.transpose()? {
            Some(known) if known == sha256 => Ok(()),
            Some(_) | None => Err(VersionTaken),
        })
    }

    fn keep_seal(&mut self, seal: &Seal) -> Result<(), StoreError> {
        self.write("keep a seal", seals::KEEP, &seals::row(seal))
    }

    fn newest_seal(&mut self) -> Result<Option<Seal>, StoreError> {
        Ok(seals::seals(&mut PostgresSource::borrowed(self.connected()?))?.pop())
    }

    fn touch_keys(&mut self, used: &BTreeMap<(TenantId, KeyId), UnixMs>) -> Result<(), StoreError> {
        if used.is_empty() {
            return Ok(());
        }
        // Another server may have seen the key later.
        let sql = "UPDATE keys k SET last_used_at = used.at \
                   FROM unnest($1::TEXT[], $2::TEXT[], $3::BIGINT[]) AS used (tenant, key, at) \
                   WHERE k.tenant = used.tenant AND k.key = used.key \
                   AND (k.last_used_at IS NULL OR k.last_used_at < used.at)";
        let tenants: Vec<&str> = used.keys().map(|(tenant, _)| tenant.as_str()).collect();
        let keys: Vec<&str> = used.keys().map(|(_, key)| key.as_str()).collect();
        let times: Vec<i64> = used.values().map(|at| at.0.cast_signed()).collect();
        self.step("note which keys were used", async |link| {
            link.execute(sql, &[&tenants, &keys, &times]).await
        })
        .map(|_| ())
    }

    fn prune_refusals(&mut self, before: UnixMs, limit: usize) -> Result<usize, StoreError> {
        let sql = "DELETE FROM refusals WHERE (tenant, reservation) IN \
                   (SELECT tenant, reservation FROM refusals WHERE time < $1 LIMIT $2)";
        let (before, limit) = (Value::count(before.0), Value::limit(limit));
        let pruned = self.step("forget refusals", async |link| {
            link.execute(sql, &[&Parameter(&before), &Parameter(&limit)])
                .await
        })?;
        Ok(usize::try_from(pruned).unwrap_or(usize::MAX))
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        let committed = match self.committed.take() {
            Some(committed) => committed,
            // Nothing was asked for.
            None if std::mem::take(&mut self.begins) => return Ok(()),
            None => self
                .run("commit", async |link| link.batch("COMMIT").await)
                .map_err(uncommitted),
        };
        if committed.is_ok() {
            self.acknowledged.commit();
        }
        committed
    }

    fn rollback(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.begins) || self.link.is_none() {
            // The database undoes what a connection leaves behind.
            return Ok(());
        }
        if self
            .run("roll back", async |link| link.batch("ROLLBACK").await)
            .is_err()
        {
            self.link = None;
        }
        Ok(())
    }

    fn due(
        &mut self,
        now: UnixMs,
        limit: usize,
    ) -> Result<Vec<(TenantId, ReservationId)>, StoreError> {
        self.overdue(DUE_LEASES, now, limit, |row| id(row, 1))
    }

    fn due_grants(
        &mut self,
        now: UnixMs,
        limit: usize,
    ) -> Result<Vec<(TenantId, GrantId)>, StoreError> {
        let id = |row: &Stored<'_>| parsed(row, 1, "a grant id");
        self.overdue(DUE_GRANTS, now, limit, id)
    }

    fn maintain(&mut self, idle: Idle) -> Result<(), CommitError> {
        if idle == Idle::No {
            return Ok(());
        }
        // Looks whether the database is there, before somebody needs it.
        let there = self.connect().and_then(|()| {
            self.run("reach PostgreSQL", async |link| {
                link.batch("SELECT 1").await
            })
        });
        if let Err(error) = there {
            tracing::debug!(error = %super::chain(&error), "PostgreSQL is not there");
        }
        Ok(())
    }

    fn time(&mut self) -> Result<Option<UnixMs>, StoreError> {
        let sql = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
        let rows = self.run("read the clock", async |link| link.query(sql, &[]).await)?;
        let said = rows.first().map(|row| fields::time(&Stored(row), 0));
        said.transpose()
    }

    fn unsound(&self) -> Option<&str> {
        self.unsound.as_deref()
    }

    fn reconnections(&self) -> u64 {
        self.reconnections
    }

    fn is_connected(&self) -> bool {
        self.link.is_some()
    }
}
