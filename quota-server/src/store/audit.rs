//! What `verify` reads: everything, as of one moment, while a server may go on writing.
//!
//! The rows that the writer would write for a book are made again, and compared with the rows that are there, column by column.

mod compare;
mod house;

use super::fields::{Fields, bytes, count, id, number, parsed, small, text, yes};
use super::reader::{Source, all};
use super::table::{
    ADVANCES, CORRECTIONS, COUNTERS, GRANTS, JOURNAL, KEY_DIRECTORY, KEYS, LIMITS, MOVEMENTS,
    REFUSALS, RESERVATIONS, TENANTS, TOP_UP_DIRECTORY, TOP_UPS, TORN_TRANSFER, TRANSFERS,
};
use super::value::{Value, owned};
use super::{StoreError, decode};
use super::{row, schema};
use crate::key_directory::{self, PepperId, StoredDigest};
use compare::Compare;
use ferry_ledger::{Book, Counter, Entry, Refused, Reservation, Transaction};
use ferry_types::{KeyId, ReservationId, TenantId};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// A tenant's keys, as the directory has them.
pub(super) const LISTED: &str = "SELECT d.key, d.pepper, d.digest, p.pepper IS NOT NULL FROM key_directory d \
                                 LEFT JOIN peppers p ON p.pepper = d.pepper WHERE d.tenant = $1 ORDER BY d.key";

/// Everything as of one moment.
#[derive(Debug)]
pub struct Snapshot<'a> {
    pub(super) source: &'a mut dyn Source,
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

/// An entry of a journal, with what stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// The entry.
    pub entry: Entry,
    /// When what it moves took place, and its lines.
    moves: [Value<'static>; 2],
}

impl StoredEntry {
    /// What of the columns beside it is not what this transaction says.
    #[must_use]
    pub fn difference(&self, transaction: &Transaction) -> Option<String> {
        let (occurred_at, lines) = row::moves(transaction);
        let columns = ["occurred_at", "lines"].into_iter();
        let mut columns = columns.zip(self.moves.iter().zip([occurred_at, lines]));
        columns.find_map(|(column, (found, should))| {
            let seq = self.entry.seq;
            let told = |found| compare::told(found, &should);
            (*found != should).then(|| format!("journal {seq}: {column} is {}", told(found)))
        })
    }
}

impl<'a> Snapshot<'a> {
    pub(super) const fn new(source: &'a mut dyn Source) -> Self {
        Self { source }
    }

