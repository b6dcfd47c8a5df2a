//! What one pair writes, taken from an engine's database: which rows of which tables, how large, under which indexes.
//!
//! The bare ceilings write the same number and size of rows, so this follows from the schema and never has to be kept up by hand.
//! A row that a step has changed counts as written by it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use ferry_quota_server::engine::Engine;
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::customers;
use crate::home::{self, DATABASE};
use crate::load::{Load, Turns};
use crate::pairs::Pairs;
use crate::subject::Subject;

/// A table that a pair writes to.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The primary key's columns.
    pub key: Vec<String>,
    /// Columns outside the key that an index covers.
    pub indexed: Vec<String>,
    /// The types of the key's columns and of these, as PostgreSQL calls them.
    pub kinds: Vec<String>,
    /// All other columns.
    pub rest: Vec<String>,
    /// What makes its indexes.
    pub indexes: Vec<String>,
    /// Whether SQLite keeps its rows in the order of their keys.
    pub is_by_key: bool,
}

/// One written row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its table's place among all.
    pub table: usize,
    /// The key's values.
    pub key: Vec<Value>,
    /// The indexed columns' values.
    pub indexed: Vec<Value>,
    /// The size of everything else, as SQLite keeps it.
    pub bytes: usize,
}

/// What a reservation and its settlement write.
#[derive(Clone, Debug)]
pub struct Sample {
    /// All tables that are written to.
    pub tables: Vec<Table>,
    /// A reservation's rows.
    pub reserve: Vec<Row>,
    /// A settlement's rows.
    pub settle: Vec<Row>,
}

impl Sample {
    /// Makes a pair with an engine on a copy of the customers' database in `folder`, and looks at what has changed. Closes it.
    pub async fn take(folder: &Path, subject: &Subject, engine: Engine) -> Result<Self> {
        let database = Connection::open(folder.join(DATABASE))?;
        let tables = tables(&database)?;
        let tenant = customers::tenant(0)?;
        let look = || {
            let rows = tables
                .iter()
                .map(|table| rows(&database, table, tenant.as_str()));
            rows.collect::<Result<Vec<_>>>()
        };
        let pair = Pairs::new(Turns::new(Load::Hot, 1), 0).next()?;
        let before = look()?;
        subject.reserve(pair.id, pair.customer).await?;
        let reserved = look()?;
        subject.settle(pair.id, pair.customer).await?;
        let settled = look()?;
        let sample = Self {
            reserve: written(&before, &reserved, &tables),
            settle: written(&reserved, &settled, &tables),
            tables,
        };
        ensure!(
            !sample.reserve.is_empty() && !sample.settle.is_empty(),
            "nothing was written"
        );
        drop(database);
        home::close(engine).await?;
        Ok(sample)
    }

    /// Bytes of everything that one pair writes.
    pub fn pair_bytes(&self) -> usize {
        let rows = self.reserve.iter().chain(&self.settle);
        rows.map(|row| row.bytes + size(&row.key) + size(&row.indexed))
            .sum()
    }
}

/// All tables with a book's rows. When a key was last used is noted once in a while, and by no pair.
fn tables(database: &Connection) -> Result<Vec<Table>> {
    let sql =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'keys' ORDER BY name";
    let names = texts(database, sql, "")?;
    let mut tables = Vec::new();
    for name in names {
        let key = texts(
            database,
            "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk",
            &name,
        )?;
        if key.first().is_some_and(|column| column == "tenant") {
            tables.push(table(database, name, key)?);
        }
    }
    Ok(tables)
}

