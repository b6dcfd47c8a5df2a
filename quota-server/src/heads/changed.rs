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
    /// Takes note of what is durable. What came before may be noted after: a newer head stays.
    pub(crate) fn note(&self, noted: Vec<(TenantId, Head)>) {
        if noted.is_empty() {
            return;
        }
        let mut heads = self.heads();
        for (tenant, head) in noted {
            let known = heads.entry(tenant).or_insert(head);
            if known.seq < head.seq {
                *known = head;
            }
        }
        drop(heads);
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

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_ledger::UnixMs;

    #[test]
    fn a_newer_head_stays_whichever_is_noted_last() {
        let tenant: TenantId = "acme".parse().unwrap();
        let head = |seq| Head {
            seq,
            time: UnixMs(seq),
            hash: [0; 32],
        };
        for order in [[1, 2], [2, 1]] {
            let changed = ChangedHeads::default();
            for seq in order {
                changed.note(vec![(tenant.clone(), head(seq))]);
            }
            assert_eq!(changed.take()[&tenant], head(2), "{order:?}");
        }
    }
}
