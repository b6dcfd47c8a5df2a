//! What PostgreSQL can do in batches: the same number and size of rows as Ferry writes, under the same keys and indexes; each table's
//! rows in one statement, each batch in one transaction and one round trip. Nothing is read, nothing decided.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use ferry_examples::postgres;
use futures_util::future::{BoxFuture, FutureExt as _, try_join_all};
use rusqlite::types::Value;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use crate::cell::Measured;
use crate::customers;
use crate::load::{Draw, Load};
use crate::pairs::Pair;
use crate::request;
use crate::sample::{Row, Sample, Table};
use crate::script::{Operation, Script};

/// A database that is only written.
pub struct BarePostgres {
    client: Client,
    sample: Sample,
    statements: Vec<Statement>,
    tenants: Vec<String>,
    script: Script,
}

/// A column's values, of many rows.
enum Column {
    Text(Vec<Option<String>>),
    Integer(Vec<Option<i64>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl BarePostgres {
    /// Makes the tables in a database, with a row for each customer.
    pub async fn create(url: &str, sample: Sample, customers: usize) -> Result<Self> {
        let client = postgres::connect(url).await?;
        let mut statements = Vec::new();
        for table in &sample.tables {
            client.batch_execute(&definition(table)).await?;
            statements.push(client.prepare(&upsert(table)).await?);
        }
        let tenants = (0..customers).map(|place| Ok(customers::tenant(place)?.to_string()));
        let bare = Self {
            client,
            statements,
            sample,
            tenants: tenants.collect::<Result<_>>()?,
            script: Script::new(customers),
        };
        let id = request::id(&mut Draw::new(0))?;
        let mut rows = vec![Vec::new(); bare.sample.tables.len()];
        for customer in 0..customers {
            let operation = Operation {
                pair: Pair { customer, id },
                settles: false,
                seq: 0,
                at: 0,
            };
            bare.add_account(operation, &mut rows);
        }
        bare.write(&rows).await?;
        Ok(bare)
    }

    /// Writes batches of so many operations for `time`.
    pub async fn drive(
        &mut self,
        load: Load,
        batch: u64,
        time: Duration,
        draw: &mut Draw,
    ) -> Result<Measured> {
        self.script.load(load, draw);
        let mut measured = Measured::default();
        let begun = Instant::now();
        while begun.elapsed() < time {
            let at = Instant::now();
            measured.pairs += self.batch(batch).await?;
            measured.latencies.push(at.elapsed());
            measured.batched.batches += 1;
            measured.batched.operations += batch;
        }
        measured.elapsed = begun.elapsed();
        Ok(measured)
    }

    /// Operations so far.
    pub const fn operations(&self) -> u64 {
        self.script.operations
    }

    /// One batch; says how many pairs it settled.
    async fn batch(&mut self, size: u64) -> Result<u64> {
        let mut touched = BTreeMap::new();
        let mut operations = Vec::new();
        for _ in 0..size {
            let operation = self.script.next(size)?;
            touched.insert(operation.pair.customer, operation);
            operations.push(operation);
        }
        let settled = operations.iter().filter(|operation| operation.settles);
        let settled = settled.count() as u64;
        let mut rows = vec![Vec::new(); self.sample.tables.len()];
        for operation in operations {
            let sample = if operation.settles {
                &self.sample.settle
            } else {
                &self.sample.reserve
            };
            for row in sample.iter().filter(|row| !self.is_account(row)) {
                rows[row.table].push((row, operation));
            }
        }
        for operation in touched.into_values() {
            self.add_account(operation, &mut rows);
        }
        self.write(&rows).await?;
        Ok(settled)
    }

    fn is_account(&self, row: &Row) -> bool {
        self.sample.tables[row.table].key.len() == 1
    }

    /// The account's rows, of which a batch writes one a customer.
    fn add_account<'a>(&'a self, operation: Operation, rows: &mut [Vec<(&'a Row, Operation)>]) {
        for row in self.sample.settle.iter().filter(|row| self.is_account(row)) {
            rows[row.table].push((row, operation));
        }
    }

    /// Writes these rows of each table in one transaction and one round trip.
    async fn write(&self, rows: &[Vec<(&Row, Operation)>]) -> Result<()> {
        let mut statements = Vec::new();
        for (at, rows) in rows.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            statements.push((&self.statements[at], self.columns(at, rows)));
        }
        let mut sent: Vec<BoxFuture<'_, Result<(), tokio_postgres::Error>>> = Vec::new();
        sent.push(self.client.batch_execute("BEGIN").boxed());
        for (statement, columns) in &statements {
            sent.push(
                async {
                    let columns: Vec<_> = columns.iter().map(Column::parameter).collect();
                    self.client.execute(*statement, &columns).await.map(|_| ())
                }
                .boxed(),
            );
        }
        sent.push(self.client.batch_execute("COMMIT").boxed());
        // Each is sent when it is first asked, in this order; none waits for the answer to the one before it.
        try_join_all(sent).await?;
        Ok(())
    }

    /// One table's rows, column by column.
    fn columns(&self, at: usize, rows: &[(&Row, Operation)]) -> Vec<Column> {
        let table = &self.sample.tables[at];
        let mut columns = Vec::new();
        for (place, column) in table.key.iter().enumerate() {
            let value = |(row, operation): &(&Row, Operation)| match column.as_str() {
                "tenant" => Value::Text(self.tenants[operation.pair.customer].clone()),
                "seq" => Value::Integer(operation.seq),
                "reservation" => Value::Blob(operation.pair.id.as_bytes().to_vec()),
                _ => row.key[place].clone(),
            };
            columns.push(Column::of(&table.kinds[place], rows.iter().map(value)));
        }
        for place in 0..table.indexed.len() {
            let value = |(row, operation): &(&Row, Operation)| match &row.indexed[place] {
                // Times, which rise.
                Value::Integer(_) => Value::Integer(operation.at),
                other => other.clone(),
            };
            let kind = &table.kinds[table.key.len() + place];
            columns.push(Column::of(kind, rows.iter().map(value)));
        }
        let content = rows.iter().map(|(row, _)| Some(vec![7; row.bytes]));
        columns.push(Column::Bytes(content.collect()));
        columns
    }
}

impl Column {
    /// A column's values, of a type.
    fn of(kind: &str, values: impl Iterator<Item = Value>) -> Self {
        match kind {
            "BIGINT" => {
                let number = |value| match value {
                    Value::Integer(number) => Some(number),
                    _ => None,
                };
                Self::Integer(values.map(number).collect())
            }
            "BYTEA" => {
                let bytes = |value| match value {
                    Value::Blob(bytes) => Some(bytes),
                    _ => None,
                };
                Self::Bytes(values.map(bytes).collect())
            }
            _ => {
                let text = |value| match value {
                    Value::Text(text) => Some(text),
                    _ => None,
                };
                Self::Text(values.map(text).collect())
            }
        }
    }

    fn parameter(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Text(values) => values,
            Self::Integer(values) => values,
            Self::Bytes(values) => values,
        }
    }
}

/// The table, with one column for all that no key needs.
fn definition(table: &Table) -> String {
    let names = table.key.iter().chain(&table.indexed);
    let columns = names
        .zip(&table.kinds)
        .map(|(name, kind)| format!("{name} {kind}"));
    format!(
        "CREATE TABLE {} ({}, content BYTEA, PRIMARY KEY ({})); {};",
        table.name,
        columns.collect::<Vec<_>>().join(", "),
        table.key.join(", "),
        table.indexes.join("; ")
    )
}

/// Writes rows over those with the same keys: each parameter is an array, one column's values.
fn upsert(table: &Table) -> String {
    let others = [&table.indexed[..], &["content".to_owned()]].concat();
    let columns = [&table.key[..], &others].concat();
    let kinds = { table.kinds.iter() }.map(String::as_str).chain(["BYTEA"]);
    let arrays = { (1..).zip(kinds) }.map(|(at, kind)| format!("${at}::{kind}[]"));
    let set = { others.iter() }.map(|column| format!("{column} = excluded.{column}"));
    format!(
        "INSERT INTO {} ({}) SELECT * FROM unnest({}) ON CONFLICT ({}) DO UPDATE SET {}",
        table.name,
        columns.join(", "),
        arrays.collect::<Vec<_>>().join(", "),
        table.key.join(", "),
        set.collect::<Vec<_>>().join(", ")
    )
}
