//! One schema for every database: its text is PostgreSQL's own, and the other dialect is derived from it.

use super::StoreError;
use super::fields::{corrupt, number};
use super::reader::{Dialect, Source, one};

/// The tables of version 1.
const TEXT: &str = include_str!("schema.sql");
/// What version 2 adds to them.
const SECOND: &str = include_str!("schema/2.sql");
/// What version 3 adds.
const THIRD: &str = include_str!("schema/3.sql");
/// Each version's text, from the first on.
const VERSIONS: [&str; SCHEMA as usize] = [TEXT, SECOND, THIRD];
/// What only SQLite has: its relatives in a network do without triggers.
const GUARDS: &str = include_str!("sqlite/guards.sql");
/// What this program writes.
pub(super) const SCHEMA: i64 = 3;

/// For PostgreSQL, what brings a database from each version to the next: text is in the order of its bytes, as Rust's is, and the table
/// that migrations begin with may be there.
pub(super) const FOR_POSTGRES: [fn() -> String; SCHEMA as usize] = [
    || in_order_of_bytes(TEXT).replace("CREATE TABLE meta", "CREATE TABLE IF NOT EXISTS meta"),
    || in_order_of_bytes(SECOND),
    || in_order_of_bytes(THIRD),
];

fn in_order_of_bytes(text: &str) -> String {
    text.replace(" TEXT", " TEXT COLLATE \"C\"")
}

/// The same for SQLite.
pub(super) const FOR_SQLITE: [fn() -> String; SCHEMA as usize] =
    [first_for_sqlite, || SECOND.into(), || for_sqlite(THIRD)];

/// The version of a database that is read: one that no server has opened since an update is of an older one.
pub(super) fn version_of(source: &mut dyn Source) -> Result<i64, StoreError> {
    let sql = match source.dialect() {
        Dialect::Sqlite => "PRAGMA user_version",
        Dialect::Postgres => "SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'schema'",
    };
    let version = one(source, "read the schema's version", sql, &[], |row| {
        number(row, 0)
    })?;
    version.ok_or_else(|| corrupt("a database without the version of its schema"))
}

/// The type of a column in PostgreSQL's words.
pub(super) fn column_type(table: &str, column: &str) -> &'static str {
    let lines = VERSIONS
        .into_iter()
        .flat_map(|text| body(text, table).chain(added(text, table)));
    let mut words = lines.map(str::split_whitespace);
    let kind = words.find_map(|mut words| (words.next()? == column).then(|| words.next()));
    let kind = kind.flatten().unwrap_or_default();
    kind.trim_end_matches(',')
}

/// Every table.
pub(super) fn tables() -> impl Iterator<Item = &'static str> {
    tables_at(SCHEMA)
}

/// The same of a database of this version.
pub(super) fn tables_at(version: i64) -> impl Iterator<Item = &'static str> {
    let lines = texts(version).flat_map(str::lines);
    let heads = lines.filter_map(|line| line.strip_prefix("CREATE TABLE "));
    heads.filter_map(|head| head.strip_suffix(" ("))
}

/// A table's columns in a database of this version, in the order of the schema.
pub(super) fn columns_at(version: i64, table: &str) -> Vec<&'static str> {
    let first = texts(version).flat_map(|text| body(text, table));
    let later = texts(version).flat_map(|text| added(text, table));
    let names = first
        .chain(later)
        .filter_map(|line| line.split_whitespace().next());
    names
        .filter(|word| !matches!(*word, "--" | "PRIMARY"))
        .collect()
}

/// What stands in a column of rows that are older than it is, as an SQL text.
pub(super) fn default_of(table: &str, column: &str) -> Option<&'static str> {
    let mut lines = VERSIONS.into_iter().flat_map(|text| added(text, table));
    let line = lines.find(|line| line.split_whitespace().next() == Some(column))?;
    let (_, default) = line.split_once(" DEFAULT ")?;
    default.strip_suffix(';')
}

/// What made a database of this version.
fn texts(version: i64) -> impl Iterator<Item = &'static str> {
    let count = usize::try_from(version).unwrap_or(0);
    VERSIONS.into_iter().take(count)
}

/// The lines in which a text makes a table.
fn body(text: &'static str, table: &str) -> impl Iterator<Item = &'static str> {
    let head = format!("CREATE TABLE {table} (\n");
    let (_, body) = text.split_once(&head).unwrap_or_default();
    body.lines().take_while(|line| *line != ");")
}

/// The columns that a text adds to a table, each with what it says of them.
fn added(text: &'static str, table: &str) -> impl Iterator<Item = &'static str> {
    let head = format!("ALTER TABLE {table} ADD COLUMN ");
    text.lines()
        .filter_map(move |line| line.strip_prefix(&*head))
}

/// The statements that make an empty database ours, for SQLite. Its own types of columns are checked (`STRICT`).
fn first_for_sqlite() -> String {
    format!("{}{GUARDS}", for_sqlite(TEXT))
}

fn for_sqlite(text: &str) -> String {
    let statements = text.split_inclusive(";\n").map(one_for_sqlite);
    statements.collect()
}

/// Small rows lie in the order of their keys (`WITHOUT ROWID`): the key is not stored twice. Rows with a content are large, and five
/// of them fill a page: they lie in the order in which they came, beside an index of their keys. Else each would change a page of its
/// own, in a tree of which every level holds whole rows.
fn one_for_sqlite(statement: &str) -> String {
    let is_large = statement.contains("\n    content ");
    let end = if is_large {
        "\n) STRICT;"
    } else {
        "\n) STRICT, WITHOUT ROWID;"
    };
    statement
        .replace("BIGINT", "INTEGER")
        .replace("BYTEA", "BLOB")
        .replace("\n);", end)
}

#[cfg(test)]
mod tests;
