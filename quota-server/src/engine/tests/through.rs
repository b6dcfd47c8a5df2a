//! Stores that stand before another one: what they do not care for goes through.

use crate::store::{Store, StoreError, UnreservedCounts, UnreservedStore};
use ferry_types::PrincipalName;
use std::collections::BTreeSet;

/// Stands before another store.
pub(super) trait Through {
    fn behind(&mut self) -> &mut dyn Store;
}

impl<T: Through> UnreservedStore for T {
    fn unreserved(
        &mut self,
        hour: u64,
        principals: &BTreeSet<PrincipalName>,
    ) -> Result<UnreservedCounts, StoreError> {
        self.behind().unreserved(hour, principals)
    }

    fn keep_unreserved(&mut self, hour: u64, counts: &UnreservedCounts) -> Result<(), StoreError> {
        self.behind().keep_unreserved(hour, counts)
    }

    fn forget_unreserved(&mut self, before_hour: u64) -> Result<usize, StoreError> {
        self.behind().forget_unreserved(before_hour)
    }
}
