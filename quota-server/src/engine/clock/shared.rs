//! One time for all servers on one database: what its clock said, carried on by the steady clock of this machine.

use super::{STEP_MS, TimeSource};
use crate::store::StoreError;
use ferry_ledger::UnixMs;
use std::sync::{Arc, PoisonError, RwLock};

/// How often the clock is asked in a row: the answer that was under way for the shortest time counts. The first may wait for its
/// statement to be prepared.
const ASKED: usize = 2;

/// What time it is. Clones tell the same.
#[derive(Clone)]
pub(crate) struct Time {
    source: Arc<dyn TimeSource>,
    reading: Arc<RwLock<Option<Reading>>>,
}

/// What the database's clock said, and the steady clock in the middle between the question and the answer: it is off by half their
/// distance at most.
#[derive(Clone, Copy)]
struct Reading {
    shared_ms: u64,
    steady_ms: u64,
    way_ms: u64,
}

impl Time {
    pub(crate) fn new(source: Arc<dyn TimeSource>) -> Self {
        Self {
            source,
            reading: Arc::default(),
        }
    }

    /// Unix milliseconds: by the database's clock, once that was read.
    pub(crate) fn unix_ms(&self) -> u64 {
        self.reading().map_or_else(
            || self.source.unix_ms(),
            |reading| {
                let passed = self.source.steady_ms().saturating_sub(reading.steady_ms);
                reading.shared_ms.saturating_add(passed)
            },
        )
    }

    pub(super) fn source(&self) -> &dyn TimeSource {
        self.source.as_ref()
    }

    /// Whether it is a database's.
    pub(super) fn is_shared(&self) -> bool {
        self.reading().is_some()
    }

    /// Asks the database's clock, and says by how much this machine's is ahead of it.
    pub(super) fn read(
        &self,
        mut ask: impl FnMut() -> Result<Option<UnixMs>, StoreError>,
    ) -> Result<Option<i64>, StoreError> {
        let mut best: Option<Reading> = None;
        for _ in 0..ASKED {
            let asked = self.source.steady_ms();
            let Some(said) = ask()? else {
                return Ok(None);
            };
            let way_ms = self.source.steady_ms().saturating_sub(asked);
            let reading = Reading {
                shared_ms: self.source.shared_ms(said.0),
                steady_ms: asked.saturating_add(way_ms / 2),
                way_ms,
            };
            if best.is_none_or(|best| way_ms < best.way_ms) {
                best = Some(reading);
            }
        }
        let known = self.reading();
        // What was under way for so long cannot be told from a step: what is known is better.
        let best = best.filter(|best| known.is_none() || best.way_ms <= STEP_MS);
        if best.is_some() {
            *self.reading.write().unwrap_or_else(PoisonError::into_inner) = best;
        }
        let (machine, shared) = (self.source.unix_ms(), self.unix_ms());
        Ok(Some(machine.cast_signed().saturating_sub_unsigned(shared)))
    }

    fn reading(&self) -> Option<Reading> {
        *self.reading.read().unwrap_or_else(PoisonError::into_inner)
    }
}
