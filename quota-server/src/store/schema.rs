//! One schema for every database: its text is PostgreSQL's own, and the other dialect is derived from it.

/// The tables of version 1.
const TEXT: &str = include_str!("schema.sql");
/// What only SQLite has: its relatives in a network do without triggers.
const GUARDS: &str = include_str!("sqlite/guards.sql");
/// What this program writes.
pub(super) const SCHEMA: i64 = 1;

/// For PostgreSQL: text is in the order of its bytes, as Rust's is, and the table that migrations begin with may be there.
pub(super) fn for_postgres() -> String {
    TEXT.replace(" TEXT", " TEXT COLLATE \"C\"")
        .replace("CREATE TABLE meta", "CREATE TABLE IF NOT EXISTS meta")
}

/// The type of a column in PostgreSQL's words.
pub(super) fn column_type(table: &str, column: &str) -> &'static str {
    let head = format!("CREATE TABLE {table} (\n");
    let (_, body) = TEXT.split_once(&head).unwrap_or_default();
    let mut words = body
        .lines()
        .take_while(|line| *line != ");")
        .map(str::split_whitespace)
        .filter_map(|mut words| Some((words.next()?, words.next()?)));
    words
        .find(|(name, _)| *name == column)
        .map_or("", |(_, kind)| kind.trim_end_matches(','))
}

/// Every table.
pub(super) fn tables() -> impl Iterator<Item = &'static str> {
    let heads = TEXT
        .lines()
        .filter_map(|line| line.strip_prefix("CREATE TABLE "));
    heads.filter_map(|head| head.strip_suffix(" ("))
}

/// A table's columns, in the order of the schema.
pub(super) fn columns(table: &str) -> Vec<&'static str> {
    let (_, body) = TEXT
        .split_once(&format!("CREATE TABLE {table} (\n"))
        .unwrap_or_default();
    let lines = body.lines().take_while(|line| *line != ");");
    let names = lines.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|word| !matches!(*word, "--" | "PRIMARY"))
        .collect()
}

/// The statements that make an empty database ours, for SQLite. Its own types of columns are checked (`STRICT`).
pub(super) fn for_sqlite() -> String {
    let statements = TEXT.split_inclusive(";\n").map(one_for_sqlite);
    let statements: String = statements.collect();
    format!("{statements}{GUARDS}")
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