    /// What the database finds wrong with its own files, if it can look.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn fault_of_file(&mut self) -> Result<Option<String>, StoreError> {
        self.source.fault_of_file()
    }

    /// The price tables that were ever loaded.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn price_tables(&mut self) -> Result<Vec<KeptPriceTable>, StoreError> {
        let sql = "SELECT version, sha256, content FROM price_tables ORDER BY version";
        all(self.source, "read price tables", sql, &[], |row| {
            Ok(KeptPriceTable {
                version: text(row, 0)?,
                sha256: bytes(row, 1)?,
                content: text(row, 2)?,
            })
        })
    }

    /// Every tenant, by id.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn tenants(&mut self) -> Result<Vec<TenantId>, StoreError> {
        let sql = "SELECT tenant FROM tenants ORDER BY tenant";
        all(self.source, "list tenants", sql, &[], |row| {
            parsed(row, 0, "a tenant id")
        })
    }

    /// A tenant's journal from an entry on, at most so many entries.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn journal(
        &mut self,
        tenant: &TenantId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let sql = format!("{} LIMIT $3", JOURNAL.of_tenant("AND seq >= $2"));
        let of = [
            Value::text(tenant.as_str()),
            Value::count(from),
            Value::limit(limit),
        ];
        all(self.source, "read a journal", &sql, &of, |row| {
            let entry = decode::entry(row)?;
            let moves = [owned(row.get(7)?), owned(row.get(8)?)];
            Ok(StoredEntry { entry, moves })
        })
    }

    /// An entry before the first. Entries are numbered from 1; what stands before that is in no chain, and yet in every sum.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn entry_before_the_first(
        &mut self,
        tenant: &TenantId,
    ) -> Result<Option<String>, StoreError> {
        let sql = "SELECT seq FROM journal WHERE tenant = $1 AND seq < 1 ORDER BY seq LIMIT 1";
        let of = [Value::text(tenant.as_str())];
        let found = all(self.source, "read a journal", sql, &of, |row| {
            number(row, 0)
        })?;
        let found = found.first();
        Ok(found.map(|seq| format!("journal {seq}: an entry before the first")))
    }

    /// Shows a tenant's stored reservations to `look`, until that finds something.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn reservations<F>(
        &mut self,
        tenant: &TenantId,
        mut look: impl FnMut(&Reservation) -> Result<(), F>,
    ) -> Result<Result<(), F>, StoreError> {
        let sql = RESERVATIONS.of_tenant("");
        each(self.source, "read reservations", &sql, tenant, |row| {
            Ok(look(&decode::reservation(row)?))
        })
    }

    /// The first row of a book's projections that is not what this book makes.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn difference_of_rows(&mut self, book: &Book) -> Result<Option<String>, StoreError> {
        let tenant = &book.tenant;
        let version = schema::version_of(self.source)?;
        let mut compare = Compare {
            source: self.source,
            tenant,
            version,
        };
        if let Some(found) = compare.rows(&TENANTS, [row::tenant(book)].into_iter())? {
            return Ok(Some(found));
        }
        let keys = book.keys.iter();
        let keys = keys.map(|(id, key)| row::key(tenant, id, key));
        if let Some(found) = compare.rows(&KEYS, keys)? {
            return Ok(Some(found));
        }
        let top_ups = book.top_ups.iter();
        let top_ups = top_ups.map(|(reference, posted)| row::top_up(tenant, reference, posted));
        if let Some(found) = compare.rows(&TOP_UPS, top_ups)? {
            return Ok(Some(found));
        }
        let credited = book.top_ups.keys();
        let credited = credited.map(|reference| row::credited(tenant, reference));
        if let Some(found) = compare.rows(&TOP_UP_DIRECTORY, credited)? {
            return Ok(Some(found));
        }
        let transfers = book.transfers.iter();
        let transfers = transfers.map(|(id, posted)| row::transfer(tenant, id, posted));
        if let Some(found) = compare.rows(&TRANSFERS, transfers)? {
            return Ok(Some(found));
        }
        let corrections = book.corrections.iter();
        let corrections = corrections.map(|(id, posted)| row::correction(tenant, id, posted));
        if let Some(found) = compare.rows(&CORRECTIONS, corrections)? {
            return Ok(Some(found));
        }
        let grants = book.grants.iter();
        let grants = grants.map(|(id, grant)| row::grant(tenant, id, grant));
        if let Some(found) = compare.rows(&GRANTS, grants)? {
            return Ok(Some(found));
        }
        let limits = book.limits.iter();
        let limits = limits.map(|(id, limit)| row::limit(tenant, id, limit));
        if let Some(found) = compare.rows(&LIMITS, limits)? {
            return Ok(Some(found));
        }
        let counters = { book.counters.iter() }.filter(|(_, counter)| **counter != Counter::ZERO);
        let counters = counters.map(|(place, counter)| row::counter(tenant, place, counter));
        if let Some(found) = compare.rows(&COUNTERS, counters)? {
            return Ok(Some(found));
        }
        let reservations = book.reservations.values();
        let reservations = reservations.map(|row| row::reservation(tenant, row));
        compare.rows(&RESERVATIONS, reservations)
    }

    /// The first refusal that is not in the shape of one, or that is nobody's.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn fault_of_refusals(&mut self, book: &Book) -> Result<Option<String>, StoreError> {
        let sql = REFUSALS.of_tenant("");
        let of = [Value::text(book.tenant.as_str())];
        let refusals: Vec<(ReservationId, [u64; 2], Refused)> =
            all(self.source, "read refusals", &sql, &of, |row| {
                let columns = [count(row, 2)?, count(row, 3)?];
                Ok((id(row, 1)?, columns, decode::refused(row)?))
            })?;
        let fault = refusals.into_iter().find_map(|(id, [time, seq], refused)| {
            let column = |name: &str, is: u64, told: u64| {
                format!("refusals {id}: {name} is {is}, but its content says {told}")
            };
            if refused.at.0 != time {
                Some(column("time", time, refused.at.0))
            } else if refused.seq != seq {
                Some(column("seq", seq, refused.seq))
            } else if seq > book.head.seq {
                Some(format!("refusals {id}: the journal has no entry {seq}"))
            } else if !book.keys.contains_key(&refused.owner.key) {
                Some(format!("refusals {id}: the journal does not know its key"))
            } else {
                None
            }
        });
        Ok(fault)
    }

    /// The first key of a book that nothing leads to, or entry of the directory that leads to no key of it, or that is not what was
    /// listed when its key was `issued`.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn fault_of_directory(
        &mut self,
        book: &Book,
        issued: &BTreeMap<KeyId, [u8; 32]>,
    ) -> Result<Option<String>, StoreError> {
        let of = [Value::text(book.tenant.as_str())];
        let listed: Vec<(KeyId, PepperId, Vec<u8>, bool)> =
            all(self.source, "read the key directory", LISTED, &of, |row| {
                let pepper = PepperId(small(row, 1)?);
                let key = parsed(row, 0, "a key id")?;
                Ok((key, pepper, bytes(row, 2)?, yes(row, 3)?))
            })?;
        for (key, pepper, digest, known_pepper) in &listed {
            let Some(issued) = issued.get(key) else {
                return Ok(Some(format!(
                    "key_directory {key}: the journal does not know it"
                )));
            };
            let digest = <[u8; 32]>::try_from(digest.as_slice()).map(StoredDigest);
            let fault = match digest {
                Ok(digest) if key_directory::listed(*pepper, &digest) == *issued => None,
                Ok(_) => Some("not what the journal says"),
                Err(_) => Some("not a digest"),
            };
            let fault = fault.or((!known_pepper).then_some("under no known pepper"));
            if let Some(fault) = fault {
                return Ok(Some(format!("key_directory {key}: {fault}")));
            }
        }
        let found = |key: &&KeyId| listed.iter().all(|(listed, ..)| listed != *key);
        let lost = book.keys.keys().find(found);
        Ok(lost.map(|key| format!("key_directory {key}: the store does not have it")))
    }

    /// The first transfer that only one of its two books has.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn torn_transfer(&mut self) -> Result<Option<String>, StoreError> {
        let action = "look for torn transfers";
        let torn: Vec<String> = all(self.source, action, TORN_TRANSFER, &[], |row| {
            let (giver, id, taker) = (text(row, 0)?, text(row, 1)?, text(row, 2)?);
            let (tenant, other) = match number(row, 3)? {
                1.. => (giver, taker),
                ..=0 => (taker, giver),
            };
            Ok(format!(
                "transfers: '{tenant}' has {id}, and '{other}' does not have its other side"
            ))
        })?;
        Ok(torn.into_iter().next())
    }

    /// The first row that belongs to a book that is not there.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn stray_row(&mut self) -> Result<Option<String>, StoreError> {
        const TENANTS: &str = "SELECT tenant FROM tenants";
        const HOUSE: &str = "SELECT tenant FROM house";
        let both = format!("{TENANTS} UNION ALL {HOUSE}");
        let of_tenants = [
            &KEYS,
            &TOP_UPS,
            &TOP_UP_DIRECTORY,
            &TRANSFERS,
            &CORRECTIONS,
            &GRANTS,
            &LIMITS,
            &COUNTERS,
            &RESERVATIONS,
            &REFUSALS,
            &KEY_DIRECTORY,
        ];
        let of_tenants = of_tenants.into_iter().map(|table| (table, TENANTS));
        let of_house = [&MOVEMENTS, &ADVANCES].map(|table| (table, HOUSE));
        let tables = [(&JOURNAL, &*both)].into_iter();
        let there: Vec<_> = schema::tables_at(schema::version_of(self.source)?).collect();
        for (table, books) in tables.chain(of_tenants).chain(of_house) {
            let table = table.name;
            if !there.contains(&table) {
                continue;
            }
            let sql = format!("SELECT tenant FROM {table} WHERE tenant NOT IN ({books}) LIMIT 1");
            let stray: Vec<String> = all(self.source, "look for stray rows", &sql, &[], |row| {
                text(row, 0)
            })?;
            if let Some(tenant) = stray.first() {
                return Ok(Some(format!(
                    "{table}: a row of '{tenant}', which is no tenant"
                )));
            }
        }
        Ok(None)
    }
}

/// Shows a tenant's rows to `look`, until that finds something.
fn each<F>(
    source: &mut dyn Source,
    action: &'static str,
    sql: &str,
    tenant: &TenantId,
    mut look: impl FnMut(&dyn Fields) -> Result<Result<(), F>, StoreError>,
) -> Result<Result<(), F>, StoreError> {
    let mut found = Ok(());
    let of = [Value::text(tenant.as_str())];
    source.each(action, sql, &of, &mut |row| {
        found = look(row)?;
        Ok(match found {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        })
    })?;
    Ok(found)
}
