//! Small files that must be whole or not there, and that only their owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Permission bits that no secret may have.
const OTHERS: u32 = 0o077;

/// A file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Reading or writing failed.
    #[error("failed to {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Others than the owner may read or write it.
    #[error("{path} may be read by others (mode {mode:03o}): make it 600")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

impl FileError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// The file beside another one, with `suffix` behind its name.
#[must_use]
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A secret's text, `None` if the file is not there.
pub(crate) fn read_secret(path: &Path) -> Result<Option<String>, FileError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(FileError::io("read", path)(source)),
    };
    let about = fs::metadata(path).map_err(FileError::io("read", path))?;
    let mode = about.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        let path = path.into();
        return Err(FileError::Exposed { path, mode });
    }
    Ok(Some(text))
}

/// Puts a file in place, whole or not at all, over what stood there.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), FileError> {
    let partial = beside(path, ".new");
    let mut file = private(OpenOptions::new().create(true).truncate(true), &partial)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(FileError::io("write", &partial))?;
    put(&partial, path)
}

/// Opens a file for writing that only its owner can read.
pub(crate) fn private(options: &mut OpenOptions, path: &Path) -> Result<File, FileError> {
    options
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(FileError::io("make", path))
}

/// Gives a file, or a folder, its name for good.
pub(crate) fn put(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::rename(from, to).map_err(FileError::io("make", to))?;
    sync_folder_of(to)
}

/// Makes a name in a folder durable.
pub(crate) fn sync_folder_of(path: &Path) -> Result<(), FileError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(FileError::io("make", path))
}
