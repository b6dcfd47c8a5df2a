//! The house's book in SQLite's file.

use super::load::find;
use super::source::each;
use super::{SqliteStore, failed, persist};
use crate::store::StoreError;
use crate::store::house::{
    ACCOUNT, ADVANCES_OF, FREEZE, HouseChange, HouseStore, read_account, read_advance,
    read_movement,
};
use crate::store::table::MOVEMENTS;
use crate::store::value::Value;
use ferry_ledger::House;
use ferry_types::{MovementId, TenantId};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

const LOAD: &str = "load the house's book";

impl HouseStore for SqliteStore {
    fn load_house(&mut self, movements: &BTreeSet<MovementId>) -> Result<House, StoreError> {
        let tenant = TenantId::house();
        let of = [Value::text(tenant.as_str())];
        let mut held = self.held();
        let account = find(&mut held, LOAD, ACCOUNT, &of, |row| read_account(row))?;
        let mut house = account.unwrap_or(House::START);
        for id in movements {
            let key = [Value::text(tenant.as_str()), Value::text(id.as_str())];
            let found = find(&mut held, LOAD, &MOVEMENTS.find, &key, |row| {
                read_movement(row)
            })?;
            house.movements.extend(found);
        }
        each(&self.connection, LOAD, &ADVANCES_OF, &of, &mut |row| {
            house.advances.extend([read_advance(row)?]);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(house)
    }

    fn persist_house(&mut self, change: &HouseChange<'_>) -> Result<(), StoreError> {
        let tenant = TenantId::house();
        let mut held = self.held();
        let mut rows = change.rows(&tenant).into_iter();
        rows.try_for_each(|(sql, row)| persist::write(&mut held, sql, &row))
            .map_err(failed("write the house's book"))
    }

    fn freeze_house(&mut self, reason: &str) -> Result<(), StoreError> {
        let tenant = TenantId::house();
        let row = vec![Value::text(reason), Value::text(tenant.as_str())];
        persist::write(&mut self.held(), FREEZE, &row).map_err(failed("freeze the house's book"))
    }
}
