//! The host's clocks, at the price of one.
//!
//! The wall clock is asked once a second; in between it goes on by the monotonic one. A step of it is seen within that second:
//! what is drawn and what is learned meanwhile are told by the same time, so that ids stay on the server's.

use core::cell::Cell;

use ferry_filter_core::clock::Now;

use crate::host;

/// How long a reading of the wall clock serves.
const READING_MS: u64 = 1_000;

/// What the clocks showed when both were read.
#[derive(Clone, Copy)]
struct Reading {
    monotonic_ms: u64,
    unix_ms: u64,
}

/// The clocks, as one plugin in one worker reads them.
pub struct Clock {
    wall: Cell<Option<Reading>>,
    last: Cell<Now>,
}

impl Clock {
    pub const fn new() -> Self {
        Self {
            wall: Cell::new(None),
            last: Cell::new(Now {
                monotonic_ms: 0,
                unix_ms: 0,
            }),
        }
    }

    /// The time, by both.
    pub fn now(&self) -> Now {
        let monotonic_ms = host::monotonic_ms();
        let fresh = |wall: &Reading| {
            let since_ms = monotonic_ms.saturating_sub(wall.monotonic_ms);
            (since_ms < READING_MS).then(|| wall.unix_ms.saturating_add(since_ms))
        };
        let unix_ms = self.wall.get().as_ref().and_then(fresh).unwrap_or_else(|| {
            let unix_ms = host::unix_ms();
            self.wall.set(Some(Reading {
                monotonic_ms,
                unix_ms,
            }));
            unix_ms
        });
        let now = Now {
            monotonic_ms,
            unix_ms,
        };
        self.last.set(now);
        now
    }

    /// The time when it was last asked for: within one callback that is soon enough.
    pub const fn last(&self) -> Now {
        self.last.get()
    }
}
