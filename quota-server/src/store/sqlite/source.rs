//! SQLite's rows and parameters in the shape that every database shares, and a connection that only reads.

use super::{failed, open};
use crate::store::fields::Fields;
use crate::store::reader::{Dialect, Look, Reader, Source};
use crate::store::value::Value;
use crate::store::{OpenError, StoreError};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, Statement};
use std::borrow::Borrow;
use std::path::Path;

/// Binds values to the parameters of a statement, in order.
pub(super) fn bind(statement: &mut Statement<'_>, values: &[Value<'_>]) -> rusqlite::Result<()> {
    for (at, value) in (1..).zip(values) {
        statement.raw_bind_parameter(at, ToSqlOutput::Borrowed(borrowed(value)))?;
    }
    Ok(())
}

fn borrowed<'a>(value: &'a Value<'_>) -> ValueRef<'a> {
    match value {
        Value::Null => ValueRef::Null,
        Value::Integer(number) => ValueRef::Integer(*number),
        Value::Text(text) => ValueRef::Text(text.as_bytes()),
        Value::Bytes(bytes) => ValueRef::Blob(bytes),
    }
}

/// A row of SQLite's.
pub(super) struct Stored<'a>(pub(super) &'a Row<'a>);

impl Fields for Stored<'_> {
    fn get(&self, at: usize) -> Result<Value<'_>, StoreError> {
        let misread = |source: &dyn std::error::Error| {
            StoreError::Corrupt(format!("a value of another kind ({source})"))
        };
        match self.0.get_ref(at).map_err(|e| misread(&e))? {
            ValueRef::Null => Ok(Value::Null),
            ValueRef::Integer(number) => Ok(Value::Integer(number)),
            ValueRef::Text(text) => std::str::from_utf8(text)
                .map(Value::text)
                .map_err(|e| misread(&e)),
            ValueRef::Blob(bytes) => Ok(Value::bytes(bytes)),
            ValueRef::Real(_) => Err(StoreError::Corrupt(
                "a value of another kind (a fraction)".into(),
            )),
        }
    }
}

/// Shows the rows that answer a question to `look`, as long as it wants more.
pub(super) fn each(
    connection: &Connection,
    action: &'static str,
    sql: &str,
    parameters: &[Value<'_>],
    look: &mut Look<'_>,
) -> Result<(), StoreError> {
    let statement = connection.prepare_cached(sql);
    let mut statement = statement.map_err(|error| unread(action, error))?;
    each_of(&mut statement, action, parameters, look)
}

/// The same for a statement that is there.
pub(super) fn each_of(
    statement: &mut Statement<'_>,
    action: &'static str,
    parameters: &[Value<'_>],
    look: &mut Look<'_>,
) -> Result<(), StoreError> {
    let misread = |error| unread(action, error);
    bind(statement, parameters).map_err(misread)?;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(misread)? {
        if look(&Stored(row))?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Whether the database could not be read, or what it said makes no sense.
pub(super) fn unread(action: &'static str, error: rusqlite::Error) -> StoreError {
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseCorrupt) {
        return StoreError::Corrupt(format!("a value of another kind ({error})"));
    }
    failed(action)(error)
}

/// A connection that only reads.
#[derive(Debug)]
pub(super) struct SqliteSource<C> {
    connection: C,
}

impl<C: Borrow<Connection>> SqliteSource<C> {
    pub(super) const fn new(connection: C) -> Self {
        Self { connection }
    }
}

/// Opens a database for reading, whether a server has it open or not.
///
/// # Errors
/// [`OpenError`] says what stands in the way.
pub fn reader(path: &Path) -> Result<Reader, OpenError> {
    let connection = open::for_reading(path)?;
    Ok(Reader::new(Box::new(SqliteSource::new(connection))))
}

impl<C: Borrow<Connection> + std::fmt::Debug> Source for SqliteSource<C> {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn each(
        &mut self,
        action: &'static str,
        sql: &str,
        parameters: &[Value<'_>],
        look: &mut Look<'_>,
    ) -> Result<(), StoreError> {
        each(self.connection.borrow(), action, sql, parameters, look)
    }

    fn begin_snapshot(&mut self) -> Result<(), StoreError> {
        let begun = self.connection.borrow().execute_batch("BEGIN DEFERRED");
        begun.map_err(failed("take a snapshot"))
    }

    fn end_snapshot(&mut self) -> Result<(), StoreError> {
        let ended = self.connection.borrow().execute_batch("ROLLBACK");
        ended.map_err(failed("end a snapshot"))
    }

    fn fault_of_file(&mut self) -> Result<Option<String>, StoreError> {
        let found = self
            .connection
            .borrow()
            .query_row("PRAGMA integrity_check(1)", (), |row| row.get(0));
        let found: String = found.map_err(failed("check the file"))?;
        Ok((found != "ok").then_some(found))
    }
}
