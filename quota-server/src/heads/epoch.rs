//! Epochs: a restore, or an accepted loss, begins a new one, and leaves a signed record of the heads that stood then.

use super::signing_key::{PublicKey, SigningKey};
use ferry_ledger::UnixMs;
use ferry_types::TenantId;
use std::collections::BTreeMap;

/// What the signed bytes begin with.
const DOMAIN: &[u8] = b"ferry epoch v1\0";
/// The epoch of a database that was never restored.
const FIRST: u64 = 1;

/// The record of a later epoch's begin. For good: the database refuses to change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its number, above those before it.
    pub epoch: u64,
    /// When it began.
    pub time: UnixMs,
    /// How each journal ended then: entries, and hash of the last.
    pub heads: BTreeMap<TenantId, (u64, [u8; 32])>,
    /// Ed25519 over all of it.
    pub signature: [u8; 64],
}

impl Epoch {
    /// Signs the begin of an epoch.
    #[must_use]
    pub fn begin(
        epoch: u64,
        time: UnixMs,
        heads: BTreeMap<TenantId, (u64, [u8; 32])>,
        key: &SigningKey,
    ) -> Self {
        let signature = key.sign(&message(epoch, time, &heads));
        Self {
            epoch,
            time,
            heads,
            signature,
        }
    }

    /// Whether this key signed it.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let message = message(self.epoch, self.time, &self.heads);
        key.has_signed(&message, &self.signature)
    }
}

fn message(epoch: u64, time: UnixMs, heads: &BTreeMap<TenantId, (u64, [u8; 32])>) -> Vec<u8> {
    let mut bytes = [DOMAIN, &epoch.to_be_bytes(), &time.0.to_be_bytes()].concat();
    for (tenant, (seq, hash)) in heads {
        let name = tenant.as_str().as_bytes();
        bytes.extend(u64::try_from(name.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend(name);
        bytes.extend(seq.to_be_bytes());
        bytes.extend(hash);
    }
    bytes
}

/// The epochs that a database has gone through, without the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epochs(pub Vec<Epoch>);

impl Epochs {
    /// The present one.
    #[must_use]
    pub fn present(&self) -> u64 {
        self.0
            .iter()
            .map(|epoch| epoch.epoch)
            .max()
            .unwrap_or(FIRST)
    }

    /// How many entries of this tenant's journal stood through every epoch that began after `epoch`: what a head of `epoch`
    /// says beyond that is lost. `None` if none began after it.
    #[must_use]
    pub(super) fn kept_of(&self, epoch: u64, tenant: &TenantId) -> Option<u64> {
        let later = self.0.iter().filter(|later| later.epoch > epoch);
        later
            .map(|later| later.heads.get(tenant).map_or(0, |(seq, _)| *seq))
            .min()
    }
}
