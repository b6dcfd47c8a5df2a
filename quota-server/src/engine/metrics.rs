//! What the engine counts. `register` hands it to a Prometheus registry; the engine itself never exports.

use ferry_types::Currency;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Bounds of a commit's or a flush's duration: an fsync takes 0.1 ms on a good disk and seconds on a dying one.
const DISK_SECONDS: [f64; 12] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];
/// Bounds of a batch's size, up to the engine's cap.
const BATCH_OPERATIONS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// A gateway, by its name in the configuration.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PrincipalLabels {
    principal: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CurrencyLabels {
    currency: &'static str,
}

/// A counter for each gateway of the configuration.
#[derive(Clone, Debug, Default)]
pub struct ByPrincipal(Family<PrincipalLabels, Counter>);

impl ByPrincipal {
    /// Counts one more.
    pub fn count(&self, principal: &str) {
        let labels = PrincipalLabels {
            principal: principal.to_owned(),
        };
        self.0.get_or_create(&labels).inc();
    }
}

/// Counters, gauges and histograms of one engine. Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub struct EngineMetrics {
    /// Duration of each commit: until the database says that it is durable, or an append to SQLite's log.
    pub commit_seconds: Histogram,
    /// Duration of each fsync of SQLite's log.
    pub flush_seconds: Histogram,
    /// Operations decided together.
    pub batch_operations: Histogram,
    /// Batches that were undone because loading or persisting failed.
    pub batches_failed: Counter,
    /// Batches that were run again: another server was in the way, or a commit's answer was lost.
    pub batches_again: Counter,
    /// Reserves that were shed because their lane was full.
    pub reserves_shed: Counter,
    /// Reserves that were dropped because their caller had stopped waiting.
    pub reserves_late: Counter,
    /// Settlements, releases, renewals and administration that were not accepted because their lane was full.
    pub settlements_refused: Counter,
    /// Calls with a key that nobody made.
    pub unknown_keys: Counter,
    /// Reservations that nobody settled.
    pub expired: Counter,
    /// Those of them that never showed life: their gateway vanished, or is not billing what it lets through.
    pub expired_lifeless: Counter,
    /// Settlements kept for a person.
    pub parked: Counter,
    /// Settlements of which nothing was held.
    pub unreserved: ByPrincipal,
    /// What another gateway had reserved and this principal ended.
    pub recovered: ByPrincipal,
    /// Calls for a tenant or a route that the gateway may not serve.
    pub out_of_scope: ByPrincipal,
    suspended: Family<CurrencyLabels, Counter>,
    /// Books that were frozen because an invariant did not hold: page somebody.
    pub books_frozen: Counter,
    /// Seconds.
    clock_ahead: Gauge<f64, AtomicU64>,
    /// Operations waiting in the Reserve lane.
    pub reserve_lane: Gauge,
    /// Operations waiting in the lane of everything else.
    pub settlement_lane: Gauge,
}

impl Default for EngineMetrics {
    fn default() -> Self {
        Self {
            commit_seconds: Histogram::new(DISK_SECONDS),
            flush_seconds: Histogram::new(DISK_SECONDS),
            batch_operations: Histogram::new(BATCH_OPERATIONS),
            batches_failed: Counter::default(),
            batches_again: Counter::default(),
            reserves_shed: Counter::default(),
            reserves_late: Counter::default(),
            settlements_refused: Counter::default(),
            unknown_keys: Counter::default(),
            expired: Counter::default(),
            expired_lifeless: Counter::default(),
            parked: Counter::default(),
            unreserved: ByPrincipal::default(),
            recovered: ByPrincipal::default(),
            out_of_scope: ByPrincipal::default(),
            suspended: Family::default(),
            books_frozen: Counter::default(),
            clock_ahead: Gauge::default(),
            reserve_lane: Gauge::default(),
            settlement_lane: Gauge::default(),
        }
    }
}

