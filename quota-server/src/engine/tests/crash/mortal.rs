//! A store that stops for good at a chosen step, and says so, so that its process can be killed exactly there.

use crate::engine::tests::through::Through;
use crate::key_directory::StoredDigest;
use crate::seal::Seal;
use crate::store::sqlite::SqliteStore;
use crate::store::{
    BookChange, CommitError, HouseChange, HouseStore, Idle, Store, StoreError, Touch, VersionTaken,
};
use ferry_ledger::{Book, Head, House, UnixMs};
use ferry_types::{GrantId, KeyId, MovementId, ReservationId, TenantId};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

/// What the process prints when it stands at its step.
pub(super) const THERE: &str = "standing";

/// Where a writer can be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Begun,
    Loaded,
    Persisted,
    BeforeCommit,
    /// Durable, and not answered yet.
    Committed,
    Maintained,
}

impl Step {
    pub(super) const ALL: [Self; 6] = [
        Self::Begun,
        Self::Loaded,
        Self::Persisted,
        Self::BeforeCommit,
        Self::Committed,
        Self::Maintained,
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|step| format!("{step:?}") == name)
    }
}

/// SQLite, until a step is reached for the last time.
pub(super) struct Mortal {
    pub(super) store: SqliteStore,
    pub(super) last: Step,
    /// How often that step is passed before.
    pub(super) left: u64,
}

impl Mortal {
    fn pass(&mut self, step: Step) {
        if step != self.last {
            return;
        }
        let Some(left) = self.left.checked_sub(1) else {
            let line = format!("{THERE}\n");
            std::io::stdout().write_all(line.as_bytes()).unwrap();
            loop {
                std::thread::park();
            }
        };
        self.left = left;
    }
}

impl HouseStore for Mortal {
    fn load_house(&mut self, movements: &BTreeSet<MovementId>) -> Result<House, StoreError> {
        let house = self.store.load_house(movements)?;
        self.pass(Step::Loaded);
        Ok(house)
    }

    fn persist_house(&mut self, change: &HouseChange<'_>) -> Result<(), StoreError> {
        self.store.persist_house(change)?;
        self.pass(Step::Persisted);
        Ok(())
    }

    fn freeze_house(&mut self, reason: &str) -> Result<(), StoreError> {
        self.store.freeze_house(reason)
    }
}

impl Through for Mortal {
    fn behind(&mut self) -> &mut dyn Store {
        &mut self.store
    }
}

impl Store for Mortal {
    fn keep_seal(&mut self, seal: &Seal) -> Result<(), StoreError> {
        self.store.keep_seal(seal)
    }

    fn newest_seal(&mut self) -> Result<Option<Seal>, StoreError> {
        self.store.newest_seal()
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.store.begin()?;
        self.pass(Step::Begun);
        Ok(())
    }

    fn resolve(
        &mut self,
        digests: &[StoredDigest],
    ) -> Result<Vec<Option<(TenantId, KeyId)>>, StoreError> {
        self.store.resolve(digests)
    }

    fn load(&mut self, touches: &[Touch]) -> Result<Vec<Option<Book>>, StoreError> {
        let books = self.store.load(touches)?;
        self.pass(Step::Loaded);
        Ok(books)
    }

    fn go_on(&mut self, ends: &[(&TenantId, u64)]) -> Result<Vec<bool>, StoreError> {
        self.store.go_on(ends)
    }

    fn entry(&mut self, tenant: &TenantId, seq: u64) -> Result<Option<Head>, StoreError> {
        self.store.entry(tenant, seq)
    }

    fn persist(&mut self, changes: &[BookChange<'_>]) -> Result<(), StoreError> {
        self.store.persist(changes)?;
        self.pass(Step::Persisted);
        Ok(())
    }

    fn freeze(&mut self, tenant: &TenantId, reason: &str) -> Result<(), StoreError> {
        self.store.freeze(tenant, reason)
    }

    fn keep_price_table(
        &mut self,
        version: &str,
        sha256: [u8; 32],
        content: &str,
        now: UnixMs,
    ) -> Result<Result<(), VersionTaken>, StoreError> {
        self.store.keep_price_table(version, sha256, content, now)
    }

    fn touch_keys(&mut self, used: &BTreeMap<(TenantId, KeyId), UnixMs>) -> Result<(), StoreError> {
        self.store.touch_keys(used)
    }

    fn prune_refusals(&mut self, before: UnixMs, limit: usize) -> Result<usize, StoreError> {
        self.store.prune_refusals(before, limit)
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        self.pass(Step::BeforeCommit);
        self.store.commit()?;
        self.pass(Step::Committed);
        Ok(())
    }

    fn rollback(&mut self) -> Result<(), StoreError> {
        self.store.rollback()
    }

    fn due(
        &mut self,
        now: UnixMs,
        limit: usize,
    ) -> Result<Vec<(TenantId, ReservationId)>, StoreError> {
        self.store.due(now, limit)
    }

    fn due_grants(
        &mut self,
        now: UnixMs,
        limit: usize,
    ) -> Result<Vec<(TenantId, GrantId)>, StoreError> {
        self.store.due_grants(now, limit)
    }

    fn maintain(&mut self, idle: Idle) -> Result<(), CommitError> {
        self.store.maintain(idle)?;
        self.pass(Step::Maintained);
        Ok(())
    }
}
