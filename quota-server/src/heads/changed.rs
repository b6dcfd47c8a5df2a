//! Heads that have moved since they were last exported. The writer puts them here once they are durable.

use ferry_ledger::Head;
use ferry_types::TenantId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The newest head of each book that changed. Clones see the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChangedHeads(Arc<State>);

#[derive(Debug, Default)]
struct State {
    heads: Mutex<BTreeMap<TenantId, Head>>,
    some: Notify,
}

impl ChangedHeads {
    /// Takes note of what a commit made durable.
    pub(crate) fn note(&self, heads: Vec<(TenantId, Head)>) {
        if heads.is_empty() {
            return;
        }
        self.heads().extend(heads);
        self.0.some.notify_one();
    }

    /// Puts back what could not be exported, unless a newer one came.
    pub(super) fn put_back(&self, heads: BTreeMap<TenantId, Head>) {
        let mut changed = self.heads();
        for (tenant, head) in heads {
            changed.entry(tenant).or_insert(head);
        }
        drop(changed);
        self.0.some.notify_one();
    }

    /// What has changed since this was last asked.
    pub(crate) fn take(&self) -> BTreeMap<TenantId, Head> {
        std::mem::take(&mut *self.heads())
    }

    /// Waits until something has changed.
    pub(super) async fn some(&self) {
        self.0.some.notified().await;
    }

    fn heads(&self) -> MutexGuard<'_, BTreeMap<TenantId, Head>> {
        self.0.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
