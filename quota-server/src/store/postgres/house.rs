//! The house's book in PostgreSQL's tables: one round trip to load it, one to write it.

use super::PostgresStore;
use super::columns::{Parameter, Stored};
use crate::store::StoreError;
use crate::store::house::{
    ACCOUNT, ADVANCES_OF, FREEZE, HouseChange, HouseStore, read_account, read_advance,
    read_movement,
};
use crate::store::table::MOVEMENTS;
use crate::store::value::Value;
use ferry_ledger::House;
use ferry_types::{MovementId, TenantId};
use futures_util::future::try_join_all;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use tokio_postgres::types::ToSql;

/// The book is locked until the transaction ends.
static LOCK: LazyLock<String> = LazyLock::new(|| format!("{ACCOUNT} FOR UPDATE"));
static MOVEMENTS_OF: LazyLock<String> =
    LazyLock::new(|| MOVEMENTS.of_tenant("AND movement = ANY($2::TEXT[])"));

impl HouseStore for PostgresStore {
    fn load_house(&mut self, movements: &BTreeSet<MovementId>) -> Result<House, StoreError> {
        let tenant = TenantId::house();
        let tenant = tenant.as_str();
        let ids: Vec<&str> = movements.iter().map(MovementId::as_str).collect();
        let (of_tenant, of_ids): ([&(dyn ToSql + Sync); 1], [&(dyn ToSql + Sync); 2]) =
            ([&tenant], [&tenant, &ids]);
        let (account, movements, advances) = self.step("load the house's book", async |link| {
            // What is read after the lock is read as it is once it is there.
            tokio::try_join!(
                biased;
                link.query(&LOCK, &of_tenant),
                link.query(&MOVEMENTS_OF, &of_ids),
                link.query(&ADVANCES_OF, &of_tenant),
            )
        })?;
        let mut house = match account.first() {
            Some(row) => read_account(&Stored(row))?,
            None => House::START,
        };
        for row in &movements {
            house.movements.extend([read_movement(&Stored(row))?]);
        }
        for row in &advances {
            house.advances.extend([read_advance(&Stored(row))?]);
        }
        self.acknowledged.note(&TenantId::house(), house.head);
        Ok(house)
    }

    fn persist_house(&mut self, change: &HouseChange<'_>) -> Result<(), StoreError> {
        let tenant = TenantId::house();
        let rows = change.rows(&tenant);
        self.acknowledged.note(&tenant, change.house.head);
        self.step("write the house's book", async |link| {
            let sent = rows.iter().map(async |(sql, row)| {
                let values: Vec<_> = row.iter().map(Parameter).collect();
                let values: Vec<_> = values.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
                link.execute(sql, &values).await
            });
            try_join_all(sent).await.map(|_| ())
        })
    }

    fn freeze_house(&mut self, reason: &str) -> Result<(), StoreError> {
        let tenant = TenantId::house();
        let row = vec![Value::text(reason), Value::text(tenant.as_str())];
        self.write("freeze the house's book", FREEZE, &row)
    }
}
