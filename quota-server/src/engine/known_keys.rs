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

    /// Makes room for so many. When there would be too many all are forgotten, to be looked up once more. Only before a batch: what
    /// it knows it must know until its end, since a key that nobody knows is nobody's.
    pub(super) fn make_room(&mut self, more: usize) {
        if self.0.len().saturating_add(more) > KNOWN_MAX {
            self.0.clear();
        }
    }

    /// Takes note of a key.
    pub(super) fn note(&mut self, digest: KeyDigest, owner: (TenantId, KeyId)) {
        self.0.insert(digest, owner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_batch_knows_it_knows_until_its_end() {
        let mut known = KnownKeys::default();
        let digest = |number: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            KeyDigest::from_bytes(&bytes).unwrap()
        };
        let owner = || ("acme".parse().unwrap(), "key_abcdefgh".parse().unwrap());
        for number in 0..KNOWN_MAX - 1 {
            known.note(digest(number), owner());
        }
        known.make_room(1);
        assert!(known.owner(&digest(0)).is_some());
        // A batch of one key that is known and two that are not.
        known.make_room(3);
        for number in [0, KNOWN_MAX, KNOWN_MAX + 1] {
            if known.owner(&digest(number)).is_none() {
                known.note(digest(number), owner());
            }
        }
        for number in [0, KNOWN_MAX, KNOWN_MAX + 1] {
            assert!(known.owner(&digest(number)).is_some(), "{number}");
        }
    }
}
