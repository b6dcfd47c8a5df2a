//! Gateways' counts in SQLite's file, which has one writer: no lock is needed.

use super::load::find;
use super::source::bind;
use super::{SqliteStore, failed, persist};
use crate::store::StoreError;
use crate::store::table::UNRESERVED_SETTLES;
use crate::store::unreserved::{FORGET, UnreservedCounts, UnreservedStore, read, rows};
use crate::store::value::Value;
use ferry_types::PrincipalName;
use std::collections::BTreeSet;

impl UnreservedStore for SqliteStore {
    fn unreserved(
        &mut self,
        hour: u64,
        principals: &BTreeSet<PrincipalName>,
    ) -> Result<UnreservedCounts, StoreError> {
        let mut held = self.held();
        let mut count = |principal: &PrincipalName| {
            let key = [Value::text(principal.as_str()), Value::count(hour)];
            let sql = &UNRESERVED_SETTLES.find;
            let found = find(&mut held, "read the counts of gateways", sql, &key, |row| {
                read(row, 0, 2)
            })?;
            Ok(found.unwrap_or_else(|| (principal.clone(), 0)))
        };
        principals.iter().map(&mut count).collect()
    }

    fn keep_unreserved(&mut self, hour: u64, counts: &UnreservedCounts) -> Result<(), StoreError> {
        let mut held = self.held();
        rows(hour, counts)
            .iter()
            .try_for_each(|row| persist::write(&mut held, &UNRESERVED_SETTLES.upsert, row))
            .map_err(failed("keep the counts of gateways"))
    }

    fn forget_unreserved(&mut self, before_hour: u64) -> Result<usize, StoreError> {
        let forgotten = || {
            let mut statement = self.connection.prepare_cached(FORGET)?;
            bind(&mut statement, &[Value::count(before_hour)])?;
            statement.raw_execute()
        };
        forgotten().map_err(failed("forget the counts of gateways"))
    }
}
