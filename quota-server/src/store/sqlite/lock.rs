//! One server a database: an exclusive lock on a file beside it, held for as long as the store is open.
//!
//! The lock is the kernel's, so it ends with its process, however that ends. The file itself stays.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("another server has the database open: {0} is locked")]
    Held(PathBuf),
    /// It cannot be tried.
    #[error("failed to lock {path}")]
    Io {
        /// The lock's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The right to write a database.
#[derive(Debug)]
pub(super) struct WriterLock {
    file: File,
}

impl Drop for WriterLock {
    /// Closing the file is not enough: a process that was forked in this moment has it open too, until it runs its own program.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "failed to unlock the database; the lock ends with this process");
        }
    }
}

impl WriterLock {
    /// Takes the lock of `database`, or says who has it.
    pub(super) fn take(database: &Path) -> Result<Self, LockError> {
        let mut path = database.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| LockError::Io {
                path: path.clone(),
                source,
            })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held(path)),
            Err(TryLockError::Error(source)) => Err(LockError::Io { path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_let_go_is_free_even_if_somebody_inherited_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("ferry.db");
        let lock = WriterLock::take(&database).unwrap();
        assert!(matches!(
            WriterLock::take(&database),
            Err(LockError::Held(_))
        ));
        // What a forked process has: the same open file.
        let inherited = lock.file.try_clone().unwrap();
        drop(lock);
        drop(WriterLock::take(&database).unwrap());
        drop(inherited);
    }
}
