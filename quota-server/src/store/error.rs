//! What can go wrong where books are kept, told apart by what is to be done next.

use super::sqlite;
use std::path::PathBuf;

/// The store failed before anything was committed: the batch has not happened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused a step.
    #[error("failed to {action}")]
    Database {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another server was in the way: the same batch is to be run again.
    #[error("failed to {action}: another transaction was in the way")]
    Conflict {
        /// What was tried.
        action: &'static str,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database is not there.
    #[error("failed to {action}: the database cannot be reached")]
    Gone {
        /// What was tried.
        action: &'static str,
        /// What stands in the way.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The disk failed while it was written or flushed: nobody knows what is on it, and this process must not go on.
    #[error("failed to {action}: the disk failed")]
    Disk {
        /// What was tried.
        action: &'static str,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What was read is not what this program writes.
    #[error("the database holds what no Ferry wrote: {0}")]
    Corrupt(String),
}

/// What is said where the disk failed.
pub(crate) const UNKNOWN_OUTCOME: &str =
    "the outcome is not known: start ferry again once the disk is well, it reads what is durable";

/// A commit failed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The batch has not happened.
    #[error("the commit was refused")]
    NotCommitted(#[source] StoreError),
    /// The answer was lost with the connection: the batch has happened, or it has not. The same batch may be run again, since
    /// what has happened is only answered again.
    #[error("the commit's answer was lost")]
    Lost(#[source] StoreError),
    /// Nobody knows whether the batch will be there after a restart: this process must not go on.
    #[error("{}", UNKNOWN_OUTCOME)]
    Uncertain(#[source] StoreError),
}

/// A database of this kind cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server has it.
    #[error(transparent)]
    Lock(#[from] sqlite::LockError),
    /// Its file cannot be made or read.
    #[error("failed to {action} {path}")]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// It was written by a newer version of Ferry.
    #[error(
        "{database} has schema {found}, and this version of ferry knows schemas up to {known}: use a newer ferry"
    )]
    Newer {
        /// Which.
        database: String,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// It is a database of something else.
    #[error("{0} is not a database of ferry")]
    Foreign(String),
    /// A setting that durability depends on did not take.
    #[error("{database} cannot be written durably: {setting} is '{found}'")]
    NotDurable {
        /// Which.
        database: String,
        /// Which setting.
        setting: &'static str,
        /// What it is.
        found: String,
    },
    /// Its history goes on elsewhere.
    #[error(
        "{database} has moved to {to}, where its history goes on: serve from that. If this file is what counts again, stop every \
         server on {to} and run `ferry accept-loss --database {database}`: what was done there is given up"
    )]
    Moved {
        /// Which.
        database: String,
        /// Where, without a password.
        to: String,
    },
    /// It lacks what this server has acknowledged.
    #[error(
        "{database} is not the database that was acknowledged: {difference}. Put the right one in its place, and the server goes \
         on by itself; if this one is what counts from now on, stop the server and run `ferry accept-loss`"
    )]
    NotAcknowledged {
        /// Which.
        database: String,
        /// What it lacks first.
        difference: crate::heads::Difference,
    },
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An error with everything that led to it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
