//! Gateways' counts in PostgreSQL's table: one round trip to lock and read them, one to write them.

use super::PostgresStore;
use super::columns::{Parameter, Stored, columns, parameters};
use crate::store::StoreError;
use crate::store::table::UNRESERVED_SETTLES;
use crate::store::unreserved::{FORGET, UnreservedCounts, UnreservedStore, read, rows};
use crate::store::value::Value;
use ferry_types::PrincipalName;
use std::collections::BTreeSet;

/// A row that is not there cannot be locked: it is made, unless it is there. Whoever made one holds it until its transaction ends.
const LOCK: &str = "INSERT INTO unreserved_settles (principal, hour, count) \
     SELECT principal, $2::BIGINT, 0 FROM unnest($1::TEXT[]) AS wanted (principal) ORDER BY principal \
     ON CONFLICT (principal, hour) DO UPDATE SET count = unreserved_settles.count \
     RETURNING principal, count";

impl UnreservedStore for PostgresStore {
    fn unreserved(
        &mut self,
        hour: u64,
        principals: &BTreeSet<PrincipalName>,
    ) -> Result<UnreservedCounts, StoreError> {
        let names: Vec<&str> = principals.iter().map(PrincipalName::as_str).collect();
        let hour = Value::count(hour);
        let found = self.step("read the counts of gateways", async |link| {
            link.query(LOCK, &[&names, &Parameter(&hour)]).await
        })?;
        found.iter().map(|row| read(&Stored(row), 0, 1)).collect()
    }

    fn keep_unreserved(&mut self, hour: u64, counts: &UnreservedCounts) -> Result<(), StoreError> {
        let rows = rows(hour, counts);
        self.step("keep the counts of gateways", async |link| {
            let columns = columns(&rows, &UNRESERVED_SETTLES.kinds);
            link.execute(&UNRESERVED_SETTLES.upsert_all, &parameters(&columns))
                .await
        })
        .map(|_| ())
    }

    fn forget_unreserved(&mut self, before_hour: u64) -> Result<usize, StoreError> {
        let before = Value::count(before_hour);
        let forgotten = self.step("forget the counts of gateways", async |link| {
            link.execute(FORGET, &[&Parameter(&before)]).await
        })?;
        Ok(usize::try_from(forgotten).unwrap_or(usize::MAX))
    }
}
