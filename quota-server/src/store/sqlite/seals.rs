//! Sealed months, and how books stood at a month's end.

use super::load::{Read, corrupt, count, parsed};
use super::reader::SqliteReader;
use super::{Snapshot, SqliteStore, failed};
use crate::seal::{MonthEnd, Seal};
use crate::store::StoreError;
use ferry_ledger::{Event, Month, UnixMs};
use ferry_types::TenantId;
use rusqlite::{Connection, OptionalExtension as _, Row};

impl SqliteStore {
    pub(super) fn insert_seal(&self, seal: &Seal) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO seals (month, sealed_at, books, hash, signature) \
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = (
            seal.month.to_string(),
            seal.sealed_at.0.cast_signed(),
            seal.books.cast_signed(),
            seal.hash,
            seal.signature,
        );
        self.connection
            .execute(sql, values)
            .map(|_| ())
            .map_err(failed("keep a seal"))
    }

    pub(super) fn last_seal(&self) -> Result<Option<Seal>, StoreError> {
        Ok(seals(&self.connection)?.pop())
    }
}

impl SqliteReader {
    /// Every sealed month, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn seals(&mut self) -> Result<Vec<Seal>, StoreError> {
        seals(&self.connection)
    }

    /// How every book stood at a month's end, by tenant; and of these the ones that do not say so themselves yet.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn month_ends(
        &mut self,
        month: Month,
    ) -> Result<(Vec<MonthEnd>, Vec<MonthEnd>), StoreError> {
        let all = month_ends(&self.connection, month)?;
        let mut open = Vec::new();
        for end in &all {
            if !says_so(&self.connection, month, end)? {
                open.push(end.clone());
            }
        }
        Ok((all, open))
    }
}

impl Snapshot<'_> {
    /// Every sealed month, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn seals(&self) -> Result<Vec<Seal>, StoreError> {
        seals(self.connection)
    }

    /// The last entry of a journal before this time.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn last_before(
        &self,
        tenant: &TenantId,
        time: UnixMs,
    ) -> Result<Option<MonthEnd>, StoreError> {
        let last = self.heads()?.get(tenant).map_or(0, |head| head.seq);
        month_end(self.connection, tenant.clone(), last, time)
            .map_err(|e| e.during("look for a time in a journal"))
    }

    /// How every book stood at a month's end, by tenant.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn month_ends(&self, month: Month) -> Result<Vec<MonthEnd>, StoreError> {
        month_ends(self.connection, month)
    }
}

fn seals(connection: &Connection) -> Result<Vec<Seal>, StoreError> {
    let sql = "SELECT month, sealed_at, books, hash, signature FROM seals ORDER BY month";
    let seal = |row: &Row<'_>| -> Read<Seal> {
        Ok(Seal {
            month: parsed(row, 0, "a month")?,
            sealed_at: UnixMs(count(row, 1)?),
            books: count(row, 2)?,
            hash: row.get(3)?,
            signature: row.get(4)?,
        })
    };
    let read = || -> Read<_> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(())?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(seal(row)?);
        }
        Ok(all)
    };
    read().map_err(|e| e.during("read the seals"))
}

fn month_ends(connection: &Connection, month: Month) -> Result<Vec<MonthEnd>, StoreError> {
    let read = || -> Read<_> {
        let sql = "SELECT tenant, seq FROM tenants ORDER BY tenant";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(())?;
        let mut ends = Vec::new();
        while let Some(row) = rows.next()? {
            let (tenant, last) = (parsed(row, 0, "a tenant id")?, count(row, 1)?);
            ends.extend(month_end(connection, tenant, last, month.end())?);
        }
        Ok(ends)
    };
    read().map_err(|e| e.during("read the books' ends"))
}

/// The last of a journal's `last` entries before `end`. Their times never fall, so it is found by halving.
fn month_end(
    connection: &Connection,
    tenant: TenantId,
    last: u64,
    end: UnixMs,
) -> Read<Option<MonthEnd>> {
    let sql = "SELECT time, hash FROM journal WHERE tenant = ?1 AND seq = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut entry = |seq: u64| -> Read<(UnixMs, [u8; 32])> {
        let key = (tenant.as_str(), seq.cast_signed());
        let found = statement
            .query_row(key, |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
            .optional()?;
        let (time, hash) = found.ok_or_else(|| corrupt("a journal with a gap"))?;
        Ok((UnixMs(time.cast_unsigned()), hash))
    };
    // Entries up to `before` are before the end, those from `after` on are not.
    let (mut before, mut after) = (0, last.saturating_add(1));
    let mut hash = [0; 32];
    while after.saturating_sub(before) > 1 {
        let middle = before.midpoint(after);
        let (time, found) = entry(middle)?;
        if time < end {
            (before, hash) = (middle, found);
        } else {
            after = middle;
        }
    }
    Ok((before > 0).then_some(MonthEnd {
        tenant,
        last_seq: before,
        last_hash: hash,
    }))
}

/// Whether the book has sealed this month.
fn says_so(connection: &Connection, month: Month, end: &MonthEnd) -> Result<bool, StoreError> {
    let sql = "SELECT content FROM journal WHERE tenant = ?1 AND seq > ?2 AND kind = ?3";
    let read = || -> Read<_> {
        let mut statement = connection.prepare_cached(sql)?;
        let key = (
            end.tenant.as_str(),
            end.last_seq.cast_signed(),
            Event::MONTH_SEALED,
        );
        let mut rows = statement.query(key)?;
        while let Some(row) = rows.next()? {
            let content: Vec<u8> = row.get(0)?;
            let event = Event::decode(Event::MONTH_SEALED, &content);
            if matches!(event, Ok(Event::MonthSealed(sealed)) if sealed.month == month) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    read().map_err(|e| e.during("look for a seal"))
}
