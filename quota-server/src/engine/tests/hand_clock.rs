//! A clock for tests: time stands still until it is moved.

use super::fixture::START_MS;
use crate::engine::TimeSource;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A clock that is moved by hand.
#[derive(Debug, Default)]
pub(crate) struct HandClock {
    passed_ms: AtomicU64,
    ahead_ms: AtomicI64,
    /// The clock of its server's database, if that is another one: time passes for both as it passes there.
    database: Option<Arc<HandClock>>,
}

impl HandClock {
    /// The clock of a machine that is ahead of its database's.
    pub(crate) fn of_machine(database: &Arc<Self>, ahead_ms: i64) -> Self {
        Self {
            ahead_ms: AtomicI64::new(ahead_ms),
            database: Some(Arc::clone(database)),
            ..Self::default()
        }
    }

    /// Time passes.
    pub(crate) fn pass(&self, ms: u64) {
        self.passed_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Somebody sets the clock forward.
    pub(crate) fn step(&self, ms: u64) {
        self.ahead_ms.fetch_add(ms.cast_signed(), Ordering::SeqCst);
    }
}

impl TimeSource for HandClock {
    fn unix_ms(&self) -> u64 {
        let ahead_ms = self.ahead_ms.load(Ordering::SeqCst);
        (START_MS + self.steady_ms()).saturating_add_signed(ahead_ms)
    }

    fn steady_ms(&self) -> u64 {
        let passed = || self.passed_ms.load(Ordering::SeqCst);
        self.database
            .as_ref()
            .map_or_else(passed, |of| of.steady_ms())
    }

    fn shared_ms(&self, _: u64) -> u64 {
        let database = self.database.as_deref();
        database.unwrap_or(self).unix_ms()
    }
}
