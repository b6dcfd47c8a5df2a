//! Tenants, with what is available to them.

use super::{Dialect, Reader, Source, all, one, open_hint};
use crate::store::StoreError;
use crate::store::decode;
use crate::store::fields::{
    Fields, absent_or, amount, bytes, corrupt, count, named, number, parsed, text, time,
};
use crate::store::value::Value;
use crate::store::view::{ClosedView, TenantView};
use ferry_ledger::{Event, Grant, TenantState, UnixMs, available};
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
        with_closings(source, with_grants(rows))
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
        Ok(with_closings(source, with_grants(rows))?.pop())
    }
}

/// Tenants, by a condition: a row for each grant of a tenant's, and one for a tenant without. What is open is counted over all of them
/// at once: it is little, and lies together.
pub(super) fn tenants_sql(dialect: Dialect, rest: &str) -> String {
    let hint = open_hint(dialect);
    format!(
        "SELECT t.tenant, name, currency, state, posted, held, seq, time, frozen, coalesce(opened.number, 0), \
         (SELECT time FROM journal j WHERE j.tenant = t.tenant AND j.seq = 1), overage, credit, reseller, share, share_carry, g.content, zone \
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
        zone: parsed(row, 17, "a time zone")?,
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
        closed: None,
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

/// Tenants, the closed ones with when and why they were. That stands in their journals, and not many entries come after it.
fn with_closings(
    source: &mut dyn Source,
    mut tenants: Vec<TenantView>,
) -> Result<Vec<TenantView>, StoreError> {
    let closed = tenants.iter_mut();
    for view in closed.filter(|view| view.state == TenantState::Closed) {
        view.closed = match closing(source, &view.tenant) {
            // Of a frozen book, what can be read is shown.
            Err(StoreError::Corrupt(_)) if view.frozen.is_some() => None,
            found => found?,
        };
    }
    Ok(tenants)
}

fn closing(source: &mut dyn Source, tenant: &TenantId) -> Result<Option<ClosedView>, StoreError> {
    let sql = "SELECT time, seq, content FROM journal WHERE tenant = $1 AND kind = $2 ORDER BY seq DESC LIMIT 1";
    let kind = Event::TENANT_CLOSED;
    let key = [Value::text(tenant.as_str()), Value::Integer(kind.into())];
    one(source, "find when a tenant was closed", sql, &key, |row| {
        let event = Event::decode(kind, &bytes(row, 2)?);
        let Ok(Event::TenantClosed(closing)) = event else {
            return Err(corrupt("the closing of a tenant that cannot be read"));
        };
        Ok(ClosedView {
            at: time(row, 0)?,
            seq: count(row, 1)?,
            closing: *closing,
        })
    })
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
