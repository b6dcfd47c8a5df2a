//! The house's book: its journal replayed, and its rows compared with what follows.

use super::{Finding, Found, Walk, none};
use crate::store::chain;
use ferry_ledger::HouseVerifier;
use ferry_types::TenantId;

impl Walk<'_, '_> {
    /// Whether anything was ever posted to the house's book.
    pub(super) fn has_house(&mut self) -> Result<bool, Found> {
        let heads = self.snapshot.heads();
        let heads = heads.map_err(|error| Found::from_store(None, error))?;
        Ok(heads.contains_key(&TenantId::house()))
    }

    pub(super) fn house(&mut self) -> Result<(), Found> {
        let tenant = TenantId::house();
        let found = |finding: Finding| Found::of(Some(&tenant), chain(&finding));
        let mut verifier = HouseVerifier::begin();
        self.entries(&tenant, |entry| verifier.entry(entry))?;
        let house = verifier.replayed().map_err(found)?;
        none(Some(&tenant), self.snapshot.difference_of_house(&house))
    }
}
