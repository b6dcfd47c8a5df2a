//! Backups of a database with everything that belongs to it, and putting them back.
//!
//! A backup is a folder: the database as of one moment, the peppers, the signing key, and a manifest of sizes, digests and heads. It
//! is verified before it is said to be done, and never written over. A restore begins a new epoch, so that what was acknowledged
//! after the backup is told as lost instead of passing for a fault. The secrets are in the folder: keep it as the database.

mod make;
mod manifest;
mod restore;

pub use make::make;
pub use manifest::{Manifest, ManifestError};
pub use restore::{Restored, restore};

use crate::durable_file::FileError;
use crate::heads::{Difference, SigningKeyError};
use crate::store::sqlite::LockError;
use crate::store::{OpenError, StoreError};
use crate::verify::VerifyError;
use std::path::PathBuf;

/// The database's name in a backup.
const DATABASE: &str = "ferry.db";

/// No backup was made, or none was put back. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Something stands where something is to be put.
    #[error("{0} is in the way: it is never written over; move it away, or choose another place")]
    InTheWay(PathBuf),
    /// A secret beside the database is missing.
    #[error("{0} is missing: without it the database cannot be used")]
    Missing(PathBuf),
    /// Another secret lies beside the place of the database.
    #[error("{0} is not the one of the backup: move it away")]
    OtherSecret(PathBuf),
    /// The copy does not follow from its journal.
    #[error("the copy does not verify: {0}")]
    NotClean(String),
    /// A head of the manifest is not in the copy.
    #[error("the copy is not the one of the manifest")]
    OtherHead(#[source] Difference),
    /// The manifest cannot be used, or a file is not the one that it tells of.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file cannot be read or made.
    #[error(transparent)]
    File(#[from] FileError),
    /// A server has the database open.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signing key cannot be used.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The copy cannot be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}
