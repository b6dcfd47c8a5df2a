//! A sealed month: one hash over how every book stood at its end, signed.
//!
//! A frozen book cannot say how it stood. Whoever runs Ferry may seal a month without it: its name is under the hash then, so that a
//! seal says itself which books it tells nothing of. It stays so when the book is mended. The next month that is sealed with the book
//! tells of all its entries, since each hash is one of all before it.

use crate::heads::{PublicKey, SigningKey};
use ferry_ledger::{Month, UnixMs};
use ferry_types::TenantId;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// What the hash's input begins with.
const HASH_DOMAIN: &[u8] = b"ferry month v1\0";
/// The same where books are left out, which stand behind the others.
const HASH_DOMAIN_WITHOUT: &[u8] = b"ferry month v2\0";
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
    /// Books with an entry before its end, but for those that it is without.
    pub books: u64,
    /// Books that it tells nothing of: frozen when it was made.
    pub without: BTreeSet<TenantId>,
    /// Over all of them, and the names of those that it is without.
    pub hash: [u8; 32],
    /// Ed25519 over all of the above.
    pub signature: [u8; 64],
}

impl Seal {
    /// Seals a month with how every book stood at its end, by tenant, but for the frozen ones that it is without.
    #[must_use]
    pub fn make(
        month: Month,
        sealed_at: UnixMs,
        ends: &[MonthEnd],
        without: BTreeSet<TenantId>,
        key: &SigningKey,
    ) -> Self {
        let mut seal = Self {
            month,
            sealed_at,
            books: count(ends),
            hash: hash(month, ends, &without),
            without,
            signature: [0; 64],
        };
        seal.signature = key.sign(&seal.message());
        seal
    }

    /// What it does not say rightly of these ends, of all books that it is not without; `None` if all of it holds.
    #[must_use]
    pub fn fault(&self, ends: &[MonthEnd], key: &PublicKey) -> Option<&'static str> {
        if self.books != count(ends) {
            Some("another number of books stood at the month's end")
        } else if self.hash != hash(self.month, ends, &self.without) {
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

fn hash(month: Month, ends: &[MonthEnd], without: &BTreeSet<TenantId>) -> [u8; 32] {
    let mut hash = Sha256::new();
    if without.is_empty() {
        hash.update(HASH_DOMAIN);
        hash.update(month.to_string());
    } else {
        hash.update(HASH_DOMAIN_WITHOUT);
        hash.update(month.to_string());
        hash.update(count(ends).to_be_bytes());
    }
    for end in ends {
        add_name(&mut hash, &end.tenant);
        hash.update(end.last_seq.to_be_bytes());
        hash.update(end.last_hash);
    }
    for tenant in without {
        add_name(&mut hash, tenant);
    }
    hash.finalize().into()
}

fn add_name(hash: &mut Sha256, tenant: &TenantId) {
    let name = tenant.as_str();
    let length = u64::try_from(name.len()).unwrap_or(u64::MAX);
    hash.update(length.to_be_bytes());
    hash.update(name);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONTH: &str = "2026-10";

    fn end(tenant: &str) -> MonthEnd {
        MonthEnd {
            tenant: tenant.parse().unwrap(),
            last_seq: 7,
            last_hash: [0xab; 32],
        }
    }

    fn shown(ends: &[MonthEnd], without: &[&str]) -> String {
        let without = without.iter().map(|tenant| tenant.parse().unwrap());
        crate::hex::hex(&hash(MONTH.parse().unwrap(), ends, &without.collect()))
    }

    /// What was sealed before books could be left out is checked in the same way for ever.
    #[test]
    fn a_month_that_is_sealed_for_all_books_has_the_hash_that_it_always_had() {
        let hash = shown(&[end("acme"), end("second")], &[]);
        assert_eq!(
            hash,
            "060d5d57d13d9ea0c6ff7dafca6793686607697f838d44479ea6e6c3feab78f9"
        );
    }

    #[test]
    fn who_is_left_out_is_under_the_hash() {
        let hashes = [
            shown(&[end("acme")], &[]),
            shown(&[end("acme")], &["second"]),
            shown(&[end("acme")], &["second", "third"]),
            shown(&[], &["acme", "second"]),
            shown(&[], &["acme"]),
            shown(&[], &[]),
        ];
        let different: BTreeSet<_> = hashes.iter().collect();
        assert_eq!(different.len(), hashes.len(), "{hashes:?}");
    }
}