impl EngineMetrics {
    /// Counts what a settlement asked beyond what its request could have cost.
    pub fn suspended(&self, currency: Currency, units: u64) {
        let labels = CurrencyLabels {
            currency: currency.code(),
        };
        self.suspended.get_or_create(&labels).inc_by(units);
    }

    /// Notes how far this machine's clock is ahead of the one of the database that several servers share.
    pub fn clock_is_ahead(&self, ahead_ms: i64) {
        let distance = Duration::from_millis(ahead_ms.unsigned_abs()).as_secs_f64();
        let sign = if ahead_ms < 0 { -1.0 } else { 1.0 };
        self.clock_ahead.set(distance.copysign(sign));
    }

    /// Adds everything to a registry whose prefix is `ferry`.
    pub fn register(&self, registry: &mut Registry) {
        let commit = "Duration of each commit to the store; of SQLite's it is durable once its log is flushed, too";
        let flush = "Duration of each fsync of SQLite's log, which makes commits durable";
        for (name, help, seconds) in [
            ("store_commit", commit, &self.commit_seconds),
            ("store_flush", flush, &self.flush_seconds),
        ] {
            registry.register_with_unit(name, help, Unit::Seconds, seconds.clone());
        }
        let batch = "Operations decided and committed together";
        registry.register("batch_operations", batch, self.batch_operations.clone());
        let counters = [
            (
                "batches_failed",
                "Batches undone because the store failed",
                &self.batches_failed,
            ),
            (
                "batches_again",
                "Batches that were run again: another server was in the way, or a commit's answer was lost.",
                &self.batches_again,
            ),
            (
                "reserves_shed",
                "Reserves refused because their lane was full",
                &self.reserves_shed,
            ),
            (
                "reserves_late",
                "Reserves dropped because their deadline had passed",
                &self.reserves_late,
            ),
            (
                "settlements_refused",
                "Calls other than Reserve refused because their lane was full",
                &self.settlements_refused,
            ),
            (
                "unknown_keys",
                "Calls with a key that nobody made",
                &self.unknown_keys,
            ),
            (
                "reservations_expired",
                "Reservations that nobody settled",
                &self.expired,
            ),
            (
                "reservations_expired_lifeless",
                "Reservations that nobody settled and that never showed life: released, or charged without evidence, by policy",
                &self.expired_lifeless,
            ),
            (
                "settlements_parked",
                "Settlements kept for a person to judge",
                &self.parked,
            ),
            (
                "books_frozen",
                "Books frozen because an invariant did not hold",
                &self.books_frozen,
            ),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        self.register_labelled(registry);
        self.register_gauges(registry);
    }

    /// Adds what goes up and down.
    fn register_gauges(&self, registry: &mut Registry) {
        let ahead = "How far this machine's clock is ahead of that of the database which several servers share: time is told by the latter";
        registry.register_with_unit(
            "clock_ahead",
            ahead,
            Unit::Seconds,
            self.clock_ahead.clone(),
        );
        let waiting = "Reserves waiting to be decided";
        registry.register("reserve_lane", waiting, self.reserve_lane.clone());
        let waiting = "Calls other than Reserve waiting to be decided";
        registry.register("settlement_lane", waiting, self.settlement_lane.clone());
    }

    /// Adds what is counted by gateway or by currency.
    fn register_labelled(&self, registry: &mut Registry) {
        let by_principal = [
            (
                "settlements_unreserved",
                "Settlements of which nothing was held",
                &self.unreserved,
            ),
            (
                "reservations_recovered",
                "Reservations ended in their gateway's place",
                &self.recovered,
            ),
            (
                "calls_out_of_scope",
                "Calls for a tenant or a route that the gateway may not serve",
                &self.out_of_scope,
            ),
        ];
        for (name, help, ByPrincipal(family)) in by_principal {
            registry.register(name, help, family.clone());
        }
        let suspended = "What settlements asked beyond what their requests could have cost, in units of 10^-scale";
        registry.register("suspended_units", suspended, self.suspended.clone());
    }
}
