//! From what was measured to the figures that are shown: percentiles, rates, and the ratios that are aimed at.
//!
//! The only module of the benchmark that computes with floats.
#![expect(
    clippy::float_arithmetic,
    reason = "rates and ratios of measurements; no money comes near them"
)]

use std::time::Duration;

use serde::Serialize;

use crate::cell::Cell;
use crate::target::{Kind, Target};

/// One line of the result: what a program that compares runs reads.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Whom the client asked.
    pub target: Target,
    /// Whether the answer was a stream.
    pub stream: bool,
    /// Connections busy at once.
    pub concurrency: usize,
    /// Answers a second.
    pub rps: f64,
    /// Half of the answers took at most this long.
    pub p50_ms: f64,
    /// 95 % did.
    pub p95_ms: f64,
    /// 99 % did.
    pub p99_ms: f64,
    /// Half of the answers had begun by then.
    pub ttfb_p50_ms: f64,
    /// Processor seconds for 1,000 answers, Envoy and the called server together.
    pub cpu_s_per_1k: f64,
    /// Resident memory, Envoy and the called server together.
    pub rss_mib: f64,
}

/// The same line's parts: which process took what.
#[derive(Clone, Debug, Serialize)]
pub struct Parts {
    /// As in the row.
    pub target: Target,
    /// As in the row.
    pub stream: bool,
    /// As in the row.
    pub concurrency: usize,
    /// Answers in all rounds.
    pub answers: usize,
    /// Events of one answer that reached the client; 0 if it was no stream.
    pub events_per_answer: f64,
    /// Envoy's processor seconds for 1,000 answers.
    pub envoy_cpu_s_per_1k: f64,
    /// The called server's.
    pub server_cpu_s_per_1k: f64,
    /// Processor microseconds for one event, both together, the answer's fixed cost included; 0 if it was no stream.
    pub cpu_us_per_event: f64,
    /// Envoy's resident memory.
    pub envoy_rss_mib: f64,
    /// The called server's.
    pub server_rss_mib: f64,
}

/// What a target adds to plain Envoy, and how that compares with the floors.
#[derive(Clone, Debug, Serialize)]
pub struct Added {
    /// As in the row.
    pub target: Target,
    /// As in the row.
    pub stream: bool,
    /// As in the row.
    pub concurrency: usize,
    /// Added to plain Envoy's median latency.
    pub p50_ms: f64,
    /// Added to plain Envoy's median time to the first byte.
    pub ttfb_p50_ms: f64,
    /// Added to plain Envoy's processor seconds for 1,000 answers.
    pub cpu_s_per_1k: f64,
    /// `p50_ms` as a multiple of what `ext_authz_durable` adds; none if that was not measured or adds nothing.
    pub p50_of_durable: Option<f64>,
    /// `ttfb_p50_ms` likewise. Of a stream this one tells more: the provider's pace is the most of its whole time.
    pub ttfb_of_durable: Option<f64>,
    /// `cpu_s_per_1k` as a multiple of what `ext_authz` adds; none if that was not measured or adds nothing.
    pub cpu_of_ext_authz: Option<f64>,
}

/// All figures of a run.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// The result.
    pub rows: Vec<Row>,
    /// Its parts, row by row.
    pub parts: Vec<Parts>,
    /// The comparison, for every target that stands behind an Envoy of its own kind.
    pub added: Vec<Added>,
}

impl Figures {
    /// Computes everything from the cells.
    pub fn of(cells: &[Cell]) -> Self {
        let rows: Vec<_> = cells.iter().map(row).collect();
        let added = rows.iter().filter_map(|row| added(row, &rows)).collect();
        Self {
            parts: cells.iter().map(parts).collect(),
            added,
            rows,
        }
    }
}

