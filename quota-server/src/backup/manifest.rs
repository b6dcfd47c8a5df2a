//! What a backup consists of.

use crate::durable_file::{self, FileError};
use crate::heads::HeadLine;
use crate::hex::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Its name in the folder.
const NAME: &str = "manifest.json";
/// The layout that this program writes and reads.
const FORMAT: u32 = 1;
/// Bytes that are read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// A manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It, or a file that it tells of, cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is none.
    #[error("{path} is no manifest of a backup")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Another version of ferry made it.
    #[error("the backup is of format {found}, and this version of ferry reads format {FORMAT}")]
    Format {
        /// Its format.
        found: u32,
    },
    /// A file is not the one that was backed up.
    #[error("{path} is damaged: {what} is not what the manifest says")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its size, or its content.
        what: &'static str,
    },
    /// A file that a database cannot do without is not in it.
    #[error("the manifest does not tell of {0}")]
    Lacks(String),
}

/// What a backup consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Of the layout.
    pub format: u32,
    /// When it was made.
    pub made_at: String,
    /// The database's epoch.
    pub epoch: u64,
    /// What its heads are signed with, hexadecimal.
    pub public_key: String,
    /// Books in it.
    pub books: u64,
    /// Journal entries in it.
    pub entries: u64,
    /// Its files.
    pub files: Vec<Part>,
    /// Where each journal ends.
    pub heads: Vec<HeadLine>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// In the folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Of its content, hexadecimal.
    pub sha256: String,
}

impl Manifest {
    pub(super) const fn format() -> u32 {
        FORMAT
    }

    /// Reads the manifest of a folder, and compares its files.
    ///
    /// # Errors
    /// [`ManifestError`] names the first file that is not what was backed up.
    pub fn check(folder: &Path, needed: &[String]) -> Result<Self, ManifestError> {
        let path = folder.join(NAME);
        let text = std::fs::read_to_string(&path).map_err(FileError::io("read", &path))?;
        let manifest: Self = serde_json::from_str(&text)
            .map_err(|source| ManifestError::Malformed { path, source })?;
        if manifest.format != FORMAT {
            let found = manifest.format;
            return Err(ManifestError::Format { found });
        }
        for name in needed {
            let part = manifest.files.iter().find(|part| part.name == *name);
            let part = part.ok_or_else(|| ManifestError::Lacks(name.clone()))?;
            let path = folder.join(name);
            let found = Part::of(folder, name)?;
            let damaged = |what| ManifestError::Damaged { path, what };
            if found.bytes != part.bytes {
                return Err(damaged("its size"));
            }
            if found.sha256 != part.sha256 {
                return Err(damaged("its content"));
            }
        }
        Ok(manifest)
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), ManifestError> {
        let path = folder.join(NAME);
        let text = serde_json::to_string_pretty(self).map_err(|source| {
            let path = path.clone();
            ManifestError::Malformed { path, source }
        })?;
        Ok(durable_file::write(&path, &(text + "\n"))?)
    }
}

impl Part {
    /// A file as it is now.
    pub(super) fn of(folder: &Path, name: &str) -> Result<Self, FileError> {
        let path = folder.join(name);
        let mut file = File::open(&path).map_err(FileError::io("read", &path))?;
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut bytes = 0u64;
        loop {
            let read = file
                .read(&mut chunk)
                .map_err(FileError::io("read", &path))?;
            let Some(part) = chunk.get(..read).filter(|part| !part.is_empty()) else {
                break;
            };
            hash.update(part);
            bytes = bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        }
        let digest: [u8; 32] = hash.finalize().into();
        Ok(Self {
            name: name.to_owned(),
            bytes,
            sha256: hex(&digest),
        })
    }
}
