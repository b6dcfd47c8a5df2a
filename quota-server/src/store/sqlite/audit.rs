//! What `verify` reads: everything, as of one moment, while a server may go on writing.
//!
//! The rows that the writer would write for a book are made again, and compared with the rows that are there, column by column.

mod compare;

use super::load::{Read, corrupt, count, decoded, id, parsed};
use super::reader::SqliteReader;
use super::table::{
    GRANTS, KEYS, LINES, RESERVATIONS, TENANTS, TOP_UPS, USAGE_ATTEMPTS, USAGE_RECORDS,
};
use super::{failed, row};
use crate::store::StoreError;
use compare::Compare;
use ferry_ledger::{Book, Entry, Refused, Reservation, Transaction, UnixMs};
use ferry_types::{KeyId, ReservationId, TenantId};
use rusqlite::Connection;
use std::ops::RangeInclusive;

/// Everything as of one moment.
#[derive(Debug)]
pub struct Snapshot<'a> {
    pub(super) connection: &'a Connection,
}

impl SqliteReader {
    /// Everything as of now, for as long as `look` takes.
    ///
    /// # Errors
    /// What `look` says, or [`StoreError`] if there is no snapshot to be had.
    pub fn snapshot<T, E: From<StoreError>>(
        &mut self,
        look: impl FnOnce(&Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let begun = self.connection.unchecked_transaction();
        let transaction = begun.map_err(failed("take a snapshot"))?;
        let looked = look(&Snapshot {
            connection: &transaction,
        })?;
        transaction.finish().map_err(failed("end a snapshot"))?;
        Ok(looked)
    }
}

/// A price table as it was kept.
#[derive(Debug)]
pub struct KeptPriceTable {
    /// Its version.
    pub version: String,
    /// Of the content, as it was kept.
    pub sha256: Vec<u8>,
    /// The file's text.
    pub content: String,
}

impl Snapshot<'_> {
    /// What SQLite finds wrong with the file itself.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn fault_of_file(&self) -> Result<Option<String>, StoreError> {
        let found = self
            .connection
            .query_row("PRAGMA integrity_check(1)", (), |row| row.get(0));
        let found: String = found.map_err(failed("check the file"))?;
        Ok((found != "ok").then_some(found))
    }

    /// The price tables that were ever loaded.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn price_tables(&self) -> Result<Vec<KeptPriceTable>, StoreError> {
        let sql = "SELECT version, sha256, content FROM price_tables ORDER BY version";
        let read = |row: &rusqlite::Row<'_>| -> Read<_> {
            Ok(KeptPriceTable {
                version: row.get(0)?,
                sha256: row.get(1)?,
                content: row.get(2)?,
            })
        };
        self.all(sql, (), read)
            .map_err(|e| e.during("read price tables"))
    }

    /// Every tenant, by id.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        let sql = "SELECT tenant FROM tenants ORDER BY tenant";
        self.all(sql, (), |row| parsed(row, 0, "a tenant id"))
            .map_err(|e| e.during("list tenants"))
    }

    /// Shows a tenant's journal to `look`, entry by entry from `first` on, until that finds something.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn journal<F>(
        &self,
        tenant: &TenantId,
        first: u64,
        mut look: impl FnMut(&Entry) -> Result<(), F>,
    ) -> Result<Result<(), F>, StoreError> {
        let sql = "SELECT seq, time, kind, content, previous_hash, hash FROM journal \
                   WHERE tenant = ?1 AND seq >= ?2 ORDER BY seq";
        let mut read = || -> Read<_> {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query((tenant.as_str(), first.cast_signed()))?;
            while let Some(row) = rows.next()? {
                let entry = Entry {
                    seq: count(row, 0)?,
                    time: UnixMs(count(row, 1)?),
                    kind: row.get(2)?,
                    content: row.get(3)?,
                    previous_hash: row.get(4)?,
                    hash: row.get(5)?,
                };
                if let Err(found) = look(&entry) {
                    return Ok(Err(found));
                }
            }
            Ok(Ok(()))
        };
        read().map_err(|e| e.during("read a journal"))
    }

    /// Shows a tenant's stored reservations to `look`, until that finds something.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn reservations<F>(
        &self,
        tenant: &TenantId,
        mut look: impl FnMut(&Reservation) -> Result<(), F>,
    ) -> Result<Result<(), F>, StoreError> {
        let sql = "SELECT content FROM reservations WHERE tenant = ?1 ORDER BY reservation";
        let mut read = || -> Read<_> {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query([tenant.as_str()])?;
            while let Some(row) = rows.next()? {
                if let Err(found) = look(&decoded(row, 0)?) {
                    return Ok(Err(found));
                }
            }
            Ok(Ok(()))
        };
        read().map_err(|e| e.during("read reservations"))
    }

    /// The first line in a part of a tenant's journal that is not what these entries move.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn difference_of_lines(
        &self,
        tenant: &TenantId,
        part: RangeInclusive<u64>,
        transactions: &[(u64, Transaction)],
    ) -> Result<Option<String>, StoreError> {
        let compare = Compare {
            connection: self.connection,
            tenant,
        };
        let rows = transactions.iter();
        let rows = rows.flat_map(|(seq, transaction)| row::lines(tenant, *seq, transaction));
        compare
            .part(&LINES, "AND seq BETWEEN ?2 AND ?3", part, rows)
            .map_err(|e| e.during("compare lines"))
    }

    /// The first row of a book's projections that is not what this book makes.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn difference_of_rows(&self, book: &Book) -> Result<Option<String>, StoreError> {
        let tenant = &book.tenant;
        let postings = || {
            let rows = book.reservations.values();
            rows.filter_map(|row| Some((row, row.posting()?)))
        };
        let keys = book.keys.iter();
        let top_ups = book.top_ups.iter();
        let reservations = book.reservations.values();
        let found = || -> Read<_> {
            let compare = Compare {
                connection: self.connection,
                tenant,
            };
            if let Some(found) = compare.rows(&TENANTS, [row::tenant(book)].into_iter())? {
                return Ok(Some(found));
            }
            let keys = keys.map(|(id, key)| row::key(tenant, id, key));
            if let Some(found) = compare.rows(&KEYS, keys)? {
                return Ok(Some(found));
            }
            let top_ups = top_ups.map(|(reference, posted)| row::top_up(tenant, reference, posted));
            if let Some(found) = compare.rows(&TOP_UPS, top_ups)? {
                return Ok(Some(found));
            }
            let grants = book.grants.iter();
            let grants = grants.map(|(id, grant)| row::grant(tenant, id, grant));
            if let Some(found) = compare.rows(&GRANTS, grants)? {
                return Ok(Some(found));
            }
            let reservations = reservations.map(|row| row::reservation(tenant, row));
            if let Some(found) = compare.rows(&RESERVATIONS, reservations)? {
                return Ok(Some(found));
            }
            let records = postings().map(|(row, posting)| row::usage_record(tenant, row, posting));
            if let Some(found) = compare.rows(&USAGE_RECORDS, records)? {
                return Ok(Some(found));
            }
            let attempts =
                postings().flat_map(|(row, posting)| row::attempts(tenant, row, posting));
            compare.rows(&USAGE_ATTEMPTS, attempts)
        };
        found().map_err(|e| e.during("compare a book"))
    }

    /// The first refusal that is not in the shape of one, or that is nobody's.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn fault_of_refusals(&self, book: &Book) -> Result<Option<String>, StoreError> {
        let sql = "SELECT reservation, time, content FROM refusals WHERE tenant = ?1 ORDER BY reservation";
        let read = |row: &rusqlite::Row<'_>| -> Read<_> {
            let content: Vec<u8> = row.get(2)?;
            let refused = Refused::decode(&content)
                .map_err(|e| corrupt(&format!("a refusal that cannot be read ({e})")))?;
            Ok((id(row, 0)?, count(row, 1)?, refused))
        };
        let refusals: Vec<(ReservationId, u64, Refused)> = self
            .all(sql, [book.tenant.as_str()], read)
            .map_err(|e| e.during("read refusals"))?;
        let fault = refusals.into_iter().find_map(|(id, time, refused)| {
            if refused.at.0 != time {
                Some(format!(
                    "refusals {id}: time is {time}, but its content says {}",
                    refused.at.0
                ))
            } else if !book.keys.contains_key(&refused.owner.key) {
                Some(format!("refusals {id}: the journal does not know its key"))
            } else {
                None
            }
        });
        Ok(fault)
    }

    /// The first key of a book that nothing leads to, or entry of the directory that leads to no key of it.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn fault_of_directory(&self, book: &Book) -> Result<Option<String>, StoreError> {
        let sql = "SELECT key, length(digest), pepper IN (SELECT pepper FROM peppers) \
                   FROM key_directory WHERE tenant = ?1 ORDER BY key";
        let read = |row: &rusqlite::Row<'_>| -> Read<(KeyId, i64, bool)> {
            Ok((parsed(row, 0, "a key id")?, row.get(1)?, row.get(2)?))
        };
        let listed = self
            .all(sql, [book.tenant.as_str()], read)
            .map_err(|e| e.during("read the key directory"))?;
        for (key, length, known_pepper) in &listed {
            if !book.keys.contains_key(key) {
                return Ok(Some(format!(
                    "key_directory {key}: the journal does not know it"
                )));
            }
            if *length != 32 || !known_pepper {
                return Ok(Some(format!(
                    "key_directory {key}: not a digest under a known pepper"
                )));
            }
        }
        let found = |key: &&KeyId| listed.iter().all(|(listed, ..)| listed != *key);
        let lost = book.keys.keys().find(found);
        Ok(lost.map(|key| format!("key_directory {key}: the store does not have it")))
    }

    /// The first row that belongs to a tenant that is not there.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn stray_row(&self) -> Result<Option<String>, StoreError> {
        let projections = [
            &KEYS,
            &TOP_UPS,
            &GRANTS,
            &LINES,
            &RESERVATIONS,
            &USAGE_RECORDS,
            &USAGE_ATTEMPTS,
        ];
        let tables = projections.map(|table| table.name);
        for table in ["journal", "refusals", "key_directory"]
            .into_iter()
            .chain(tables)
        {
            let sql = format!(
                "SELECT tenant FROM {table} WHERE tenant NOT IN (SELECT tenant FROM tenants) LIMIT 1"
            );
            let stray: Vec<String> = self
                .all(&sql, (), |row| Ok(row.get(0)?))
                .map_err(|e| e.during("look for stray rows"))?;
            if let Some(tenant) = stray.first() {
                return Ok(Some(format!(
                    "{table}: a row of '{tenant}', which is no tenant"
                )));
            }
        }
        Ok(None)
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl Fn(&rusqlite::Row<'_>) -> Read<T>,
    ) -> Read<Vec<T>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(read(row)?);
        }
        Ok(all)
    }
}
