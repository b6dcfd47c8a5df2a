//! The server's time: the wall clock, watched for steps.
//!
//! A book's own time never goes back (the ledger sees to that); this module only says what time it is, and whether the wall
//! clock was moved.

use ferry_ledger::UnixMs;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How far wall clock and steady clock may drift apart between two looks before it counts as a step.
const STEP_MS: u64 = 1_000;

/// Where time comes from. The system's in production; tests bring one that they move by hand.
pub trait TimeSource: Send + Sync {
    /// Milliseconds since 1970, as the wall clock says.
    fn unix_ms(&self) -> u64;
    /// Milliseconds since some start, never moved by anybody.
    fn steady_ms(&self) -> u64;
}

/// The system's clocks.
#[derive(Debug)]
pub struct SystemTimeSource {
    start: Instant,
}

impl SystemTimeSource {
    /// Counts from now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemTimeSource {
    fn default() -> Self {
        Self::new()
    }
}

impl TimeSource for SystemTimeSource {
    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
    }

    fn steady_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The wall clock, and when it was last stepped.
pub(crate) struct Clock {
    source: Arc<dyn TimeSource>,
    last: (u64, u64),
    steady_since: u64,
    floor_ms: u64,
}

impl Clock {
    pub(crate) fn new(source: Arc<dyn TimeSource>) -> Self {
        let last = (source.unix_ms(), source.steady_ms());
        Self {
            source,
            last,
            steady_since: last.1,
            floor_ms: 0,
        }
    }

    /// From now on no time before this is told: a month that ended then is sealed, and not even a new book begins in it.
    pub(crate) fn not_before(&mut self, floor: UnixMs) {
        self.floor_ms = self.floor_ms.max(floor.0);
    }

    /// The time, in Unix milliseconds. Looks for a step on the way.
    pub(crate) fn now_ms(&mut self) -> u64 {
        let (wall, steady) = (self.source.unix_ms(), self.source.steady_ms());
        let passed = steady.saturating_sub(self.last.1);
        let expected = self.last.0.saturating_add(passed);
        if wall.abs_diff(expected) > STEP_MS {
            tracing::warn!(
                expected_unix_ms = expected,
                unix_ms = wall,
                "the clock was stepped: expiry is suspended"
            );
            self.steady_since = steady;
        }
        self.last = (wall, steady);
        wall.max(self.floor_ms)
    }

    /// Something else kept calls from being decided: what is overdue must not end yet.
    pub(crate) fn disturbed(&mut self) {
        self.now_ms();
        self.steady_since = self.last.1;
    }

    /// For how long the clock has run without a step, as of the last look.
    pub(crate) fn steady_for_ms(&self) -> u64 {
        self.last.1.saturating_sub(self.steady_since)
    }
}
