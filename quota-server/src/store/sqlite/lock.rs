//! One server a database: an exclusive lock on a file beside it, held for as long as the store is open.
//!
//! The lock is the kernel's, so it ends with its process, however that ends. The file itself stays. It stands beside the file that
//! the database's name leads to, so that a symbolic link is no second name; a hard link would be one, and is refused.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("another server has the database open: {0} is locked")]
    Held(PathBuf),
    /// The file has several names, each of which would have a lock, and a log, of its own.
    #[error("{0} has another hard link: remove that, since a database must have one name")]
    Linked(PathBuf),
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
        let mut path = one_name(database)?.into_os_string();
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

/// The one name of a database's file; of one that is not there yet, the name that it is to have.
fn one_name(database: &Path) -> Result<PathBuf, LockError> {
    let failed = |source| LockError::Io {
        path: database.into(),
        source,
    };
    let path = match database.canonicalize() {
        Ok(path) => path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(database.into()),
        Err(error) => return Err(failed(error)),
    };
    if path.metadata().map_err(failed)?.nlink() > 1 {
        return Err(LockError::Linked(path));
    }
    Ok(path)
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

    #[test]
    fn a_file_has_one_lock_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("ferry.db");
        File::create(&database).unwrap();
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&database, &link).unwrap();
        let lock = WriterLock::take(&database).unwrap();
        assert!(matches!(WriterLock::take(&link), Err(LockError::Held(_))));
        drop(lock);
        drop(WriterLock::take(&link).unwrap());

        std::fs::hard_link(&database, folder.path().join("other.db")).unwrap();
        for name in [&database, &link] {
            assert!(matches!(WriterLock::take(name), Err(LockError::Linked(_))));
        }
    }
}
