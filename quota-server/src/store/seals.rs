//! Sealed months, and how books stood at a month's end.

use super::fields::{Fields, bytes, corrupt, count, digest, parsed, text, time};
use super::heads::entry_end;
use super::reader::{Source, all};
use super::schema;
use super::value::{Row, Value};
use super::{Reader, Snapshot, StoreError};
use crate::seal::{MonthEnd, Seal};
use ferry_ledger::{Event, Month, UnixMs};
use ferry_types::TenantId;
use std::collections::{BTreeMap, BTreeSet};

/// Keeps a month's seal, unless the month has one.
pub(super) const KEEP: &str = "INSERT INTO seals (month, sealed_at, books, hash, signature, without) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (month) DO NOTHING";
const SEALS: &str =
    "SELECT month, sealed_at, books, hash, signature, without FROM seals ORDER BY month";
/// The same before version 2, when no book was ever left out.
const FIRST_SEALS: &str =
    "SELECT month, sealed_at, books, hash, signature, '' FROM seals ORDER BY month";

/// How books stood at a month's end.
#[derive(Debug, Default)]
pub struct MonthEnds {
    /// Every book with an entry before it that could be read, by tenant.
    pub all: Vec<MonthEnd>,
    /// Of these the ones that do not say so themselves yet, and could.
    pub open: Vec<MonthEnd>,
    /// The ones that do not, since they are frozen.
    pub frozen: Vec<TenantId>,
}

pub(super) fn row(seal: &Seal) -> Row<'_> {
    vec![
        Value::Text(seal.month.to_string().into()),
        Value::count(seal.sealed_at.0),
        Value::count(seal.books),
        Value::bytes(&seal.hash),
        Value::bytes(&seal.signature),
        Value::Text(joined(&seal.without).into()),
    ]
}

fn joined(tenants: &BTreeSet<TenantId>) -> String {
    let names: Vec<&str> = tenants.iter().map(TenantId::as_str).collect();
    names.join(",")
}

/// A set has one text: in order, each name once.
fn parted(text: &str) -> Result<BTreeSet<TenantId>, StoreError> {
    let names = text.split(',').filter(|_| !text.is_empty());
    let tenants: Result<BTreeSet<TenantId>, _> = names.map(str::parse).collect();
    let tenants = tenants.ok().filter(|tenants| joined(tenants) == text);
    tenants.ok_or_else(|| corrupt("a list of tenants"))
}

impl Reader {
    /// Every sealed month, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn seals(&mut self) -> Result<Vec<Seal>, StoreError> {
        seals_of_any(self.source_mut())
    }

    /// Which of these books are there; and of those, whether each is frozen.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn frozen_of(
        &mut self,
        tenants: &BTreeSet<TenantId>,
    ) -> Result<BTreeMap<TenantId, bool>, StoreError> {
        let books = books(self.source_mut())?.into_iter();
        let wanted = books.filter(|book| tenants.contains(&book.tenant));
        Ok(wanted.map(|book| (book.tenant, book.is_frozen)).collect())
    }

    /// How every book stood at a month's end, but for these, of which nothing is read.
    ///
    /// # Errors
    /// [`StoreError`] if one cannot be read that is not frozen.
    pub fn month_ends(
        &mut self,
        month: Month,
        without: &BTreeSet<TenantId>,
    ) -> Result<MonthEnds, StoreError> {
        let source = self.source_mut();
        let mut ends = MonthEnds::default();
        for book in books(source)? {
            if without.contains(&book.tenant) {
                continue;
            }
            let Book {
                tenant, is_frozen, ..
            } = book.clone();
            let end = match month_end(source, book.tenant, book.last, month.end()) {
                // What is frozen may be so since it cannot be read.
                Err(StoreError::Corrupt(_)) if is_frozen => {
                    ends.frozen.push(tenant);
                    continue;
                }
                end => end?,
            };
            let Some(end) = end else {
                continue;
            };
            match says_so(source, month, &end)? {
                true => {}
                false if is_frozen => ends.frozen.push(tenant),
                false => ends.open.push(end.clone()),
            }
            ends.all.push(end);
        }
        Ok(ends)
    }
}

