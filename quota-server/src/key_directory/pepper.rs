//! The peppers: secrets of this server under which key digests are stored.
//!
//! They live in a file beside the database that only its owner can read, one `id secret` a line. Several may live at once: new
//! keys get the newest, old keys keep theirs. A pepper that is lost takes every key made under it along, so a file that does
//! not fit its database is an error, never made anew.

use super::StoredDigest;
use crate::durable_file::{self, FileError, beside};
use crate::hex::{from_hex, hex};
use ferry_types::KeyDigest;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::path::{Path, PathBuf};

/// First line of the file: it says what it is to whoever finds it.
const HEADER: &str = "# Ferry's peppers: secrets that the database's keys depend on. Keep with the database, show to nobody.";
/// What a pepper's fingerprint is taken over.
const FINGERPRINT_DOMAIN: &[u8] = b"ferry pepper fingerprint v1\0";

/// Number of a pepper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PepperId(pub u32);

/// The peppers' file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PepperError {
    /// Its file cannot be read or made.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line is not `id secret`.
    #[error(
        "{path}:{line}: expected a number from 1, a space and 64 hexadecimal digits, each number once"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// The file holds no pepper.
    #[error("{0} holds no pepper")]
    Empty(PathBuf),
    /// The database has keys, and the file is gone.
    #[error(
        "{0} is missing, and the database has keys that depend on it: restore it from a backup"
    )]
    Missing(PathBuf),
    /// The database has keys under another pepper with this id.
    #[error("pepper {id} in {path} is not the one that the database's keys were made under")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The pepper.
        id: u32,
    },
    /// The database has keys under a pepper that the file lacks.
    #[error("{path} lacks pepper {id}, which the database's keys depend on")]
    Lacks {
        /// The file.
        path: PathBuf,
        /// The pepper.
        id: u32,
    },
    /// The system gave no randomness.
    #[error("failed to draw randomness: {0}")]
    Random(getrandom::Error),
}

/// The live peppers, newest last. Its Debug hides them.
#[derive(Clone)]
pub struct Peppers {
    live: Vec<(PepperId, Hmac<Sha256>)>,
}

impl std::fmt::Debug for Peppers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Peppers({} hidden)", self.live.len())
    }
}

impl Peppers {
    /// The file that belongs to a database: beside it, with `.peppers` behind its name.
    #[must_use]
    pub fn path(database: &Path) -> PathBuf {
        beside(database, ".peppers")
    }

    /// Reads the file of `database`, or makes it if it is not there and `known` says that no key depends on it. `known` are the
    /// peppers that the database has seen, with their fingerprints.
    ///
    /// # Errors
    /// [`PepperError`] if the file cannot be read or made, is open to others, or does not fit the database.
    pub fn open(database: &Path, known: &[(PepperId, [u8; 32])]) -> Result<Self, PepperError> {
        let path = Self::path(database);
        let peppers = match durable_file::read_secret(&path)? {
            Some(text) => Self::parse(&text, &path)?,
            None if known.is_empty() => Self::make(&path)?,
            None => return Err(PepperError::Missing(path)),
        };
        for (id, fingerprint) in known {
            match peppers.fingerprint(*id) {
                Some(ours) if ours == *fingerprint => {}
                Some(_) => return Err(PepperError::Foreign { path, id: id.0 }),
                None => return Err(PepperError::Lacks { path, id: id.0 }),
            }
        }
        Ok(peppers)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, PepperError> {
        let mut live: Vec<(PepperId, Hmac<Sha256>)> = Vec::new();
        for (at, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let pepper = parse_line(line)
                .filter(|(id, _)| live.iter().all(|(other, _)| other != id))
                .ok_or_else(|| PepperError::Malformed {
                    path: path.into(),
                    line: at.saturating_add(1),
                })?;
            live.push((pepper.0, keyed_by(&pepper.1)));
        }
        live.sort_by_key(|(id, _)| *id);
        if live.is_empty() {
            return Err(PepperError::Empty(path.into()));
        }
        Ok(Self { live })
    }

    fn make(path: &Path) -> Result<Self, PepperError> {
        let mut secret = [0u8; 32];
        getrandom::fill(&mut secret).map_err(PepperError::Random)?;
        durable_file::write(path, &format!("{HEADER}\n1 {}\n", hex(&secret)))?;
        Ok(Self {
            live: vec![(PepperId(1), keyed_by(&secret))],
        })
    }

    /// The pepper that new keys are stored under.
    #[must_use]
    pub fn newest(&self) -> PepperId {
        self.live.last().map_or(PepperId(0), |(id, _)| *id)
    }

    /// Every live pepper.
    pub fn ids(&self) -> impl Iterator<Item = PepperId> + '_ {
        self.live.iter().map(|(id, _)| *id)
    }

    /// What tells a pepper from another without telling the pepper.
    #[must_use]
    pub fn fingerprint(&self, id: PepperId) -> Option<[u8; 32]> {
        self.secret(id)
            .map(|secret| keyed(secret, FINGERPRINT_DOMAIN))
    }

    /// What a key is stored by under one pepper.
    #[must_use]
    pub fn stored(&self, id: PepperId, digest: &KeyDigest) -> Option<StoredDigest> {
        self.secret(id)
            .map(|secret| StoredDigest(keyed(secret, digest.as_bytes())))
    }

    /// What a key may be stored by: one digest a pepper, the newest first.
    pub fn candidates<'a>(
        &'a self,
        digest: &'a KeyDigest,
    ) -> impl Iterator<Item = StoredDigest> + 'a {
        self.live
            .iter()
            .rev()
            .map(|(_, secret)| StoredDigest(keyed(secret, digest.as_bytes())))
    }

    fn secret(&self, id: PepperId) -> Option<&Hmac<Sha256>> {
        self.live
            .iter()
            .find_map(|(live, secret)| (*live == id).then_some(secret))
    }
}

/// HMAC, ready to take its input. A key shorter than a block is padded with zeros.
fn keyed_by(secret: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = [0u8; 64];
    for (to, from) in block.iter_mut().zip(secret) {
        *to = *from;
    }
    Hmac::new(&block.into())
}

fn keyed(secret: &Hmac<Sha256>, input: &[u8]) -> [u8; 32] {
    let mut mac = secret.clone();
    mac.update(input);
    mac.finalize().into_bytes().into()
}

fn parse_line(line: &str) -> Option<(PepperId, [u8; 32])> {
    let (id, secret) = line.split_once(' ')?;
    let id = id.parse().ok().filter(|id| *id > 0)?;
    Some((PepperId(id), from_hex(secret)?))
}

#[cfg(test)]
mod tests;
