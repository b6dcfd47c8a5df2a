//! Moving a live history from SQLite's file to PostgreSQL, with no server running on either.
//!
//! The file's journals are verified first, then every row is copied in one transaction, then the copy is verified. Only after that,
//! and before anybody is told that it is done, the file is marked as moved: nobody serves from it any more, and it can still be read.
//! It is locked meanwhile. It is safe to do again: what was broken off left nothing, what was done is recognised.

use crate::store::copy::{Copied, CopyError, copy};
use crate::store::postgres::{PostgresConfig, PostgresStore};
use crate::store::sqlite::{self, Exclusive, LockError};
use crate::store::{Database, OpenError, Reader, StoreError};
use crate::verify::{VerifyError, verify_part};
use std::path::Path;

/// What was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// Books.
    pub books: u64,
    /// Entries of their journals.
    pub entries: u64,
    /// Rows that were copied; none, if an earlier migration had done it.
    pub rows: u64,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// So many entries of the file's journals are verified.
    Verifying(u64),
    /// So many rows are copied.
    Copying(u64),
    /// So many entries of the copy are verified.
    VerifyingCopy(u64),
}

/// Nothing was moved, or what was moved must not be used: the message says which.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A server has the file open.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Rows cannot be copied.
    #[error("nothing is lost, and the same command may be given again")]
    Copy(#[from] CopyError),
    /// A database cannot be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The file is not what its journals say.
    #[error("the file does not verify, and nothing was copied: {0}")]
    NotClean(String),
    /// Something else is there.
    #[error("{0} holds another history: nothing is copied over it; name an empty database")]
    Occupied(String),
    /// The copy is not what its journals say.
    #[error("the copy in {database} does not verify, do not serve from it: {difference}")]
    CopyNotClean {
        /// Where.
        database: String,
        /// What differs.
        difference: String,
    },
    /// The file's history goes on in another place.
    #[error(
        "the file has moved to {0}, where its history goes on: nothing was copied. If the file is what counts again, run \
         `ferry accept-loss` on it first"
    )]
    Moved(String),
    /// Everything is there, and the file does not say so.
    #[error(
        "everything is in {to} and verified, and the file could not be marked as moved: start no server on it, and give the same \
         command again"
    )]
    NotMarked {
        /// Where.
        to: String,
        /// Why not.
        source: OpenError,
    },
}

/// Moves what is in a file of SQLite's to an empty database of PostgreSQL's.
///
/// # Errors
/// [`MigrateError`] says what stands in the way.
pub fn migrate(
    from: &Path,
    to: &PostgresConfig,
    progress: &mut dyn FnMut(Stage),
) -> Result<Migrated, MigrateError> {
    let mut reader = sqlite::reader(from)?;
    let alone = Exclusive::take(from)?;
    let file = Database::from(from.to_path_buf());
    let report = verify_part(&file, None, &mut |n| progress(Stage::Verifying(n)))?;
    if let Some(difference) = report.difference {
        return Err(MigrateError::NotClean(difference.to_string()));
    }
    let target = Database::Postgres(Box::new(to.clone()));
    let mut store = PostgresStore::open(to)?;
    let moved = reader.moved_to()?;
    let copied = match &moved {
        Some(_) => Copied::Occupied,
        None => copy(&mut reader, &mut store, &mut |n| {
            progress(Stage::Copying(n))
        })?,
    };
    drop(store);
    let rows = match copied {
        Copied::Rows(rows) => rows,
        Copied::Occupied if is_continued_by(&mut reader, &mut target.reader()?)? => 0,
        Copied::Occupied => {
            return Err(moved.map_or_else(
                || MigrateError::Occupied(target.to_string()),
                MigrateError::Moved,
            ));
        }
    };
    let verified = verify_part(&target, None, &mut |n| progress(Stage::VerifyingCopy(n)))?;
    if let Some(difference) = verified.difference {
        return Err(MigrateError::CopyNotClean {
            database: target.to_string(),
            difference: difference.to_string(),
        });
    }
    drop(reader);
    let to = target.to_string();
    alone
        .mark_as_moved(from, &to)
        .map_err(|source| MigrateError::NotMarked { to, source })?;
    Ok(Migrated {
        books: verified.tenants,
        entries: verified.entries,
        rows,
    })
}

/// Whether a database has every journal of another one, as far as that goes.
fn is_continued_by(file: &mut Reader, database: &mut Reader) -> Result<bool, StoreError> {
    if file.signing_key()? != database.signing_key()? {
        return Ok(false);
    }
    for (tenant, head) in file.heads()? {
        if database.entry_hash(&tenant, head.seq)? != Some(head.hash) {
            return Ok(false);
        }
    }
    Ok(true)
}
