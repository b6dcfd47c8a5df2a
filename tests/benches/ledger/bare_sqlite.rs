//! What SQLite can do: the same number and size of rows, under the same keys and indexes, in batches of the same size, with the same
//! settings; nothing is read, nothing decided, nothing encoded or hashed. Columns that are in no key are one blob.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::types::Value;
use rusqlite::{Connection, ToSql};

use crate::cell::Measured;
use crate::customers;
use crate::home::DATABASE;
use crate::load::{Draw, Load};
use crate::pairs::Pair;
use crate::request;
use crate::sample::{Row, Sample, Table};
use crate::script::{Operation, Script};

/// Pages after which SQLite carries its log over: as the engine does.
const LOG_PAGES_MAX: u32 = 4_096;
/// Kibibytes of pages in memory: as the engine has.
const CACHE_KIB: u32 = 16 * 1024;

/// A database that is only written.
#[derive(Debug)]
pub struct BareSqlite {
    database: Connection,
    sample: Sample,
    statements: Vec<String>,
    tenants: Vec<String>,
    /// As long as the largest row.
    content: Vec<u8>,
    script: Script,
}

impl BareSqlite {
    /// Creates the database in `folder`, with a row for each customer.
    pub fn create(folder: &Path, sample: Sample, customers: usize) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let database = Connection::open(folder.join(DATABASE))?;
        database.execute_batch(&format!(
            "PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA temp_store = memory;
             PRAGMA wal_autocheckpoint = {LOG_PAGES_MAX}; PRAGMA cache_size = -{CACHE_KIB};"
        ))?;
        for table in &sample.tables {
            database.execute_batch(&definition(table))?;
        }
        let written = sample.reserve.iter().chain(&sample.settle);
        let largest = written.map(|row| row.bytes).max().unwrap_or_default();
        let tenants = (0..customers).map(|place| Ok(customers::tenant(place)?.to_string()));
        let bare = Self {
            database,
            statements: sample.tables.iter().map(upsert).collect(),
            sample,
            tenants: tenants.collect::<Result<_>>()?,
            content: vec![7; largest],
            script: Script::new(customers),
        };
        let id = request::id(&mut Draw::new(0))?;
        bare.database.execute_batch("BEGIN IMMEDIATE")?;
        for customer in 0..customers {
            bare.write_account(Operation {
                pair: Pair { customer, id },
                settles: false,
                seq: 0,
                at: 0,
            })?;
        }
        bare.database.execute_batch("COMMIT")?;
        Ok(bare)
    }

    /// Writes batches of so many operations for `time`.
    pub fn drive(
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
            measured.pairs += self.batch(batch)?;
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
    fn batch(&mut self, size: u64) -> Result<u64> {
        let mut touched = BTreeMap::new();
        let mut settled = 0;
        self.database.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..size {
            let operation = self.script.next(size)?;
            let rows = if operation.settles {
                &self.sample.settle
            } else {
                &self.sample.reserve
            };
            { rows.iter() }
                .filter(|row| !self.is_account(row))
                .try_for_each(|row| self.write(row, operation))?;
            settled += u64::from(operation.settles);
            touched.insert(operation.pair.customer, operation);
        }
        for operation in touched.into_values() {
            self.write_account(operation)?;
        }
        self.database.execute_batch("COMMIT")?;
        Ok(settled)
    }

    /// The account's rows, of which a batch writes one a customer.
    fn write_account(&self, operation: Operation) -> Result<()> {
        let rows = self.sample.settle.iter();
        { rows.filter(|row| self.is_account(row)) }.try_for_each(|row| self.write(row, operation))
    }

    fn is_account(&self, row: &Row) -> bool {
        self.sample.tables[row.table].key.len() == 1
    }

    fn write(&self, row: &Row, operation: Operation) -> Result<()> {
        let table = &self.sample.tables[row.table];
        let mut statement = self.database.prepare_cached(&self.statements[row.table])?;
        let mut place = 0;
        let mut bind = |value: &dyn ToSql| {
            place += 1;
            statement.raw_bind_parameter(place, value)
        };
        for (column, value) in table.key.iter().zip(&row.key) {
            match column.as_str() {
                "tenant" => bind(&self.tenants[operation.pair.customer])?,
                "seq" => bind(&operation.seq)?,
                "reservation" => bind(operation.pair.id.as_bytes())?,
                _ => bind(value)?,
            }
        }
        for value in &row.indexed {
            match value {
                // Times, which rise.
                Value::Integer(_) => bind(&operation.at)?,
                _ => bind(value)?,
            }
        }
        bind(&&self.content[..row.bytes])?;
        statement.raw_execute()?;
        Ok(())
    }
}

/// The table, with one column for all that no key needs.
fn definition(table: &Table) -> String {
    let Table {
        name,
        key,
        indexed,
        indexes,
        is_by_key,
        ..
    } = table;
    let order = if *is_by_key { " WITHOUT ROWID" } else { "" };
    let columns = [&key[..], indexed].concat().join(", ");
    let key = key.join(", ");
    format!(
        "CREATE TABLE {name} ({columns}, content BLOB, PRIMARY KEY ({key})){order}; {};",
        indexes.join("; ")
    )
}

/// Writes a row over the one with the same key, as the engine does.
fn upsert(table: &Table) -> String {
    let others = [&table.indexed[..], &["content".to_owned()]].concat();
    let columns = [&table.key[..], &others].concat();
    let places: Vec<_> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
    let set: Vec<_> = others
        .iter()
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    format!(
        "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
        table.name,
        columns.join(", "),
        places.join(", "),
        table.key.join(", "),
        set.join(", ")
    )
}
