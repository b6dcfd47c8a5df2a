//! How many settlements of which nothing was held were posted for each gateway in an hour: counted once for all servers, in the
//! transaction that posts them, and only where there are any.
//!
//! The counts are locked after the books, all at once and in the order of their gateways, so that no two batches wait for each
//! other. They are part of no journal: what they are for is over with the hour.

use super::fields::{Fields, number, parsed, text};
use super::reader::all;
use super::value::{Row, Value};
use super::{Snapshot, StoreError};
use ferry_types::PrincipalName;
use std::collections::{BTreeMap, BTreeSet};

/// Counts by gateway.
pub type UnreservedCounts = BTreeMap<PrincipalName, u64>;

/// Forgets hours.
pub(super) const FORGET: &str = "DELETE FROM unreserved_settles WHERE hour < $1";

/// The writer's side of the counts, within a transaction of [`super::Store`]'s, after its books are loaded.
pub trait UnreservedStore {
    /// What stands for these gateways in an hour, nothing included. Nobody else counts for them until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    fn unreserved(
        &mut self,
        hour: u64,
        principals: &BTreeSet<PrincipalName>,
    ) -> Result<UnreservedCounts, StoreError>;

    /// Writes counts that have changed, before the books are written.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be written.
    fn keep_unreserved(&mut self, hour: u64, counts: &UnreservedCounts) -> Result<(), StoreError>;

    /// Forgets the hours before this one; says how many counts that were.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be written.
    fn forget_unreserved(&mut self, before_hour: u64) -> Result<usize, StoreError>;
}

pub(super) fn rows(hour: u64, counts: &UnreservedCounts) -> Vec<Row<'_>> {
    let row = |(principal, count): (&'_ PrincipalName, &u64)| {
        vec![
            Value::Text(principal.as_str().to_owned().into()),
            Value::count(hour),
            Value::count(*count),
        ]
    };
    counts.iter().map(row).collect()
}

/// A gateway and its count, from these columns.
pub(super) fn read(
    row: &(impl Fields + ?Sized),
    principal: usize,
    count: usize,
) -> Result<(PrincipalName, u64), StoreError> {
    let name = parsed(row, principal, "a principal's name")?;
    Ok((name, super::fields::count(row, count)?))
}

impl Snapshot<'_> {
    /// The first count that is none of a gateway's in an hour. Whether it is the right one no journal says.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn fault_of_unreserved(&mut self) -> Result<Option<String>, StoreError> {
        let sql = "SELECT principal, hour, count FROM unreserved_settles ORDER BY principal, hour";
        let faults = all(
            self.source,
            "read the counts of gateways",
            sql,
            &[],
            |row| {
                let (principal, hour, count) = (text(row, 0)?, number(row, 1)?, number(row, 2)?);
                let fault = if principal.parse::<PrincipalName>().is_err() {
                    Some("that is no gateway's name".to_owned())
                } else if hour < 0 || count < 0 {
                    Some(format!("count is {count}"))
                } else {
                    None
                };
                Ok(fault.map(|fault| format!("unreserved_settles {principal} {hour}: {fault}")))
            },
        )?;
        Ok(faults.into_iter().flatten().next())
    }
}
