//! Sealed months: every sealing hash is made again from the journals.

use super::Found;
use crate::store::{Snapshot, StoreError};
use ferry_ledger::Month;
use std::collections::BTreeSet;

/// Checks each seal, and that none is missing of the months that books say are sealed.
pub(super) fn check(snapshot: &mut Snapshot<'_>, sealed: &BTreeSet<Month>) -> Result<(), Found> {
    let nobody = |error: StoreError| Found::from_store(None, error);
    let seals = snapshot.seals().map_err(nobody)?;
    // The last month that books speak of may still be under way: its seal is made when all of them have said so.
    let under_way = sealed.last();
    let newest = seals.last().map(|seal| seal.month);
    let has_seal = |month: &&Month| seals.iter().any(|seal| seal.month == **month);
    let needs_seal = |month: &&Month| Some(*month) != under_way || newest >= Some(**month);
    if let Some(month) = sealed
        .iter()
        .filter(needs_seal)
        .find(|month| !has_seal(month))
    {
        let what = format!("seals {month}: the store does not have it");
        return Err(Found::of(None, what));
    }
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
