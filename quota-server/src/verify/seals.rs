//! Sealed months: every sealing hash is made again from the journals.

use super::Found;
use crate::store::{Snapshot, StoreError};
use ferry_ledger::Month;
use ferry_types::TenantId;
use std::collections::BTreeSet;

/// Checks each seal, and that none is missing of the months that books say are sealed. Tells which are without some books, and which.
pub(super) fn check(
    snapshot: &mut Snapshot<'_>,
    sealed: &BTreeSet<Month>,
) -> Result<Vec<(Month, BTreeSet<TenantId>)>, Found> {
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
        return Ok(Vec::new());
    }
    let key = snapshot.signing_key().map_err(nobody)?;
    let Some(key) = key else {
        let what = "seals: there are some, and no signing key is known";
        return Err(Found::of(None, what.into()));
    };
    let mut without = Vec::new();
    for seal in seals {
        let ends = snapshot.month_ends(seal.month, &seal.without);
        if let Some(fault) = seal.fault(&ends.map_err(nobody)?, &key) {
            return Err(Found::of(None, format!("seals {}: {fault}", seal.month)));
        }
        if !seal.without.is_empty() {
            without.push((seal.month, seal.without));
        }
    }
    Ok(without)
}
