//! Whose keys came lately. A key never moves to another tenant and is never another's, so that whoever is found once is not looked
//! up again; whether it may be used is said by its book.

use ferry_types::{KeyDigest, KeyId, TenantId};
use std::collections::HashMap;

/// Keys that are known at once: some tens of megabytes, and more than one server sees in an hour.
const KNOWN_MAX: usize = 100_000;

/// Keys, by the digest that gateways send. It counts as a credential: it is in memory for as long as this is, and not shown.
#[derive(Default)]
pub(super) struct KnownKeys(HashMap<KeyDigest, (TenantId, KeyId)>);

impl KnownKeys {
    pub(super) fn owner(&self, digest: &KeyDigest) -> Option<&(TenantId, KeyId)> {
        self.0.get(digest)
    }

    /// Takes note of a key. When there are too many all are forgotten: they are looked up once more.
    pub(super) fn note(&mut self, digest: KeyDigest, owner: (TenantId, KeyId)) {
        if self.0.len() >= KNOWN_MAX {
            self.0.clear();
        }
        self.0.insert(digest, owner);
    }
}
