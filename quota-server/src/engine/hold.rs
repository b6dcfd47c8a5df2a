//! A hold on the engine: while there is one nothing is decided, and nothing expires. It says why.

use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

/// Shared by the engine's callers and its writer.
#[derive(Clone, Debug)]
pub(super) struct Hold(Arc<RwLock<Reasons>>);

/// Each is given and taken back by itself.
#[derive(Debug, Default)]
struct Reasons {
    /// What the server found at its start.
    start: Option<String>,
    /// What the store found when it connected again.
    store: Option<String>,
}

impl Hold {
    pub(super) fn new(start: Option<String>) -> Self {
        let store = None;
        Self(Arc::new(RwLock::new(Reasons { start, store })))
    }

    /// Why nothing is decided; `None` if everything is.
    pub(super) fn why(&self) -> Option<String> {
        let Reasons { start, store } = &*self.0.read().unwrap_or_else(PoisonError::into_inner);
        start.as_ref().or(store.as_ref()).cloned()
    }

    pub(super) fn stands(&self) -> bool {
        let Reasons { start, store } = &*self.0.read().unwrap_or_else(PoisonError::into_inner);
        start.is_some() || store.is_some()
    }

    pub(super) fn set(&self, why: Option<String>) {
        self.reasons().start = why;
    }

    pub(super) fn set_by_store(&self, why: Option<String>) {
        self.reasons().store = why;
    }

    fn reasons(&self) -> RwLockWriteGuard<'_, Reasons> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
