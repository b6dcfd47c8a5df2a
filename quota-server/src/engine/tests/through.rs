//! Stores that stand before SQLite's: what they do not care for goes through.

use crate::key_directory::StoredDigest;
use crate::seal::Seal;
use crate::store::sqlite::SqliteStore;
use crate::store::{
    Alone, BookChange, CommitError, CounterPlace, Flush, FoundCounter, HouseChange, HouseStore,
    Idle, Store, StoreError, Touch, UnreservedCounts, UnreservedStore, VersionTaken,
};
use ferry_ledger::{Book, Head, House, UnixMs};
use ferry_types::{GrantId, KeyId, MovementId, PrincipalName, ReservationId, TenantId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A step of a batch, with which something can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Begin,
    Load,
    Persist,
}

/// Stands before a store.
pub(super) trait Through: Send {
    fn behind(&mut self) -> &mut SqliteStore;

    fn before(&mut self, _: At) -> Result<(), StoreError> {
        Ok(())
    }

    fn after(&mut self, _: At) -> Result<(), StoreError> {
        Ok(())
    }

    fn commit_behind(&mut self) -> Result<(), CommitError> {
        self.behind().commit()
    }

    fn maintain_behind(&mut self, idle: Idle) -> Result<(), CommitError> {
        self.behind().maintain(idle)
    }

    /// What flushes in place of this.
    fn flusher(&mut self, behind: Arc<dyn Flush>) -> Arc<dyn Flush> {
        behind
    }
}

/// Does this step.
fn step<S: Through, T>(
    store: &mut S,
    at: At,
    run: impl FnOnce(&mut SqliteStore) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    store.before(at)?;
    let done = run(store.behind())?;
    store.after(at)?;
    Ok(done)
}

impl<S: Through> UnreservedStore for S {
    fn unreserved(
        &mut self,
        hour: u64,
        principals: &BTreeSet<PrincipalName>,
    ) -> Result<UnreservedCounts, StoreError> {
        self.behind().unreserved(hour, principals)
    }

    fn keep_unreserved(&mut self, hour: u64, counts: &UnreservedCounts) -> Result<(), StoreError> {
        self.behind().keep_unreserved(hour, counts)
    }

    fn forget_unreserved(&mut self, before_hour: u64) -> Result<usize, StoreError> {
        self.behind().forget_unreserved(before_hour)
    }
}

impl<S: Through> HouseStore for S {
    fn load_house(&mut self, movements: &BTreeSet<MovementId>) -> Result<House, StoreError> {
        step(self, At::Load, |store| store.load_house(movements))
    }

    fn persist_house(&mut self, change: &HouseChange<'_>) -> Result<(), StoreError> {
        step(self, At::Persist, |store| store.persist_house(change))
    }

    fn freeze_house(&mut self, reason: &str) -> Result<(), StoreError> {
        self.behind().freeze_house(reason)
    }
}

impl<S: Through> Alone for S {
    fn load_unseen(&mut self, touch: &Touch, book: &mut Book) -> Result<(), StoreError> {
        step(self, At::Load, |store| store.load_unseen(touch, book))
    }

    fn latest(&mut self, tenant: &TenantId) -> Result<Option<ReservationId>, StoreError> {
        step(self, At::Load, |store| store.latest(tenant))
    }
}

impl<S: Through> Store for S {
    fn begin(&mut self) -> Result<(), StoreError> {
        step(self, At::Begin, Store::begin)
    }

    fn resolve(
        &mut self,
        digests: &[StoredDigest],
    ) -> Result<Vec<Option<(TenantId, KeyId)>>, StoreError> {
        self.behind().resolve(digests)
    }

    fn load(&mut self, touches: &[Touch]) -> Result<Vec<Option<Book>>, StoreError> {
        step(self, At::Load, |store| store.load(touches))
    }

    fn counters(&mut self, wanted: &[CounterPlace<'_>]) -> Result<Vec<FoundCounter>, StoreError> {
        step(self, At::Load, |store| store.counters(wanted))
    }

    fn alone(&mut self) -> Option<&mut dyn Alone> {
        Some(self)
    }

    fn go_on(&mut self, ends: &[(&TenantId, u64)]) -> Result<Vec<bool>, StoreError> {
        self.behind().go_on(ends)
    }

    fn entry(&mut self, tenant: &TenantId, seq: u64) -> Result<Option<Head>, StoreError> {
        self.behind().entry(tenant, seq)
    }

    fn persist(&mut self, changes: &[BookChange<'_>]) -> Result<(), StoreError> {
        step(self, At::Persist, |store| store.persist(changes))
    }

    fn freeze(&mut self, tenant: &TenantId, reason: &str) -> Result<(), StoreError> {
        self.behind().freeze(tenant, reason)
    }

    fn thaw(&mut self, book: &TenantId) -> Result<String, StoreError> {
        self.behind().thaw(book)
    }

    fn keep_price_table(
        &mut self,
        version: &str,
        sha256: [u8; 32],
        content: &str,
        now: UnixMs,
    ) -> Result<Result<(), VersionTaken>, StoreError> {
        let behind = self.behind();
        behind.keep_price_table(version, sha256, content, now)
    }

    fn keep_seal(&mut self, seal: &Seal) -> Result<(), StoreError> {
        self.behind().keep_seal(seal)
    }

    fn newest_seal(&mut self) -> Result<Option<Seal>, StoreError> {
        self.behind().newest_seal()
    }

    fn touch_keys(&mut self, used: &BTreeMap<(TenantId, KeyId), UnixMs>) -> Result<(), StoreError> {
        self.behind().touch_keys(used)
    }

    fn prune_refusals(&mut self, before: UnixMs, limit: usize) -> Result<usize, StoreError> {
        self.behind().prune_refusals(before, limit)
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        self.commit_behind()
    }

    fn flush_apart(&mut self) -> Result<Option<Arc<dyn Flush>>, StoreError> {
        let flusher = self.behind().flush_apart()?;
        Ok(flusher.map(|behind| self.flusher(behind)))
    }

    fn rollback(&mut self) -> Result<(), StoreError> {
        self.behind().rollback()
    }

    fn due(
        &mut self,
        now: UnixMs,
        limit: usize,
    ) -> Result<Vec<(TenantId, ReservationId)>, StoreError> {
        self.behind().due(now, limit)
    }

    fn due_grants(
        &mut self,
        now: UnixMs,
        limit: usize,
    ) -> Result<Vec<(TenantId, GrantId)>, StoreError> {
        self.behind().due_grants(now, limit)
    }

    fn maintain(&mut self, idle: Idle) -> Result<(), CommitError> {
        self.maintain_behind(idle)
    }
}
