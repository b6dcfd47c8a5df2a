//! A sealed month: one hash over how every book stood at its end, signed.

use crate::heads::{PublicKey, SigningKey};
use ferry_ledger::{Month, UnixMs};
use ferry_types::TenantId;
use sha2::{Digest as _, Sha256};

/// What the hash's input begins with.
const HASH_DOMAIN: &[u8] = b"ferry month v1\0";
/// What the signed bytes begin with.
const SEAL_DOMAIN: &[u8] = b"ferry month seal v1\0";

/// The last entry of a book before a month's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthEnd {
    /// Whose.
    pub tenant: TenantId,
    /// Its number.
    pub last_seq: u64,
    /// Its hash.
    pub last_hash: [u8; 32],
}

/// A sealed month. For good: the database refuses to change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Which.
    pub month: Month,
    /// When it was sealed.
    pub sealed_at: UnixMs,
    /// Books with an entry before its end.
    pub books: u64,
    /// Over all of them.
    pub hash: [u8; 32],
    /// Ed25519 over all of the above.
    pub signature: [u8; 64],
}

impl Seal {
    /// Seals a month with how every book stood at its end, by tenant.
    #[must_use]
    pub fn make(month: Month, sealed_at: UnixMs, ends: &[MonthEnd], key: &SigningKey) -> Self {
        let mut seal = Self {
            month,
            sealed_at,
            books: count(ends),
            hash: hash(month, ends),
            signature: [0; 64],
        };
        seal.signature = key.sign(&seal.message());
        seal
    }

    /// What it does not say rightly of these books' ends; `None` if all of it holds.
    #[must_use]
    pub fn fault(&self, ends: &[MonthEnd], key: &PublicKey) -> Option<&'static str> {
        if self.books != count(ends) {
            Some("another number of books stood at the month's end")
        } else if self.hash != hash(self.month, ends) {
            Some("the books did not stand like that at the month's end")
        } else if !key.has_signed(&self.message(), &self.signature) {
            Some("it is not signed by this database's key")
        } else {
            None
        }
    }

    fn message(&self) -> Vec<u8> {
        [
            SEAL_DOMAIN,
            self.month.to_string().as_bytes(),
            &self.sealed_at.0.to_be_bytes(),
            &self.books.to_be_bytes(),
            &self.hash,
        ]
        .concat()
    }
}

fn count(ends: &[MonthEnd]) -> u64 {
    u64::try_from(ends.len()).unwrap_or(u64::MAX)
}

fn hash(month: Month, ends: &[MonthEnd]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(HASH_DOMAIN);
    hash.update(month.to_string());
    for end in ends {
        let name = end.tenant.as_str();
        let length = u64::try_from(name.len()).unwrap_or(u64::MAX);
        hash.update(length.to_be_bytes());
        hash.update(name);
        hash.update(end.last_seq.to_be_bytes());
        hash.update(end.last_hash);
    }
    hash.finalize().into()
}
