//! A copy of a database as of one moment, and the right to put a database where none is.

use super::failed;
use super::lock::{LockError, WriterLock};
use crate::store::{OpenError, StoreError};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// The only one it may wait for is who recovers the log after a crash.
const BUSY: Duration = Duration::from_secs(10);

/// Copies a database as of now into an empty file, whether a server has it open or not.
///
/// # Errors
/// [`OpenError`] if it cannot be read, or the copy not be written.
pub fn copy_into(database: &Path, to: &Path) -> Result<(), OpenError> {
    // It is a database of ours, in a schema that we know.
    drop(super::reader(database)?);
    let name = to.to_str().ok_or_else(|| not_text(to))?;
    // Readers of ours may write nothing, and that would hold for the copy too.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).map_err(failed("open"))?;
    connection
        .busy_timeout(BUSY)
        .and_then(|()| connection.execute("VACUUM INTO ?1", [name]))
        .map_err(failed("copy the database"))?;
    Ok(())
}

fn not_text(path: &Path) -> StoreError {
    let what = format!(
        "{} cannot be named to SQLite: it is no text",
        path.display()
    );
    StoreError::Corrupt(what)
}

/// Nobody else opens the database for writing while this lives, be it there or not.
#[derive(Debug)]
pub struct Exclusive {
    _lock: WriterLock,
}

impl Exclusive {
    /// Takes the lock that a server would hold.
    ///
    /// # Errors
    /// [`LockError`] if somebody has it.
    pub fn take(database: &Path) -> Result<Self, LockError> {
        let lock = WriterLock::take(database)?;
        Ok(Self { _lock: lock })
    }
}
