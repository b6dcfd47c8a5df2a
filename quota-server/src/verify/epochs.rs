//! The records of epochs: signed, in order, and of heads that the journals still have.

use super::Found;
use crate::store::{Snapshot, StoreError};

pub(super) fn check(snapshot: &mut Snapshot<'_>) -> Result<(), Found> {
    let nobody = |error: StoreError| Found::from_store(None, error);
    let epochs = snapshot.epochs().map_err(nobody)?;
    if epochs.0.is_empty() {
        return Ok(());
    }
    let key = snapshot.signing_key().map_err(nobody)?;
    let Some(key) = key else {
        let what = "epochs: there are some, and no signing key is known";
        return Err(Found::of(None, what.into()));
    };
    for epoch in &epochs.0 {
        let number = epoch.epoch;
        if !epoch.is_signed_by(&key) {
            let what = format!("epochs {number}: it is not signed by this database's key");
            return Err(Found::of(None, what));
        }
        for (tenant, (seq, hash)) in &epoch.heads {
            let found = snapshot.entry_hash(tenant, *seq).map_err(nobody)?;
            if found.as_ref() != Some(hash) {
                let what = format!("epochs {number}: entry {seq} is not the one that stood then");
                return Err(Found::of(Some(tenant), what));
            }
        }
    }
    Ok(())
}
