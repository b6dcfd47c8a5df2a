//! The server's time, watched for steps: the wall clock's, or that of the database which several servers share.
//!
//! A book's own time never goes back (the ledger sees to that); this module only says what time it is, and whether the clock was
//! moved. A shared database's clock is read now and then; in between the steady clock carries on from it, so that nobody who sets the
//! clock of one machine moves a server's time.

mod shared;

pub(crate) use shared::Time;

use crate::store::StoreError;
use ferry_ledger::UnixMs;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How far two clocks may drift apart between two looks before it counts as a step.
const STEP_MS: u64 = 1_000;
/// How often a shared database's clock is read: two machines' clocks drift apart by less than a millisecond in that time.
pub(super) const READ_EVERY_MS: u64 = 10_000;

/// Where time comes from. The system's in production; tests bring one that they move by hand.
pub trait TimeSource: Send + Sync {
    /// Milliseconds since 1970, as the wall clock says.
    fn unix_ms(&self) -> u64;
    /// Milliseconds since some start, never moved by anybody.
    fn steady_ms(&self) -> u64;
    /// What the clock of a database that servers share says, when it has said this. The same, but where time is moved by hand.
    fn shared_ms(&self, said_ms: u64) -> u64 {
        said_ms
    }
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

/// The time, and when it was last stepped.
pub(crate) struct Clock {
    time: Time,
    /// What was told at the last look, and the steady clock then.
    last: (u64, u64),
    /// This machine's two clocks at the last look whether the database's is to be read.
    machine: (u64, u64),
    /// When the database's clock is to be read next, on the steady clock.
    read_at: u64,
    /// How far this machine's clock is ahead of the database's, as it was last told in the log.
    ahead_ms: i64,
    steady_since: u64,
    floor_ms: u64,
}

impl Clock {
    pub(crate) fn new(time: Time) -> Self {
        let steady = time.source().steady_ms();
        Self {
            last: (time.unix_ms(), steady),
            machine: (time.source().unix_ms(), steady),
            read_at: steady,
            ahead_ms: 0,
            steady_since: steady,
            floor_ms: 0,
            time,
        }
    }

    /// From now on no time before this is told: a month that ended then is sealed, and not even a new book begins in it.
    pub(crate) fn not_before(&mut self, floor: UnixMs) {
        self.floor_ms = self.floor_ms.max(floor.0);
    }

    /// The time, in Unix milliseconds. Looks for a step on the way.
    pub(crate) fn now_ms(&mut self) -> u64 {
        let now = (self.time.unix_ms(), self.time.source().steady_ms());
        if let Some(expected) = stepped(self.last, now) {
            tracing::warn!(
                expected_unix_ms = expected,
                unix_ms = now.0,
                "the clock was stepped: expiry is suspended"
            );
            self.steady_since = now.1;
        }
        self.last = now;
        now.0.max(self.floor_ms)
    }

    /// Whether a shared database's clock is to be read: now and then, and as soon as this machine's two clocks do not go together
    /// any more, since the steady one may be it that stood still.
    pub(crate) fn is_to_be_read(&mut self) -> bool {
        let source = self.time.source();
        let now = (source.unix_ms(), source.steady_ms());
        if stepped(self.machine, now).is_some() {
            self.read_at = now.1;
        }
        self.machine = now;
        now.1 >= self.read_at
    }

    /// Reads a shared database's clock by asking it; a file has none. Says by how many milliseconds this machine's is ahead of it.
    ///
    /// # Errors
    /// [`StoreError`] if it did not answer: the time goes on as it did.
    pub(crate) fn read(
        &mut self,
        ask: impl FnMut() -> Result<Option<UnixMs>, StoreError>,
    ) -> Result<i64, StoreError> {
        let steady = self.time.source().steady_ms();
        self.read_at = steady.saturating_add(READ_EVERY_MS);
        let was_shared = self.time.is_shared();
        let ahead_ms = self.time.read(ask)?.unwrap_or(0);
        // A database's clock in the place of this machine's is no step; of a file, which has none, nothing has changed.
        if !was_shared && self.time.is_shared() {
            self.last = (self.time.unix_ms(), self.time.source().steady_ms());
        }
        if ahead_ms.abs_diff(self.ahead_ms) > STEP_MS {
            self.ahead_ms = ahead_ms;
            tracing::warn!(
                ahead_ms,
                "this machine's clock differs from the database's, by which all its servers tell the time"
            );
        }
        Ok(ahead_ms)
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

/// What a clock should have said by now, if it says something else: each pair is a clock and the steady one beside it.
fn stepped(last: (u64, u64), now: (u64, u64)) -> Option<u64> {
    let expected = last.0.saturating_add(now.1.saturating_sub(last.1));
    (now.0.abs_diff(expected) > STEP_MS).then_some(expected)
}
