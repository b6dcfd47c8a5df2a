//! Sealed months, and how books stood at a month's end.

use super::fields::{Fields, bytes, corrupt, count, digest, parsed, time};
use super::heads::entry_end;
use super::reader::{Source, all};
use super::value::{Row, Value};
use super::{Reader, Snapshot, StoreError};
use crate::seal::{MonthEnd, Seal};
use ferry_ledger::{Event, Month, UnixMs};
use ferry_types::TenantId;

/// Keeps a month's seal, unless the month has one.
pub(super) const KEEP: &str = "INSERT INTO seals (month, sealed_at, books, hash, signature) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (month) DO NOTHING";

pub(super) fn row(seal: &Seal) -> Row<'_> {
    vec![
        Value::Text(seal.month.to_string().into()),
        Value::count(seal.sealed_at.0),
        Value::count(seal.books),
        Value::bytes(&seal.hash),
        Value::bytes(&seal.signature),
    ]
}

impl Reader {
    /// Every sealed month, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn seals(&mut self) -> Result<Vec<Seal>, StoreError> {
        seals(self.source_mut())
    }

    /// How every book stood at a month's end, by tenant; and of these the ones that do not say so themselves yet.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn month_ends(
        &mut self,
        month: Month,
    ) -> Result<(Vec<MonthEnd>, Vec<MonthEnd>), StoreError> {
        let all = month_ends(self.source_mut(), month)?;
        let mut open = Vec::new();
        for end in &all {
            if !says_so(self.source_mut(), month, end)? {
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
    pub fn seals(&mut self) -> Result<Vec<Seal>, StoreError> {
        seals(self.source)
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

    /// How every book stood at a month's end, by tenant.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn month_ends(&mut self, month: Month) -> Result<Vec<MonthEnd>, StoreError> {
        month_ends(self.source, month)
    }
}

pub(super) fn seals(source: &mut dyn Source) -> Result<Vec<Seal>, StoreError> {
    let sql = "SELECT month, sealed_at, books, hash, signature FROM seals ORDER BY month";
    all(source, "read the seals", sql, &[], seal)
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
    })
}

fn month_ends(source: &mut dyn Source, month: Month) -> Result<Vec<MonthEnd>, StoreError> {
    let sql = "SELECT tenant, seq FROM tenants \
               UNION ALL SELECT tenant, seq FROM house ORDER BY tenant";
    let books: Vec<(TenantId, u64)> = all(source, "read the books' ends", sql, &[], |row| {
        Ok((parsed(row, 0, "a tenant id")?, count(row, 1)?))
    })?;
    let mut ends = Vec::new();
    for (tenant, last) in books {
        ends.extend(month_end(source, tenant, last, month.end())?);
    }
    Ok(ends)
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
