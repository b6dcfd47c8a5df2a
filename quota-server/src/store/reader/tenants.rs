//! Tenants, with what is available to them.

use super::{Dialect, Reader, all, open_hint};
use crate::store::StoreError;
use crate::store::decode;
use crate::store::fields::{
    Fields, absent_or, amount, bytes, corrupt, count, named, number, parsed, text, time,
};
use crate::store::value::Value;
use crate::store::view::TenantView;
use ferry_ledger::{Grant, TenantState, UnixMs, available};
use ferry_types::{Amount, Balance, Currency, TenantId};

impl Reader {
    /// Every tenant, by id, with what is available to it at this time.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn tenants(&mut self, now: UnixMs) -> Result<Vec<TenantView>, StoreError> {
        let source = self.source.as_mut();
        let sql = tenants_sql(source.dialect(), "ORDER BY t.tenant");
        let rows = all(source, "list tenants", &sql, &[], |row| tenant(row, now))?;
        Ok(with_grants(rows))
    }

    /// One tenant, with what is available to it at this time.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn tenant(&mut self, id: &TenantId, now: UnixMs) -> Result<Option<TenantView>, StoreError> {
        let source = self.source.as_mut();
        let sql = tenants_sql(source.dialect(), "WHERE t.tenant = $1");
        let key = [Value::text(id.as_str())];
        let rows = all(source, "find a tenant", &sql, &key, |row| tenant(row, now))?;
        Ok(with_grants(rows).pop())
    }
}

/// Tenants, by a condition: a row for each grant of a tenant's, and one for a tenant without. What is open is counted over all of them
/// at once: it is little, and lies together.
pub(super) fn tenants_sql(dialect: Dialect, rest: &str) -> String {
    let hint = open_hint(dialect);
    format!(
        "SELECT t.tenant, name, currency, state, posted, held, seq, time, frozen, coalesce(opened.number, 0), \
         (SELECT time FROM journal j WHERE j.tenant = t.tenant AND j.seq = 1), overage, credit, reseller, share, share_carry, g.content \
         FROM tenants t LEFT JOIN grants g ON g.tenant = t.tenant LEFT JOIN (SELECT tenant, count(*) AS number FROM reservations{hint} \
         WHERE lease_until IS NOT NULL GROUP BY tenant) opened ON opened.tenant = t.tenant {rest}"
    )
}

/// A tenant with what is available of its balance, and what is free of one of its grants.
fn tenant(row: &dyn Fields, now: UnixMs) -> Result<(TenantView, Amount), StoreError> {
    let (posted, held) = (Balance::from_units(number(row, 4)?), amount(row, 5)?);
    let overage = decode::overage(row, 11)?;
    let available = posted
        .moved(overage.credit(), held)
        .map_err(|_| corrupt("a balance out of range"))?;
    let view = TenantView {
        overage,
        reseller: decode::reseller(row, 13)?,
        tenant: parsed(row, 0, "a tenant id")?,
        name: text(row, 1)?,
        currency: named(row, 2, Currency::ALL, Currency::code)?,
        state: named(row, 3, TenantState::ALL, TenantState::name)?,
        posted,
        held,
        available,
        seq: count(row, 6)?,
        changed_at: time(row, 7)?,
        frozen: absent_or(row, 8, text)?,
        open_reservations: count(row, 9)?,
        created_at: time(row, 10)?,
    };
    let free = match absent_or(row, 16, bytes)? {
        None => Amount::ZERO,
        Some(content) => match Grant::decode(&content) {
            Ok(grant) if grant.is_live(now) => grant.free(),
            Ok(_) => Amount::ZERO,
            // In a frozen book nothing is promised; of it, what can be read is shown.
            Err(_) if view.frozen.is_some() => Amount::ZERO,
            Err(error) => {
                return Err(corrupt(&format!("a grant that cannot be read ({error})")));
            }
        },
    };
    Ok((view, free))
}

/// Tenants with what is free of all of their grants; the rows of one follow each other.
fn with_grants(rows: Vec<(TenantView, Amount)>) -> Vec<TenantView> {
    let of_one =
        |one: &(TenantView, Amount), next: &(TenantView, Amount)| one.0.tenant == next.0.tenant;
    let all = rows.chunk_by(of_one).filter_map(|rows| {
        let (view, _) = rows.first()?;
        let available = available(view.available, rows.iter().map(|(_, free)| *free));
        Some(TenantView {
            available,
            ..view.clone()
        })
    });
    all.collect()
}