impl Snapshot<'_> {
    /// Every sealed month, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn seals(&mut self) -> Result<Vec<Seal>, StoreError> {
        seals_of_any(self.source)
    }

    /// The last entry of a journal before this time.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn last_before(
        &mut self,
        tenant: &TenantId,
        time: UnixMs,
    ) -> Result<Option<MonthEnd>, StoreError> {
        let last = self.heads()?.get(tenant).map_or(0, |head| head.seq);
        month_end(self.source, tenant.clone(), last, time)
    }

    /// How every book stood at a month's end, by tenant, but for these, of which nothing is read.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn month_ends(
        &mut self,
        month: Month,
        without: &BTreeSet<TenantId>,
    ) -> Result<Vec<MonthEnd>, StoreError> {
        let mut ends = Vec::new();
        for book in books(self.source)? {
            if !without.contains(&book.tenant) {
                ends.extend(month_end(self.source, book.tenant, book.last, month.end())?);
            }
        }
        Ok(ends)
    }
}

/// Of a database of the present version.
pub(super) fn seals(source: &mut dyn Source) -> Result<Vec<Seal>, StoreError> {
    all(source, "read the seals", SEALS, &[], seal)
}

fn seals_of_any(source: &mut dyn Source) -> Result<Vec<Seal>, StoreError> {
    if schema::version_of(source)? < 2 {
        return all(source, "read the seals", FIRST_SEALS, &[], seal);
    }
    seals(source)
}

fn seal(row: &dyn Fields) -> Result<Seal, StoreError> {
    Ok(Seal {
        month: parsed(row, 0, "a month")?,
        sealed_at: time(row, 1)?,
        books: count(row, 2)?,
        hash: digest(row, 3)?,
        signature: bytes(row, 4)?
            .try_into()
            .map_err(|_| corrupt("a signature"))?,
        without: parted(&text(row, 5)?)?,
    })
}

/// A book, and where it ends now.
#[derive(Clone)]
struct Book {
    tenant: TenantId,
    last: u64,
    is_frozen: bool,
}

/// Every book, by tenant.
fn books(source: &mut dyn Source) -> Result<Vec<Book>, StoreError> {
    let sql = "SELECT tenant, seq, frozen FROM tenants \
               UNION ALL SELECT tenant, seq, frozen FROM house ORDER BY tenant";
    all(source, "read the books' ends", sql, &[], |row| {
        Ok(Book {
            tenant: parsed(row, 0, "a tenant id")?,
            last: count(row, 1)?,
            is_frozen: row.get(2)? != Value::Null,
        })
    })
}

/// The last of a journal's `last` entries before `end`. Their times never fall, so it is found by halving.
fn month_end(
    source: &mut dyn Source,
    tenant: TenantId,
    last: u64,
    end: UnixMs,
) -> Result<Option<MonthEnd>, StoreError> {
    // Entries up to `before` are before the end, those from `after` on are not.
    let (mut before, mut after) = (0, last.saturating_add(1));
    let mut hash = [0; 32];
    while after.saturating_sub(before) > 1 {
        let middle = before.midpoint(after);
        let found = entry_end(source, &tenant, middle)?;
        let found = found.ok_or_else(|| corrupt("a journal with a gap"))?;
        if found.time < end {
            (before, hash) = (middle, found.hash);
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
fn says_so(source: &mut dyn Source, month: Month, end: &MonthEnd) -> Result<bool, StoreError> {
    let sql = "SELECT content FROM journal WHERE tenant = $1 AND seq > $2 AND kind = $3";
    let key = [
        Value::text(end.tenant.as_str()),
        Value::count(end.last_seq),
        Value::Integer(Event::MONTH_SEALED.into()),
    ];
    let contents = all(source, "look for a seal", sql, &key, |row| bytes(row, 0))?;
    Ok(contents.iter().any(|content| {
        let event = Event::decode(Event::MONTH_SEALED, content);
        matches!(event, Ok(Event::MonthSealed(sealed)) if sealed.month == month)
    }))
}
