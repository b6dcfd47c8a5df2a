//! How a key that a gateway saw becomes a name: the keyed digest that the store knows it by.
//!
//! A gateway sends SHA-256 over a customer's key; the store keeps HMAC-SHA256 of that under a secret of the server, the
//! pepper. Who reads the database alone can neither present a key nor test a guess. This module must not log a digest.

pub mod pepper;

pub use pepper::{PepperError, PepperId, Peppers};

use sha2::{Digest as _, Sha256};

/// What the hash's input begins with.
const LISTED_DOMAIN: &[u8] = b"ferry listed key v1\0";

/// What the store knows a key by: HMAC-SHA256 of its digest under one pepper.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredDigest(pub(crate) [u8; 32]);

impl std::fmt::Debug for StoredDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoredDigest(hidden)")
    }
}

/// What the journal says of a key's entry in the directory: enough to compare it, and nothing more than stands there.
#[must_use]
pub fn listed(pepper: PepperId, digest: &StoredDigest) -> [u8; 32] {
    sha256(&[LISTED_DOMAIN, &pepper.0.to_be_bytes(), &digest.0])
}

/// SHA-256 over the concatenation of `parts`: what `ferry_types::key` asks its callers for.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}