fn row(cell: &Cell) -> Row {
    let mut totals: Vec<_> = cell
        .exchanges
        .iter()
        .map(|exchange| exchange.total)
        .collect();
    let mut first_bytes: Vec<_> = cell
        .exchanges
        .iter()
        .map(|exchange| exchange.first_byte)
        .collect();
    totals.sort_unstable();
    first_bytes.sort_unstable();
    let resources = &cell.resources;
    Row {
        target: cell.place.target,
        stream: cell.place.kind == Kind::Stream,
        concurrency: cell.place.concurrency,
        rps: rounded(totals.len() as f64 / cell.elapsed.as_secs_f64(), 1),
        p50_ms: percentile_ms(&totals, 50),
        p95_ms: percentile_ms(&totals, 95),
        p99_ms: percentile_ms(&totals, 99),
        ttfb_p50_ms: percentile_ms(&first_bytes, 50),
        cpu_s_per_1k: per_1k(resources.envoy_cpu + resources.server_cpu, totals.len()),
        rss_mib: mib(resources.envoy_kib + resources.server_kib),
    }
}

fn parts(cell: &Cell) -> Parts {
    let answers = cell.exchanges.len();
    let events: u64 = cell.exchanges.iter().map(|exchange| exchange.events).sum();
    let resources = &cell.resources;
    let cpu = resources.envoy_cpu + resources.server_cpu;
    Parts {
        target: cell.place.target,
        stream: cell.place.kind == Kind::Stream,
        concurrency: cell.place.concurrency,
        answers,
        events_per_answer: rounded(events as f64 / answers as f64, 1),
        envoy_cpu_s_per_1k: per_1k(resources.envoy_cpu, answers),
        server_cpu_s_per_1k: per_1k(resources.server_cpu, answers),
        cpu_us_per_event: if events == 0 {
            0.0
        } else {
            rounded(cpu.as_secs_f64() * 1e6 / events as f64, 2)
        },
        envoy_rss_mib: mib(resources.envoy_kib),
        server_rss_mib: mib(resources.server_kib),
    }
}

/// What `row` adds to plain Envoy; none for plain Envoy itself, for what has no Envoy, and where plain Envoy was not measured.
fn added(row: &Row, rows: &[Row]) -> Option<Added> {
    if matches!(row.target, Target::Direct | Target::Envoy) {
        return None;
    }
    let beside = |target| {
        let same = |other: &&Row| {
            (other.target, other.stream, other.concurrency) == (target, row.stream, row.concurrency)
        };
        rows.iter().find(same)
    };
    let plain = beside(Target::Envoy)?;
    let p50 = |of: &Row| of.p50_ms - plain.p50_ms;
    let ttfb = |of: &Row| of.ttfb_p50_ms - plain.ttfb_p50_ms;
    let cpu = |of: &Row| of.cpu_s_per_1k - plain.cpu_s_per_1k;
    let durable = beside(Target::ExtAuthzDurable);
    Some(Added {
        target: row.target,
        stream: row.stream,
        concurrency: row.concurrency,
        p50_ms: rounded(p50(row), 4),
        ttfb_p50_ms: rounded(ttfb(row), 4),
        cpu_s_per_1k: rounded(cpu(row), 4),
        p50_of_durable: durable.and_then(|floor| multiple(p50(row), p50(floor))),
        ttfb_of_durable: durable.and_then(|floor| multiple(ttfb(row), ttfb(floor))),
        cpu_of_ext_authz: beside(Target::ExtAuthz).and_then(|floor| multiple(cpu(row), cpu(floor))),
    })
}

/// `value` as a multiple of `floor`, which noise can push to nothing: then there is no telling.
fn multiple(value: f64, floor: f64) -> Option<f64> {
    (floor > 0.0).then(|| rounded(value / floor, 2))
}

/// The smallest value that at least `percent` % of all values do not exceed, in milliseconds. 0 of no values.
fn percentile_ms(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    let value = sorted.get(rank - 1).copied().unwrap_or_default();
    rounded(value.as_secs_f64() * 1e3, 4)
}

fn per_1k(time: Duration, answers: usize) -> f64 {
    rounded(time.as_secs_f64() * 1e3 / answers as f64, 4)
}

fn mib(kib: u64) -> f64 {
    rounded(kib as f64 / 1024.0, 1)
}

fn rounded(value: f64, digits: i32) -> f64 {
    let unit = 10f64.powi(digits);
    (value * unit).round() / unit
}
