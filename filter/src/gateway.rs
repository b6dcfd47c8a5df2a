//! What the requests of a gateway instance share with its root context: the core's worker, metrics, and the timer.

use core::cell::{Cell, RefCell};

use ferry_filter_core::clock::Now;
use ferry_filter_core::config::GatewayConfig;
use ferry_filter_core::metrics::{Counters, Metric, OUTBOX_DEPTH};
use ferry_filter_core::worker::Worker;

use crate::asker::Asker;
use crate::clock::Clock;
use crate::host::{self, Buffer, MetricId, Status};
use crate::quota::{Ask, Quota};
use crate::random::Randomness;

/// gRPC status of a call that was not answered in time.
const DEADLINE_EXCEEDED: u32 = 4;
/// gRPC status of a call that may have been carried out or not.
const UNAVAILABLE: u32 = 14;
/// Longest time between ticks: nothing is due by itself, this only bounds what a missed event can cost.
const IDLE_TICK_MS: u64 = 1_000;

/// The counters, as the host knows them.
pub struct Metrics {
    counters: Vec<(Metric, MetricId)>,
    depth: MetricId,
}

impl Metrics {
    /// Defines every metric.
    ///
    /// # Errors
    /// The host's, at the first that it does not define.
    pub fn define() -> Result<Self, Status> {
        let counter = |metric: Metric| Ok((metric, host::define_counter(metric.name())?));
        let counters = Metric::ALL
            .into_iter()
            .map(counter)
            .collect::<Result<_, Status>>()?;
        Ok(Self {
            counters,
            depth: host::define_gauge(OUTBOX_DEPTH)?,
        })
    }

    /// Hands over what was counted.
    pub fn flush(&self, counters: &mut Counters) {
        counters.drain(|metric, by| {
            let id = self
                .counters
                .iter()
                .find(|(other, _)| *other == metric)
                .map(|(_, id)| *id);
            if let Some(Err(status)) =
                id.map(|id| host::add(id, i64::try_from(by).unwrap_or(i64::MAX)))
            {
                log::warn!("failed to count {}: {status}", metric.name());
            }
        });
    }

    /// Moves the gauge, which is the sum over workers, by this worker's change.
    fn move_depth(&self, before: usize, after: usize) {
        let count = |slots: usize| i64::try_from(slots).unwrap_or(i64::MAX);
        if let Err(status) = host::add(self.depth, count(after).saturating_sub(count(before))) {
            log::warn!("failed to record {OUTBOX_DEPTH}: {status}");
        }
    }
}

/// One gateway instance in one worker.
pub struct Gateway {
    /// The core's state; borrowed for one event at a time.
    worker: RefCell<Worker>,
    metrics: Metrics,
    clock: Clock,
    quota: Quota,
    /// For the ids that requests are given.
    pub randomness: Randomness,
    /// When the timer will ring, if it was set for an earlier time than its idle one.
    armed_for_ms: Cell<Option<u64>>,
    depth: Cell<usize>,
}

impl Gateway {
    pub fn new(config: GatewayConfig, metrics: Metrics) -> Self {
        let quota = Quota::new(&config.quota_cluster);
        Self {
            worker: RefCell::new(Worker::new(config)),
            metrics,
            clock: Clock::new(),
            quota,
            randomness: Randomness::new(),
            armed_for_ms: Cell::new(None),
            depth: Cell::new(0),
        }
    }

    /// Lets the core handle one event, then hands over what it logged, and sets the timer for what is due.
    /// `None` if the state is in use, which cannot be: the host never calls back from within a call.
    pub fn with<T>(&self, handle: impl FnOnce(&mut Worker, Now) -> T) -> Option<T> {
        let Ok(mut worker) = self.worker.try_borrow_mut() else {
            log::error!("an event came while another was being handled");
            return None;
        };
        let now = self.clock.now();
        let result = handle(&mut worker, now);
        for line in worker.take_log() {
            log::warn!("{line}");
        }
        self.arm(worker.outbox.due_at(), now);
        Some(result)
    }

    /// Calls the quota server. A call that cannot be sent gives its asker back.
    pub fn ask(&self, asker: Asker, ask: &Ask<'_>) -> Result<(), Asker> {
        let now = self.clock.last();
        self.quota.ask(asker, ask, now.monotonic_ms)?;
        self.arm(None, now);
        Ok(())
    }

    /// Hears the answer to a call that was made by itself.
    pub fn answered_alone(&self, token: u32, status: u32, size: usize) {
        let Some(asker) = self.quota.answered_alone(token) else {
            return;
        };
        match (status, host::buffer(Buffer::Grpc, 0, size)) {
            (0, Ok(bytes)) => asker.answer(self, Ok(&bytes)),
            (0, Err(_)) => asker.answer(self, Err(UNAVAILABLE)),
            (status, _) => asker.answer(self, Err(status)),
        }
    }

    /// The quota server has accepted a stream.
    pub fn stream_accepted(&self, token: u32) {
        self.quota.accepted(token);
    }

    /// Hears an answer on a stream.
    pub fn stream_answered(&self, token: u32, size: usize) {
        let message = host::buffer(Buffer::Grpc, 0, size).unwrap_or_else(|status| {
            log::warn!("failed to read an answer of the quota server: {status}");
            Vec::new()
        });
        if let Some((asker, result)) = self.quota.answered(token, &message) {
            asker.answer(self, result);
        }
    }

    /// A stream has ended: what waits on it may have been carried out or not.
    pub fn stream_ended(&self, token: u32) {
        let now = self.clock.now();
        for asker in self.quota.ended(token, now.monotonic_ms) {
            asker.answer(self, Err(UNAVAILABLE));
        }
    }

    /// Opens a stream if it is time, and gives up on what was not answered in time.
    pub fn look_after_stream(&self) {
        let now = self.clock.now();
        for asker in self.quota.overdue(now.monotonic_ms) {
            asker.answer(self, Err(DEADLINE_EXCEEDED));
        }
        self.quota.open(now.monotonic_ms);
    }

    /// Whether everything was delivered.
    pub fn is_flushed(&self) -> bool {
        self.worker
            .try_borrow()
            .is_ok_and(|worker| worker.outbox.is_empty())
    }

    /// The timer rang: it rings again at the same pace until it is set anew.
    pub fn rang(&self) {
        self.armed_for_ms.set(None);
    }

    /// Hands over what was counted. The timer's ticks do so: a second is soon enough for whoever looks, and one call then counts
    /// many requests.
    pub fn report(&self) {
        let Ok(mut worker) = self.worker.try_borrow_mut() else {
            return;
        };
        self.metrics.flush(&mut worker.counters);
        let depth = worker.outbox.depth();
        let before = self.depth.replace(depth);
        if before != depth {
            self.metrics.move_depth(before, depth);
        }
    }

    fn arm(&self, due_ms: Option<u64>, now: Now) {
        let idle_ms = now.monotonic_ms.saturating_add(IDLE_TICK_MS);
        let due_ms = [due_ms, self.quota.due_at()].into_iter().flatten().min();
        let wanted_ms = due_ms.unwrap_or(idle_ms).min(idle_ms);
        if self
            .armed_for_ms
            .get()
            .is_some_and(|armed_ms| armed_ms <= wanted_ms)
        {
            return;
        }
        let wait_ms = wanted_ms.saturating_sub(now.monotonic_ms).max(1);
        match host::set_tick_ms(u32::try_from(wait_ms).unwrap_or(u32::MAX)) {
            Ok(()) => self.armed_for_ms.set(Some(wanted_ms)),
            Err(status) => log::error!("failed to set the timer: {status}"),
        }
    }
}
