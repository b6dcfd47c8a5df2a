//! Flushes the log beside the writer, through a file of its own.
//!
//! Frames that SQLite has written to its log are durable once the log is flushed, by whomever. A log is read up to its first frame that
//! is not whole, so that after a crash a batch is there only with all that was committed before it.
//!
//! SQLite itself still flushes the log before it carries anything over, and when it begins the log anew.

use super::failed;
use crate::store::{CommitError, Flush, StoreError};
use rusqlite::Connection;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

/// What SQLite puts behind a database's name for its log.
const LOG: &str = "-wal";

/// The log's file. The kernel tells of a failure once, and to one of those who flush: it is remembered here.
#[derive(Debug)]
pub(super) struct Flusher {
    log: Mutex<File>,
    failure: OnceLock<String>,
}

impl Flusher {
    /// Takes over from SQLite: from now on no commit of this connection, which has the database at `path` open, is flushed by
    /// itself.
    pub(super) fn take_over(connection: &Connection, path: &Path) -> Result<Self, StoreError> {
        let action = "open the log to flush it";
        let log = log_of(path).map_err(|source| StoreError::Database {
            action,
            source: source.into(),
        })?;
        connection
            .pragma_update(None, "synchronous", "normal")
            .map_err(failed("leave it to others to flush the log"))?;
        Ok(Self {
            log: Mutex::new(log),
            failure: OnceLock::new(),
        })
    }

    /// Whether it has ever failed, whoever was told.
    pub(super) fn is_well(&self) -> Result<(), CommitError> {
        match self.failure.get() {
            None => Ok(()),
            Some(failure) => Err(CommitError::Uncertain(StoreError::Disk {
                action: "flush the log",
                source: failure.as_str().into(),
            })),
        }
    }
}

impl Flush for Flusher {
    fn flush(&self) -> Result<(), CommitError> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_well()?;
        if let Err(error) = log.sync_data() {
            self.failure.get_or_init(|| error.to_string());
        }
        self.is_well()
    }
}

/// The log lies beside the file that the database's name leads to.
fn log_of(path: &Path) -> io::Result<File> {
    let mut log = OsString::from(path.canonicalize()?);
    log.push(LOG);
    File::open(log)
}
