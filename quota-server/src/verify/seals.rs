//! Sealed months: every sealing hash is made again from the journals.

use super::Found;
use crate::store::{Snapshot, StoreError};

pub(super) fn check(snapshot: &mut Snapshot<'_>) -> Result<(), Found> {
    let nobody = |error: StoreError| Found::from_store(None, error);
    let seals = snapshot.seals().map_err(nobody)?;
    if seals.is_empty() {
        return Ok(());
    }
    let key = snapshot.signing_key().map_err(nobody)?;
    let Some(key) = key else {
        let what = "seals: there are some, and no signing key is known";
        return Err(Found::of(None, what.into()));
    };
    for seal in seals {
        let ends = snapshot.month_ends(seal.month).map_err(nobody)?;
        if let Some(fault) = seal.fault(&ends, &key) {
            return Err(Found::of(None, format!("seals {}: {fault}", seal.month)));
        }
    }
    Ok(())
}
