//! From what was measured to the figures that are shown.
//!
//! The only module of the benchmark that computes with floats.
#![expect(
    clippy::float_arithmetic,
    reason = "rates and ratios of measurements; no money comes near them"
)]

use std::time::Duration;

use serde::Serialize;

use crate::cell::{Arrivals, Cell, Path, Store};
use crate::load::Load;

/// One line of the result: what a program that compares runs reads.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Where the rows were kept.
    pub engine: Store,
    /// How they got there.
    pub path: Path,
    /// Whose operations they were.
    pub load: Load,
    /// Callers at once in a closed loop, which is the most that a batch can hold; none in an open one.
    pub batch_max: Option<usize>,
    /// Operations that came each second in an open loop; none in a closed one.
    pub offered_per_s: Option<u32>,
    /// Reservations that were made and settled a second.
    pub pairs_per_s: f64,
    /// Half of the operations took at most this long; of a bare ceiling, of the batches.
    pub p50_ms: f64,
    /// 99 % did.
    pub p99_ms: f64,
    /// Operations that were committed together, on average.
    pub batch_mean: f64,
    /// Operations that were turned away.
    pub shed: u64,
    /// Entries in all journals in the end.
    pub journal_rows: u64,
    /// `pairs_per_s` as a part of what the bare store does under the same load in batches of the same size.
    pub of_bare: Option<f64>,
    /// `pairs_per_s` as a multiple of the same under the uniform load.
    pub of_uniform: Option<f64>,
    /// `pairs_per_s` as a multiple of the most that conditional UPDATEs, two a pair, came to under the same load.
    pub of_update: Option<f64>,
}

/// All figures of a run.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// The result.
    pub rows: Vec<Row>,
}

impl Figures {
    /// Computes everything from the cells.
    pub fn of(cells: &[Cell]) -> Self {
        let mut rows: Vec<_> = cells.iter().map(row).collect();
        let all = rows.clone();
        for row in &mut rows {
            let decided = matches!(row.path, Path::Engine | Path::Grpc);
            let bare = beside(row, &all, (row.engine.bare(), Path::Bare, row.load));
            row.of_bare = bare.filter(|_| decided);
            let uniform = beside(row, &all, (row.engine, row.path, Load::Uniform));
            row.of_uniform = uniform.filter(|_| row.load != Load::Uniform);
            row.of_update = of_update(row, &all).filter(|_| decided);
        }
        Self { rows }
    }
}

/// A closed loop's rate over that of another one.
fn beside(row: &Row, all: &[Row], place: (Store, Path, Load)) -> Option<f64> {
    row.batch_max?;
    let is_it = |other: &&Row| {
        (other.engine, other.path, other.load) == place && other.batch_max == row.batch_max
    };
    multiple(row.pairs_per_s, all.iter().find(is_it)?.pairs_per_s)
}

/// A closed loop's rate over the best of the updates.
fn of_update(row: &Row, all: &[Row]) -> Option<f64> {
    row.batch_max?;
    let is_one = |other: &&Row| {
        (other.engine, other.path, other.load) == (row.engine.bare(), Path::Update, row.load)
    };
    let rates = all.iter().filter(is_one).map(|other| other.pairs_per_s);
    multiple(row.pairs_per_s, rates.reduce(f64::max)?)
}

fn multiple(rate: f64, other: f64) -> Option<f64> {
    (other > 0.0).then(|| rounded(rate / other, 3))
}

fn row(cell: &Cell) -> Row {
    let all = &cell.all;
    let mut latencies = all.latencies.clone();
    latencies.sort_unstable();
    let (batch_max, offered_per_s) = match cell.place.arrivals {
        Arrivals::Closed(callers) => (Some(callers), None),
        Arrivals::Open(rate) => (None, Some(rate)),
    };
    Row {
        engine: cell.place.store,
        path: cell.place.path,
        load: cell.place.load,
        batch_max,
        offered_per_s,
        pairs_per_s: rounded(all.pairs as f64 / all.elapsed.as_secs_f64(), 1),
        p50_ms: percentile_ms(&latencies, 50),
        p99_ms: percentile_ms(&latencies, 99),
        batch_mean: rounded(
            all.batched.operations as f64 / all.batched.batches.max(1) as f64,
            1,
        ),
        shed: all.shed,
        journal_rows: cell.journal_rows,
        of_bare: None,
        of_uniform: None,
        of_update: None,
    }
}

fn percentile_ms(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    let value = sorted.get(rank - 1).copied().unwrap_or_default();
    rounded(value.as_secs_f64() * 1e3, 4)
}

fn rounded(value: f64, digits: i32) -> f64 {
    let unit = 10f64.powi(digits);
    (value * unit).round() / unit
}
