//! What the surfaces count, and the page that shows it together with what the engine counts.
//!
//! Labels are of few values: names of calls, outcomes, reasons, and the filters' versions up to a bound. Nothing of a
//! customer's is a label.

use crate::engine::EngineMetrics;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Prefix of every name.
const PREFIX: &str = "ferry";
/// Bounds of a call's duration: mostly one commit, 0.1 ms to seconds.
const CALL_SECONDS: [f64; 11] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];
/// Bounds of a batch's size, up to what is accepted.
const BATCH_ITEMS: [f64; 7] = [1.0, 4.0, 16.0, 64.0, 128.0, 256.0, 1024.0];
/// Versions that get a label of their own: a gateway could otherwise fill the memory with invented ones.
const FILTER_VERSIONS_MAX: usize = 16;

/// How one item of one call ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    call: &'static str,
    outcome: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CallLabels {
    call: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct VersionLabels {
    version: String,
}

/// Counters of all surfaces. Clones count together.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    outcomes: Family<OutcomeLabels, Counter>,
    seconds: Family<CallLabels, Histogram>,
    items: Family<CallLabels, Histogram>,
    versions: Family<VersionLabels, Counter>,
    versions_seen: Mutex<BTreeSet<String>>,
    unauthenticated: Counter,
    open_reservations: Gauge,
    tenants: Gauge,
}

impl Metrics {
    /// With these of the engine.
    #[must_use]
    pub fn new(engine: &EngineMetrics) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        engine.register(&mut registry);
        let mut inner = Inner {
            registry,
            outcomes: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(CALL_SECONDS)),
            items: Family::new_with_constructor(|| Histogram::new(BATCH_ITEMS)),
            versions: Family::default(),
            versions_seen: Mutex::default(),
            unauthenticated: Counter::default(),
            open_reservations: Gauge::default(),
            tenants: Gauge::default(),
        };
        inner.register();
        Self {
            inner: Arc::new(inner),
        }
    }

    /// One item was answered.
    pub fn answered(&self, call: &'static str, outcome: &'static str, reason: &'static str) {
        let labels = OutcomeLabels {
            call,
            outcome,
            reason,
        };
        self.inner.outcomes.get_or_create(&labels).inc();
    }

    /// One call took so long and had so many items.
    pub fn called(&self, call: &'static str, items: usize, took: Duration) {
        let labels = CallLabels { call };
        let items = u32::try_from(items).unwrap_or(u32::MAX);
        self.inner
            .items
            .get_or_create(&labels)
            .observe(items.into());
        let seconds = self.inner.seconds.get_or_create(&labels);
        seconds.observe(took.as_secs_f64());
    }

    /// A filter of this version called.
    pub fn filter_version(&self, version: &str) {
        let mut seen = self
            .inner
            .versions_seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = seen.contains(version) || seen.len() < FILTER_VERSIONS_MAX;
        if known && !seen.contains(version) {
            seen.insert(version.to_owned());
        }
        drop(seen);
        let version = if known { version } else { "other" }.to_owned();
        self.inner
            .versions
            .get_or_create(&VersionLabels { version })
            .inc();
    }

    /// Somebody called without a known credential.
    pub fn unauthenticated(&self) {
        self.inner.unauthenticated.inc();
    }

    /// What the store says. While it cannot be read, the page keeps what was last found: unknown is not zero.
    pub fn found(&self, tenants: usize, open: u64) {
        let as_gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.inner.open_reservations.set(as_gauge(open));
        self.inner
            .tenants
            .set(i64::try_from(tenants).unwrap_or(i64::MAX));
    }

    /// The page.
    ///
    /// # Errors
    /// [`std::fmt::Error`] if a value cannot be written as text.
    pub fn page(&self) -> Result<String, std::fmt::Error> {
        let mut page = String::new();
        text::encode(&mut page, &self.inner.registry)?;
        Ok(page)
    }
}

impl Inner {
    fn register(&mut self) {
        let Self {
            registry,
            outcomes,
            seconds,
            items,
            versions,
            versions_seen: _,
            unauthenticated,
            open_reservations,
            tenants,
        } = self;
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", version);
        registry.register(
            "answers",
            "Items answered, by outcome and reason",
            outcomes.clone(),
        );
        let help = "Duration of gRPC calls";
        registry.register_with_unit("call", help, Unit::Seconds, seconds.clone());
        registry.register("call_items", "Items in one gRPC call", items.clone());
        registry.register(
            "filter_calls",
            "Items by the filter's version",
            versions.clone(),
        );
        let help = "gRPC calls without a known credential";
        registry.register("unauthenticated_calls", help, unauthenticated.clone());
        let help = "Reservations that are open";
        registry.register("open_reservations", help, open_reservations.clone());
        registry.register("tenants", "Tenants", tenants.clone());
    }
}

/// The content type of the page.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
