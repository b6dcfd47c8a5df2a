//! The key that heads are signed with: Ed25519, made on the first start, in a file beside the database that only its owner can
//! read. The database knows the public half, so that another key is found out instead of signing on in silence.

use crate::durable_file::{self, FileError, beside};
use crate::hex::{from_hex, hex};
use crate::key_directory::sha256;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use std::path::{Path, PathBuf};

/// First line of the file: it says what it is to whoever finds it.
const HEADER: &str = "# Ferry's signing key: what the heads of the database's journals are signed with. Keep with the database, show to nobody.";
/// Bytes of a public key's digest that name it: enough to tell apart all keys that one installation ever has.
const ID_BYTES: usize = 8;

/// The signing key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// Its file cannot be read or made.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file holds something else.
    #[error("{0}: expected one line of 64 hexadecimal digits")]
    Malformed(PathBuf),
    /// The database's heads were signed, and the file is gone.
    #[error(
        "{0} is missing, and the heads of this database were signed with it: restore it from a backup"
    )]
    Missing(PathBuf),
    /// The database's heads were signed with another key.
    #[error(
        "{path} is another key than the one that this database's heads were signed with ({known})"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The public half of the right one.
        known: PublicKey,
    },
    /// The system gave no randomness.
    #[error("failed to draw randomness: {0}")]
    Random(getrandom::Error),
}

/// The secret half. Its Debug hides it.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({}, hidden)", self.public)
    }
}

/// The public half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl PublicKey {
    /// From 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }

    /// Its short name, as receipts carry it.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&sha256(&[&self.0])[..ID_BYTES])
    }

    /// Whether the other half signed this.
    #[must_use]
    pub fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.0);
        key.verify(message, signature).is_ok()
    }
}

impl SigningKey {
    /// The file that belongs to a database.
    #[must_use]
    pub fn path(database: &Path) -> PathBuf {
        beside(database, ".signing-key")
    }

    /// Reads the key of `database`, or makes it if it is not there and the database knows none.
    ///
    /// # Errors
    /// [`SigningKeyError`] if it cannot be read or made, is open to others, or is not the one that the database knows.
    pub fn open(database: &Path, known: Option<PublicKey>) -> Result<Self, SigningKeyError> {
        let path = Self::path(database);
        let key = match (durable_file::read_secret(&path)?, known) {
            (Some(text), _) => Self::parse(&text, &path)?,
            (None, Some(_)) => return Err(SigningKeyError::Missing(path)),
            (None, None) => Self::make(&path)?,
        };
        match known {
            Some(known) if known != key.public => Err(SigningKeyError::Foreign { path, known }),
            Some(_) | None => Ok(key),
        }
    }

    fn make(path: &Path) -> Result<Self, SigningKeyError> {
        let mut seed = [0u8; 32];
        getrandom::fill(&mut seed).map_err(SigningKeyError::Random)?;
        durable_file::write(path, &format!("{HEADER}\n{}\n", hex(&seed)))?;
        Self::of_seed(&seed).ok_or_else(|| SigningKeyError::Malformed(path.into()))
    }

    fn parse(text: &str, path: &Path) -> Result<Self, SigningKeyError> {
        let mut lines = text
            .lines()
            .filter(|l| !l.is_empty() && !l.starts_with('#'));
        let seed = lines
            .next()
            .and_then(from_hex)
            .filter(|_| lines.next().is_none());
        seed.and_then(|seed| Self::of_seed(&seed))
            .ok_or_else(|| SigningKeyError::Malformed(path.into()))
    }

    fn of_seed(seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let public = PublicKey(pair.public_key().as_ref().try_into().ok()?);
        Some(Self { pair, public })
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs a message, which begins with a domain of its own.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0u8; 64];
        signature.copy_from_slice(self.pair.sign(message).as_ref());
        signature
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_first_start_makes_a_key_and_the_next_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("ferry.db");
        let first = SigningKey::open(&database, None).unwrap();
        let mode = fs::metadata(SigningKey::path(&database))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = SigningKey::open(&database, Some(first.public())).unwrap();
        let signature = second.sign(b"a message");
        assert!(first.public().has_signed(b"a message", &signature));
        assert!(!first.public().has_signed(b"another", &signature));
        assert!(!format!("{first:?}").contains("ed25519"), "{first:?}");
    }

    #[test]
    fn a_file_that_does_not_fit_is_an_error_and_never_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("ferry.db");
        let path = SigningKey::path(&database);
        let other = PublicKey([7; 32]);
        let check = |text: Option<(&str, u32)>, known: Option<PublicKey>, expected: &str| {
            if let Some((text, mode)) = text {
                fs::write(&path, text).unwrap();
                fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            }
            let error = SigningKey::open(&database, known).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        let seed = "ab".repeat(32);
        check(None, Some(other), "missing");
        assert!(!path.exists());
        check(Some((&seed, 0o640)), None, "may be read by others");
        check(Some((&seed, 0o600)), Some(other), "another key");
        for bad in ["", "# nothing\n", "abc", &format!("{seed}\n{seed}\n")] {
            check(Some((bad, 0o600)), None, "expected one line");
        }
    }
}
