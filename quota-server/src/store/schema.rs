//! One schema for every database: its text is PostgreSQL's own, and the other dialect is derived from it.

/// The tables of version 1.
const TEXT: &str = include_str!("schema.sql");
/// What only SQLite has: its relatives in a network do without triggers.
const GUARDS: &str = include_str!("sqlite/guards.sql");
/// What this program writes.
pub(super) const SCHEMA: i64 = 1;

/// The statements that make an empty database ours, for SQLite. Its own types of columns are checked (`STRICT`), and rows lie in
/// the order of their keys (`WITHOUT ROWID`).
pub(super) fn for_sqlite() -> String {
    let tables = TEXT
        .replace("BIGINT", "INTEGER")
        .replace("BYTEA", "BLOB")
        .replace("\n);", "\n) STRICT, WITHOUT ROWID;");
    format!("{tables}{GUARDS}")
}