fn table(database: &Connection, name: String, key: Vec<String>) -> Result<Table> {
    let of_index = "SELECT DISTINCT info.name FROM sqlite_schema AS i, pragma_index_info(i.name) AS info \
                    WHERE i.type = 'index' AND i.sql IS NOT NULL AND i.tbl_name = ?1 ORDER BY info.name";
    let mut indexed = texts(database, of_index, &name)?;
    indexed.retain(|column| !key.contains(column));
    let of_table = "SELECT name FROM pragma_table_info(?1) WHERE pk = 0 ORDER BY cid";
    let mut rest = texts(database, of_table, &name)?;
    rest.retain(|column| !indexed.contains(column));
    // What indexes the key alone is about rows that are out of the ordinary, by a column that no pair changes.
    let of_schema = "SELECT i.sql FROM sqlite_schema AS i WHERE i.type = 'index' AND i.sql IS NOT NULL AND i.tbl_name = ?1 \
                     AND EXISTS (SELECT 1 FROM pragma_index_info(i.name) AS info JOIN pragma_table_info(?1) AS c \
                     ON c.name = info.name WHERE c.pk = 0)";
    let of_column = |column: &String| {
        let sql = "SELECT type FROM pragma_table_info(?1) WHERE name = ?2";
        let kind: String = database.query_row(sql, [&name, column], |row| row.get(0))?;
        Ok(match kind.as_str() {
            "INTEGER" => "BIGINT".to_owned(),
            "BLOB" => "BYTEA".to_owned(),
            _ => kind,
        })
    };
    let kinds = key.iter().chain(&indexed).map(of_column);
    let is_by_key = "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1";
    Ok(Table {
        is_by_key: database.query_row(is_by_key, [&name], |row| row.get(0))?,
        kinds: kinds.collect::<rusqlite::Result<_>>()?,
        indexes: texts(database, of_schema, &name)?,
        name,
        key,
        indexed,
        rest,
    })
}

fn texts(database: &Connection, sql: &str, about: &str) -> Result<Vec<String>> {
    let mut statement = database.prepare(sql)?;
    let parameters: &[&str] = if sql.contains("?1") { &[about] } else { &[] };
    let parameters = rusqlite::params_from_iter(parameters);
    let found = statement.query_map(parameters, |row| row.get(0))?;
    found.collect::<rusqlite::Result<_>>().context("a schema")
}

/// All rows of one tenant.
fn rows(database: &Connection, table: &Table, tenant: &str) -> Result<Vec<Vec<Value>>> {
    let columns = [&table.key[..], &table.indexed, &table.rest].concat();
    let sql = format!(
        "SELECT {} FROM {} WHERE tenant = ?1",
        columns.join(", "),
        table.name
    );
    let mut statement = database.prepare(&sql)?;
    let read = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|at| row.get(at)).collect();
    let found = statement.query_map([tenant], read)?;
    found.collect::<rusqlite::Result<_>>().context("a table")
}

/// What is there now and was not before.
fn written(before: &[Vec<Vec<Value>>], after: &[Vec<Vec<Value>>], tables: &[Table]) -> Vec<Row> {
    let mut written = Vec::new();
    for (table, (shape, (before, after))) in tables.iter().zip(before.iter().zip(after)).enumerate()
    {
        for row in after.iter().filter(|row| !before.contains(row)) {
            let (key, others) = row.split_at(shape.key.len());
            let (indexed, rest) = others.split_at(shape.indexed.len());
            written.push(Row {
                table,
                key: key.to_vec(),
                indexed: indexed.to_vec(),
                bytes: size(rest),
            });
        }
    }
    written
}

/// Bytes of these values in SQLite's record format, what tells their kinds included.
fn size(values: &[Value]) -> usize {
    let of = |value: &Value| match value {
        Value::Null => 1,
        Value::Integer(number) => 1 + integer_bytes(*number),
        Value::Real(_) => 9,
        Value::Text(text) => 1 + usize::from(text.len() > 57) + text.len(),
        Value::Blob(bytes) => 1 + usize::from(bytes.len() > 57) + bytes.len(),
    };
    values.iter().map(of).sum()
}

const fn integer_bytes(number: i64) -> usize {
    let magnitude = if number < 0 { !number } else { number };
    match 64 - magnitude.leading_zeros() {
        0 | 1 if number >= 0 => 0,
        0..=7 => 1,
        8..=15 => 2,
        16..=23 => 3,
        24..=31 => 4,
        32..=47 => 6,
        _ => 8,
    }
}
