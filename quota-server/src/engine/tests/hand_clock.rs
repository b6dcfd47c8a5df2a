//! A clock for tests: time stands still until it is moved.

use super::fixture::START_MS;
use crate::engine::TimeSource;
use std::sync::atomic::{AtomicU64, Ordering};

/// A clock that is moved by hand.
#[derive(Debug, Default)]
pub(crate) struct HandClock {
    passed_ms: AtomicU64,
    stepped_ms: AtomicU64,
}

impl HandClock {
    /// Time passes.
    pub(crate) fn pass(&self, ms: u64) {
        self.passed_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Somebody sets the clock forward.
    pub(crate) fn step(&self, ms: u64) {
        self.stepped_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl TimeSource for HandClock {
    fn unix_ms(&self) -> u64 {
        START_MS + self.steady_ms() + self.stepped_ms.load(Ordering::SeqCst)
    }

    fn steady_ms(&self) -> u64 {
        self.passed_ms.load(Ordering::SeqCst)
    }
}
