//! Every row of a SQLite file into a database of PostgreSQL's, as it is: all of them or none.
//!
//! The tables and columns are those of the file's schema, so that nothing is left behind when it grows; what it does not have yet
//! begins as after a migration. It is one transaction: whatever breaks
//! it off leaves an empty database, and it is begun anew.

use super::postgres::PostgresStore;
use super::reader::Reader;
use super::schema;
use super::value::{Row, owned};
use super::{CommitError, Store as _, StoreError};
use std::ops::ControlFlow;

/// Rows that are sent at once.
const ROWS_AT_ONCE: usize = 1_000;
/// The schema's version is the target's own.
const WITHOUT_SCHEMA: &str = " WHERE name <> 'schema'";

/// What became of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// So many rows are there now.
    Rows(u64),
    /// Something was there before; nothing was changed.
    Occupied,
}

/// A copy failed.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A row could not be read or written: nothing was copied.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The last step failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Copies everything, and tells after each lot how many rows are on their way.
///
/// # Errors
/// [`CopyError`] if a row cannot be read or written.
pub fn copy(
    from: &mut Reader,
    to: &mut PostgresStore,
    progress: &mut dyn FnMut(u64),
) -> Result<Copied, CopyError> {
    to.begin()?;
    to.keep_others_out()?;
    for table in schema::tables() {
        if to.has_rows(table, part(table))? {
            to.rollback()?;
            return Ok(Copied::Occupied);
        }
    }
    let version = schema::version_of(from.source_mut())?;
    let mut rows = 0;
    for table in schema::tables_at(version) {
        copy_table(from, to, (table, version), &mut |lot| {
            rows += lot;
            progress(rows);
        })?;
    }
    to.commit()?;
    Ok(Copied::Rows(rows))
}

fn part(table: &str) -> &'static str {
    if table == "meta" { WITHOUT_SCHEMA } else { "" }
}

fn copy_table(
    from: &mut Reader,
    to: &mut PostgresStore,
    (table, version): (&str, i64),
    sent: &mut dyn FnMut(u64),
) -> Result<(), StoreError> {
    let columns = schema::columns_at(version, table);
    let sql = format!("SELECT {} FROM {table}{}", columns.join(", "), part(table));
    let mut rows: Vec<Row<'static>> = Vec::with_capacity(ROWS_AT_ONCE);
    let mut send = |rows: &mut Vec<Row<'static>>| {
        to.append(table, &columns, rows)?;
        sent(rows.len() as u64);
        rows.clear();
        Ok::<_, StoreError>(())
    };
    from.source_mut()
        .each("read a table", &sql, &[], &mut |row| {
            let values = (0..columns.len()).map(|at| row.get(at).map(owned));
            rows.push(values.collect::<Result<_, _>>()?);
            if rows.len() == ROWS_AT_ONCE {
                send(&mut rows)?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
    if rows.is_empty() {
        Ok(())
    } else {
        send(&mut rows)
    }
}
