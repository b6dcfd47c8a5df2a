//! The house's book beside the rows that it should have.

use super::Snapshot;
use super::compare::Compare;
use crate::store::StoreError;
use crate::store::house::{account, advance, movement};
use crate::store::schema::SCHEMA;
use crate::store::table::{ADVANCES, HOUSE, MOVEMENTS};
use ferry_ledger::House;
use ferry_types::TenantId;

impl Snapshot<'_> {
    /// The first row of the house's projections that is not what this book makes.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub fn difference_of_house(&mut self, house: &House) -> Result<Option<String>, StoreError> {
        let tenant = &TenantId::house();
        let mut compare = Compare {
            source: self.source,
            tenant,
            version: SCHEMA,
        };
        let head = [account(tenant, &house.head)].into_iter();
        if let Some(found) = compare.rows(&HOUSE, head)? {
            return Ok(Some(found));
        }
        let movements = house.movements.iter();
        let movements = movements.map(|(id, posted)| movement(tenant, id, posted));
        if let Some(found) = compare.rows(&MOVEMENTS, movements)? {
            return Ok(Some(found));
        }
        let advances = house.advances.iter();
        let advances = advances.map(|(whose, amount)| advance(tenant, whose, *amount));
        compare.rows(&ADVANCES, advances)
    }
}
