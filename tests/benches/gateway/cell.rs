//! What was measured of one target, one kind of answer and one concurrency, over all rounds.

use std::time::Duration;

use crate::load::Exchange;
use crate::target::{Kind, Target};

/// Which measurement a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whom the client asked.
    pub target: Target,
    /// What for.
    pub kind: Kind,
    /// On how many connections at once.
    pub concurrency: usize,
}

/// Processor time and memory of Envoy and of the server that it called; zero where there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resources {
    /// Of Envoy: processor time in this round, or over all of a cell's rounds.
    pub envoy_cpu: Duration,
    /// Of the called server, likewise.
    pub server_cpu: Duration,
    /// Envoy's resident memory after the round, or the most after any round.
    pub envoy_kib: u64,
    /// The called server's, likewise.
    pub server_kib: u64,
}

/// All rounds of one place.
#[derive(Debug)]
pub struct Cell {
    /// Which one it is.
    pub place: Place,
    /// Every exchange of every round.
    pub exchanges: Vec<Exchange>,
    /// The measured time of all rounds together.
    pub elapsed: Duration,
    /// What the exchanges took.
    pub resources: Resources,
}

impl Cell {
    /// A cell without a round.
    pub fn new(place: Place) -> Self {
        Self {
            place,
            exchanges: Vec::new(),
            elapsed: Duration::ZERO,
            resources: Resources::default(),
        }
    }

    /// Adds one round.
    pub fn add(&mut self, exchanges: &[Exchange], elapsed: Duration, round: &Resources) {
        self.exchanges.extend_from_slice(exchanges);
        self.elapsed += elapsed;
        let all = &mut self.resources;
        all.envoy_cpu += round.envoy_cpu;
        all.server_cpu += round.server_cpu;
        all.envoy_kib = all.envoy_kib.max(round.envoy_kib);
        all.server_kib = all.server_kib.max(round.server_kib);
    }
}
