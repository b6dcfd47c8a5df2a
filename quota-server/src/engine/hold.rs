//! A hold on the engine: while there is one nothing is decided, and nothing expires. It says why.

use std::sync::{Arc, PoisonError, RwLock};

/// Shared by the engine's callers and its writer.
#[derive(Clone, Debug)]
pub(super) struct Hold(Arc<RwLock<Option<String>>>);

impl Hold {
    pub(super) fn new(why: Option<String>) -> Self {
        Self(Arc::new(RwLock::new(why)))
    }

    /// Why nothing is decided; `None` if everything is.
    pub(super) fn why(&self) -> Option<String> {
        let why = self.0.read().unwrap_or_else(PoisonError::into_inner);
        why.clone()
    }

    pub(super) fn stands(&self) -> bool {
        let why = self.0.read().unwrap_or_else(PoisonError::into_inner);
        why.is_some()
    }

    pub(super) fn set(&self, why: Option<String>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = why;
    }
}
