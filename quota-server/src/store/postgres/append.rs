//! Rows from elsewhere, as they are: what a migration writes.

use super::PostgresStore;
use super::columns::{columns, parameters};
use crate::store::StoreError;
use crate::store::schema::column_type;
use crate::store::value::Row;

impl PostgresStore {
    /// Until the transaction ends, nobody else fills or migrates this database.
    pub(in crate::store) fn keep_others_out(&mut self) -> Result<(), StoreError> {
        let sql = "SELECT value FROM meta WHERE name = 'schema' FOR UPDATE";
        self.step("lock the schema", async |link| link.query(sql, &[]).await)
            .map(|_| ())
    }

    /// Whether anything stands in this part of a table.
    pub(in crate::store) fn has_rows(
        &mut self,
        table: &str,
        part: &str,
    ) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 FROM {table}{part} LIMIT 1");
        let rows = self.step("look for rows", async |link| link.query(&sql, &[]).await)?;
        Ok(!rows.is_empty())
    }

    /// Appends rows to a table. Each holds these columns.
    pub(in crate::store) fn append(
        &mut self,
        table: &str,
        names: &[&str],
        rows: &[Row<'_>],
    ) -> Result<(), StoreError> {
        let kinds: Vec<&str> = names.iter().map(|name| column_type(table, name)).collect();
        let arrays = (1..)
            .zip(&kinds)
            .map(|(at, kind)| format!("${at}::{kind}[]"));
        let arrays: Vec<String> = arrays.collect();
        let (names, arrays) = (names.join(", "), arrays.join(", "));
        let sql = format!("INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays})");
        let columns = columns(rows, &kinds);
        self.step("append rows", async |link| {
            link.execute(&sql, &parameters(&columns)).await
        })
        .map(|_| ())
    }
}
