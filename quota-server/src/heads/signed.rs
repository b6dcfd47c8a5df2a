//! A signed head, its bytes under the signature, and its line in a file.

use super::signing_key::{PublicKey, SigningKey};
use crate::hex::{from_hex, hex};
use ferry_ledger::{Head, UnixMs};
use ferry_types::TenantId;
use serde::{Deserialize, Serialize};

/// What the signed bytes begin with, so that a signature of a head is one of nothing else.
const DOMAIN: &[u8] = b"ferry head v1\0";

/// What a server acknowledged: the journal of this tenant had this entry, in this epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// Raised by each restore.
    pub epoch: u64,
    /// Whose journal.
    pub tenant: TenantId,
    /// Its end.
    pub head: Head,
    /// Which key signed, by its short name.
    pub public_key_id: String,
    /// Ed25519 over all but the key's name.
    pub signature: [u8; 64],
}

/// The same as JSON: a line of an export, and a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadLine {
    /// Raised by each restore.
    pub epoch: u64,
    /// Whose journal.
    pub tenant: String,
    /// Entries in it.
    pub seq: u64,
    /// Time of the last.
    pub time_unix_ms: u64,
    /// Hash of the last, hexadecimal.
    pub hash: String,
    /// Short name of the key that signed.
    pub public_key_id: String,
    /// Ed25519, hexadecimal.
    pub signature: String,
}

impl SignedHead {
    /// Whether this key signed it.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.id() == self.public_key_id
            && key.has_signed(
                &message(self.epoch, &self.tenant, &self.head),
                &self.signature,
            )
    }

    /// As JSON.
    #[must_use]
    pub fn line(&self) -> HeadLine {
        HeadLine {
            epoch: self.epoch,
            tenant: self.tenant.to_string(),
            seq: self.head.seq,
            time_unix_ms: self.head.time.0,
            hash: hex(&self.head.hash),
            public_key_id: self.public_key_id.clone(),
            signature: hex(&self.signature),
        }
    }
}

impl HeadLine {
    /// What it says; `None` if a field is not in its shape.
    #[must_use]
    pub fn read(self) -> Option<SignedHead> {
        let Self {
            epoch,
            tenant,
            seq,
            time_unix_ms,
            hash,
            public_key_id,
            signature,
        } = self;
        let head = Head {
            seq,
            time: UnixMs(time_unix_ms),
            hash: from_hex(&hash)?,
        };
        Some(SignedHead {
            epoch,
            tenant: tenant.parse().ok()?,
            head,
            public_key_id,
            signature: from_hex(&signature)?,
        })
    }
}

/// Signs heads of the present epoch.
#[derive(Debug)]
pub struct Signer {
    key: SigningKey,
    epoch: u64,
}

impl Signer {
    /// Signs with this key in this epoch.
    #[must_use]
    pub const fn new(key: SigningKey, epoch: u64) -> Self {
        Self { key, epoch }
    }

    /// The present epoch.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The public half of the key.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.key.public()
    }

    /// The key itself, for what is signed beside heads.
    #[must_use]
    pub const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Signs a head.
    #[must_use]
    pub fn sign(&self, tenant: &TenantId, head: Head) -> SignedHead {
        SignedHead {
            epoch: self.epoch,
            tenant: tenant.clone(),
            head,
            public_key_id: self.key.public().id(),
            signature: self.key.sign(&message(self.epoch, tenant, &head)),
        }
    }
}

fn message(epoch: u64, tenant: &TenantId, head: &Head) -> Vec<u8> {
    let name = tenant.as_str().as_bytes();
    let length = u64::try_from(name.len()).unwrap_or(u64::MAX);
    [
        DOMAIN,
        &epoch.to_be_bytes(),
        &length.to_be_bytes(),
        name,
        &head.seq.to_be_bytes(),
        &head.time.0.to_be_bytes(),
        &head.hash,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_the_same_and_no_field_can_be_changed() {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::open(&folder.path().join("ferry.db"), None).unwrap();
        let public = key.public();
        let signer = Signer::new(key, 3);
        let head = Head {
            seq: 12,
            time: UnixMs(1_700_000_000_000),
            hash: [9; 32],
        };
        let signed = signer.sign(&"acme".parse().unwrap(), head);
        assert!(signed.is_signed_by(&public));
        let line = serde_json::to_string(&signed.line()).unwrap();
        let read: HeadLine = serde_json::from_str(&line).unwrap();
        assert_eq!(read.read(), Some(signed.clone()));
        let changes: [fn(&mut SignedHead); 6] = [
            |h| h.epoch += 1,
            |h| h.tenant = "acmf".parse().unwrap(),
            |h| h.head.seq += 1,
            |h| h.head.time = UnixMs(1),
            |h| h.head.hash[31] ^= 1,
            |h| h.signature[0] ^= 1,
        ];
        for change in changes {
            let mut changed = signed.clone();
            change(&mut changed);
            assert!(!changed.is_signed_by(&public), "{changed:?}");
        }
    }
}
