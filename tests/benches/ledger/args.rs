//! What the command line asks for, and the plan of rounds that follows from it.
//!
//! Invariant: a plan is bounded. Every round has a length, and the number of rounds is fixed before the first one starts.

use std::time::Duration;

use clap::Parser;

use crate::cell::{Path, Store};
use crate::load::Load;

/// Callers at once in the closed loops, if nothing is said: one alone, some, and as many as make full batches.
const CALLERS: [usize; 3] = [1, 32, 512];
/// Operations a second in the open loops.
const RATES: [u32; 3] = [2_000, 10_000, 20_000];
/// Rounds of a full run. Neighbours' noise comes in bursts of seconds: several short rounds spread it over all cells.
const ROUNDS: u32 = 4;
/// Measured seconds of each cell in a full run: with some 140 cells and what lies between them that is about twelve minutes.
const SECONDS: u32 = 4;
/// The one round of a short run: enough to see that everything works, too little to tell anything about speed.
const SHORT_ROUND: Duration = Duration::from_millis(25);
/// Customers of a full run.
const TENANTS: usize = 10_000;
/// Customers of a short run.
const SHORT_TENANTS: usize = 100;

/// Measures how many reservations the ledger makes and settles durably, beside what the disk and the bare databases can do.
#[derive(Debug, Parser)]
#[command(name = "cargo bench-ledger", bin_name = "cargo bench-ledger")]
pub struct Args {
    /// Prints one JSON object and nothing else on standard output
    #[arg(long)]
    pub json: bool,
    /// Runs one short round of everything: a smoke test
    #[arg(long, conflicts_with_all = ["seconds", "rows"])]
    short: bool,
    /// Measures only with this store (may be repeated)
    #[arg(long, value_enum, value_name = "STORE")]
    store: Vec<Store>,
    /// Measures only this way (may be repeated)
    #[arg(long, value_enum, value_name = "PATH")]
    path: Vec<Path>,
    /// Measures only this load (may be repeated)
    #[arg(long, value_enum, value_name = "LOAD")]
    load: Vec<Load>,
    /// Measures only closed loops of so many callers (may be repeated), and no open loop
    #[arg(long, value_name = "CALLERS", value_parser = clap::value_parser!(u16).range(1..=4096))]
    callers: Vec<u16>,
    /// Measures the engine on a journal of so many rows too (may be repeated, rising); 10,000,000 take about 15 GB with each store
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(10_000..=100_000_000))]
    rows: Vec<u64>,
    /// Gives each customer so many limits that are never reached: what they cost is seen beside a run without
    #[arg(long, value_name = "LIMITS", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=64))]
    pub limits: u8,
    /// Measured seconds of each cell
    #[arg(long, value_name = "SECONDS", default_value_t = SECONDS, value_parser = clap::value_parser!(u32).range(1..=120))]
    seconds: u32,
    /// Cargo says so to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// How often and how long everything is measured, and for how many customers.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rounds of the whole table.
    pub rounds: u32,
    /// The measured time of one cell in one round.
    pub round: Duration,
    /// Customers.
    pub tenants: usize,
}

impl Args {
    /// The stores to measure with, in the table's order.
    pub fn stores(&self) -> Vec<Store> {
        let asked = |store: &Store| self.store.is_empty() || self.store.contains(store);
        Store::ALL.into_iter().filter(asked).collect()
    }

    /// The ways to measure, in the table's order.
    pub fn paths(&self) -> Vec<Path> {
        let asked = |path: &Path| self.path.is_empty() || self.path.contains(path);
        Path::ALL.into_iter().filter(asked).collect()
    }

    /// The loads to measure, in the table's order.
    pub fn loads(&self) -> Vec<Load> {
        let asked = |load: &Load| self.load.is_empty() || self.load.contains(load);
        Load::ALL.into_iter().filter(asked).collect()
    }

    /// How many callers there are at once in the closed loops.
    pub fn callers(&self) -> Vec<usize> {
        if self.callers.is_empty() {
            return CALLERS.to_vec();
        }
        self.callers.iter().map(|&callers| callers.into()).collect()
    }

    /// How many operations a second come in the open loops.
    pub fn rates(&self) -> Vec<u32> {
        if self.callers.is_empty() {
            RATES.to_vec()
        } else {
            Vec::new()
        }
    }

    /// How long the journals are that the engine is measured on beside its own, rising.
    pub fn rows(&self) -> Vec<u64> {
        let mut rows = self.rows.clone();
        rows.sort_unstable();
        rows
    }

    /// The plan that the options amount to.
    pub fn plan(&self) -> Plan {
        if self.short {
            return Plan {
                rounds: 1,
                round: SHORT_ROUND,
                tenants: SHORT_TENANTS,
            };
        }
        Plan {
            rounds: ROUNDS,
            round: Duration::from_secs(self.seconds.into()) / ROUNDS,
            tenants: TENANTS,
        }
    }
}
