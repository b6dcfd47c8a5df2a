//! Questions about limits.

use super::{Reader, all};
use crate::store::table::{COUNTERS, LIMITS_OF};
use crate::store::value::Value;
use crate::store::view::{CountersView, LimitView};
use crate::store::{StoreError, decode};
use ferry_ledger::{Counter, Subject};
use ferry_types::{LimitId, TenantId};

impl Reader {
    /// A tenant's limits, by id.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn limits(&mut self, tenant: &TenantId) -> Result<Vec<LimitView>, StoreError> {
        let of = [Value::text(tenant.as_str())];
        let source = self.source.as_mut();
        let limits = all(source, "list limits", &LIMITS_OF, &of, |row| {
            decode::limit(row)
        })?;
        let whole = COUNTERS.of_tenant("AND subject = $2");
        let of = [Value::text(tenant.as_str()), Value::text("")];
        let whole = all(source, "read counters", &whole, &of, |row| {
            decode::counter(row)
        })?;
        let view = |(id, limit): (LimitId, ferry_ledger::Limit)| {
            let place = (limit.number, Subject::Whole);
            let found = whole.iter().find(|(at, _)| *at == place);
            let whole = found.map_or(Counter::ZERO, |(_, counter)| *counter);
            LimitView { id, limit, whole }
        };
        Ok(limits.into_iter().map(view).collect())
    }

    /// A limit with all its counters; `None` if there is no such limit.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn counters(
        &mut self,
        tenant: &TenantId,
        limit: &LimitId,
    ) -> Result<Option<CountersView>, StoreError> {
        let limits = self.limits(tenant)?;
        let Some(limit) = limits.into_iter().find(|found| found.id == *limit) else {
            return Ok(None);
        };
        let sql = COUNTERS.of_tenant("AND number = $2");
        let of = [
            Value::text(tenant.as_str()),
            Value::count(limit.limit.number),
        ];
        let source = self.source.as_mut();
        let counters = all(source, "read counters", &sql, &of, |row| {
            let ((_, subject), counter) = decode::counter(row)?;
            Ok((subject, counter))
        })?;
        Ok(Some(CountersView { limit, counters }))
    }
}
