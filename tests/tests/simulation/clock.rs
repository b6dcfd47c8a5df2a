//! Simulated time: it passes from event to event, and somebody may set the server's wall clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use ferry_filter_core::clock::Now;
use ferry_quota_server::engine::TimeSource;

/// When every run begins.
const START_MS: u64 = 1_800_000_000_000;

/// The one clock of a run. Clones tell the same time.
#[derive(Clone, Default)]
pub struct Clock(Arc<Hands>);

#[derive(Default)]
struct Hands {
    passed_ms: AtomicU64,
    server_is_ahead_ms: AtomicI64,
}

impl Clock {
    /// Milliseconds since the run began.
    pub fn passed_ms(&self) -> u64 {
        self.0.passed_ms.load(Ordering::SeqCst)
    }

    /// Time passes up to this moment.
    pub fn pass_to(&self, passed_ms: u64) {
        self.0.passed_ms.store(passed_ms, Ordering::SeqCst);
    }

    /// Somebody sets the server's wall clock, by so much from the true time.
    pub fn set_server(&self, ahead_ms: i64) {
        self.0.server_is_ahead_ms.store(ahead_ms, Ordering::SeqCst);
    }

    /// The two clocks of a gateway whose wall clock is wrong by so much.
    pub fn of_gateway(&self, ahead_ms: i64) -> Now {
        Now {
            monotonic_ms: self.passed_ms(),
            unix_ms: (START_MS + self.passed_ms()).saturating_add_signed(ahead_ms),
        }
    }
}

impl TimeSource for Clock {
    fn unix_ms(&self) -> u64 {
        let ahead_ms = self.0.server_is_ahead_ms.load(Ordering::SeqCst);
        (START_MS + self.passed_ms()).saturating_add_signed(ahead_ms)
    }

    fn steady_ms(&self) -> u64 {
        self.passed_ms()
    }
}
