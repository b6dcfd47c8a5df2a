//! What the command line asks for, and the plan of rounds that follows from it.
//!
//! Invariant: a plan is bounded. Every round has a length, and the number of rounds is fixed before the first one starts.

use std::time::Duration;

use clap::Parser;

use crate::target::{Kind, Target};

/// Connections that are busy at the same time, if nothing is said.
const CONCURRENCIES: [usize; 3] = [1, 16, 64];
/// Rounds of a full run. Neighbours' noise comes in bursts of seconds: several short rounds spread it over all targets.
const ROUNDS: u32 = 5;
/// Measured seconds of each target, kind and concurrency in a full run: 5 × 6 × 5 s and the warming up are about 3 minutes.
const SECONDS: u32 = 5;
/// The one round of a short run: enough to see that everything works, too little to tell anything about speed.
const SHORT_ROUND: Duration = Duration::from_millis(300);

/// Measures what Ferry adds to an Envoy, beside what one ext_authz call adds, with and without a durable write.
#[derive(Debug, Parser)]
#[command(name = "cargo bench-gateway", bin_name = "cargo bench-gateway")]
pub struct Args {
    /// Prints one JSON object and nothing else on standard output
    #[arg(long)]
    pub json: bool,
    /// Runs one short round of everything: a smoke test
    #[arg(long, conflicts_with = "seconds")]
    short: bool,
    /// Measures only this target (may be repeated)
    #[arg(long, value_enum, value_name = "TARGET")]
    only: Vec<Target>,
    /// Measures only with so many connections (may be repeated)
    #[arg(long, value_name = "CONNECTIONS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: Vec<u16>,
    /// Measures only this kind of answer (may be repeated)
    #[arg(long, value_enum, value_name = "KIND")]
    answer: Vec<Kind>,
    /// Measured seconds of each target, kind of answer and concurrency
    #[arg(long, value_name = "SECONDS", default_value_t = SECONDS, value_parser = clap::value_parser!(u32).range(1..=120))]
    seconds: u32,
    /// Cargo says so to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// How often and how long everything is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rounds of the whole table.
    pub rounds: u32,
    /// The measured time of one cell in one round.
    pub round: Duration,
}

impl Args {
    /// The targets to measure, in the table's order.
    pub fn targets(&self) -> Vec<Target> {
        let asked = |target: &Target| self.only.is_empty() || self.only.contains(target);
        Target::ALL.into_iter().filter(asked).collect()
    }

    /// How many connections are busy at the same time, in the table's order.
    pub fn concurrencies(&self) -> Vec<usize> {
        if self.connections.is_empty() {
            return CONCURRENCIES.to_vec();
        }
        self.connections.iter().map(|&count| count.into()).collect()
    }

    /// The kinds of answers to ask for, in the table's order.
    pub fn kinds(&self) -> Vec<Kind> {
        let asked = |kind: &Kind| self.answer.is_empty() || self.answer.contains(kind);
        Kind::ALL.into_iter().filter(asked).collect()
    }

    /// The plan that the options amount to.
    pub fn plan(&self) -> Plan {
        if self.short {
            return Plan {
                rounds: 1,
                round: SHORT_ROUND,
            };
        }
        Plan {
            rounds: ROUNDS,
            round: Duration::from_secs(self.seconds.into()) / ROUNDS,
        }
    }
}
