//! The thread that owns the store: it drains the lanes, and between batches looks after leases, refusals and the log.

mod alone;
mod transaction;

use super::batch::{Asked, Batch, Decided, Results, UsedKeys};
use super::call::EngineError;
use super::clock::Clock;
use super::expiry::Housekeeping;
use super::hold::Hold;
use super::job::{Job, Op};
use super::known_keys::KnownKeys;
use super::lanes::{BATCH_MAX, Drained, Lanes};
use super::lease::LeaseConfig;
use super::metrics::EngineMetrics;
use super::resident::Resident;
use super::teller::{self, Teller, Waiting, reply};
use crate::key_directory::Peppers;
use crate::store::{Idle, Store, chain};
use ferry_ledger::{Rules, UnixMs};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio::sync::watch;

/// Why the engine has stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It was closed, and everything that waited was decided.
    Closed,
    /// It cannot say what is durable any more. The process must end with an error; a new one reads the database anew.
    Failed(String),
}

/// What the thread owns.
pub(super) struct Writer {
    pub(super) store: Box<dyn Store>,
    /// What its batches have left, if nobody else writes the store.
    pub(super) resident: Option<Resident>,
    pub(super) lanes: Arc<Lanes<Job>>,
    pub(super) peppers: Arc<Peppers>,
    pub(super) clock: Clock,
    pub(super) lease: LeaseConfig,
    pub(super) metrics: EngineMetrics,
    pub(super) teller: Teller,
    pub(super) known_keys: KnownKeys,
    /// Since they were last written.
    pub(super) used_keys: UsedKeys,
    /// Counts of gateways are forgotten up to this hour.
    pub(super) kept_from: u64,
    pub(super) hold: Hold,
    /// Whether the database is there, for those who ask whether the server is ready.
    pub(super) connected: Arc<AtomicBool>,
    /// How often the store had connected again when this was last looked at.
    pub(super) reconnections: u64,
    /// Why the store did not use its database then.
    pub(super) unsound: Option<String>,
}

/// The state is not known any more.
pub(super) struct Failed(pub(super) String);

/// However the thread ends, nobody waits for it in vain.
struct Abandon(Arc<Lanes<Job>>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Writer {
    /// Runs until the lanes are closed and empty, or the store fails. The store is closed before `stopped` tells.
    pub(super) fn run(mut self, stopped: &watch::Sender<Option<Stop>>) {
        let _abandon = Abandon(Arc::clone(&self.lanes));
        let stop = match self.serve().and_then(|()| self.teller.finish()) {
            Ok(()) => Stop::Closed,
            Err(Failed(reason)) => {
                tracing::error!(reason, "the store failed: the engine stops");
                Stop::Failed(reason)
            }
        };
        drop(self.teller);
        drop(self.store);
        stopped.send_replace(Some(stop));
    }

    fn serve(&mut self) -> Result<(), Failed> {
        let mut housekeeping = Housekeeping::new(self.lease);
        loop {
            match self.lanes.drain(housekeeping.patience()) {
                Drained::Closed => return Ok(()),
                Drained::Batch(jobs) => {
                    let idle = if jobs.is_empty() { Idle::Yes } else { Idle::No };
                    self.work(jobs)?;
                    if housekeeping.is_due() {
                        self.keep_house(&mut housekeeping)?;
                    }
                    self.store.maintain(idle).map_err(|e| failed(&e))?;
                    self.note_connection();
                }
            }
        }
    }

    fn work(&mut self, jobs: Vec<Job>) -> Result<(), Failed> {
        let mut ops = Vec::with_capacity(jobs.len());
        let mut waiting = Vec::with_capacity(jobs.len());
        let mut rest = Vec::new();
        let now = Instant::now();
        for job in jobs {
            match job {
                Job::Decide {
                    deadline, answer, ..
                } if deadline.is_some_and(|deadline| deadline <= now) => {
                    self.metrics.reserves_late.inc();
                    reply(answer, Err(EngineError::DeadlinePassed));
                }
                Job::Decide {
                    ops: asked, answer, ..
                } => {
                    let operations = asked.len();
                    waiting.push(Waiting { operations, answer });
                    ops.extend(asked);
                }
                Job::Transfer { .. }
                | Job::House { .. }
                | Job::Thaw { .. }
                | Job::PriceTable { .. }
                | Job::Time { .. }
                | Job::KeepSeal { .. }
                | Job::Expire { .. } => rest.push(job),
            }
        }
        if !ops.is_empty() {
            self.decide_and_answer(ops, waiting)?;
        }
        rest.into_iter().try_for_each(|job| self.work_alone(job))
    }

    fn decide_and_answer(&mut self, ops: Vec<Op>, waiting: Vec<Waiting>) -> Result<(), Failed> {
        let count = ops.len();
        match self.decide_all(ops, |_| true)? {
            Some((asked, decided)) => self.teller.tell(teller::Batch {
                waiting,
                decided,
                asked,
            }),
            None => {
                teller::answer(waiting, unavailable(count));
                Ok(())
            }
        }
    }

    /// Decides these together, durably. The results are in the order of the operations.
    pub(super) fn decide(&mut self, ops: Vec<Op>) -> Result<Results, Failed> {
        self.decide_if(ops, |_| true)
    }

    /// The same if this holds once the batch has begun, whenever it is run: what was true before may not be after the store has
    /// connected again.
    pub(super) fn decide_if(
        &mut self,
        ops: Vec<Op>,
        holds: impl Fn(&mut Self) -> bool,
    ) -> Result<Results, Failed> {
        let count = ops.len();
        let Some((_, decided)) = self.decide_all(ops, holds)? else {
            return Ok(unavailable(count));
        };
        self.teller.flush()?;
        self.teller.note(decided.tally, decided.heads);
        Ok(decided.results)
    }

    /// Decides these together, and commits: they are durable once they are flushed. `None` if nothing has happened.
    fn decide_all(
        &mut self,
        ops: Vec<Op>,
        holds: impl Fn(&mut Self) -> bool,
    ) -> Result<Option<(Asked, Decided)>, Failed> {
        let count = ops.len();
        self.metrics
            .batch_operations
            .observe(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
        let mut asked = Asked::new(ops);
        let mut runs = 0_usize;
        let run = |writer: &mut Self| {
            let now = UnixMs(writer.clock.now_ms());
            let rules = writer.rules();
            let batch = Batch {
                store: writer.store.as_mut(),
                resident: writer.resident.as_mut(),
                peppers: &writer.peppers,
                metrics: &writer.metrics,
                known_keys: &mut writer.known_keys,
                used_keys: &mut writer.used_keys,
                rules,
                now,
                is_again: runs > 0,
                unreadable: BTreeSet::new(),
                frozen: BTreeSet::new(),
                overtaken: BTreeSet::new(),
                opens_at: now,
            };
            runs += 1;
            batch.run(&mut asked)
        };
        let lost = |writer: &mut Self, decided: Decided| {
            if let Some((tenant, head)) = decided.heads.first()
                && writer.has_happened(tenant, head)?
            {
                writer.teller.note(decided.tally, decided.heads);
            }
            Ok(())
        };
        let mut decided = self.transact(holds, run, lost)?;
        if let (Some(resident), Some(decided)) = (&mut self.resident, &mut decided) {
            resident.keep(&mut decided.spent);
        }
        Ok(decided.map(|decided| (asked, decided)))
    }

    /// Tells when the database went away and when it came back. What gateways could not settle meanwhile must not expire.
    pub(super) fn note_connection(&mut self) {
        let reconnections = self.store.reconnections();
        let is_due = self.clock.is_to_be_read() || self.reconnections != reconnections;
        if is_due && self.store.is_connected() {
            self.read_clock();
        }
        // A connection that broke and was made again within one turn was never seen to be away.
        if self.reconnections != reconnections {
            self.reconnections = reconnections;
            self.clock.disturbed();
            tracing::info!("the database is back: expiry is suspended for a while");
        }
        let unsound = self.store.unsound();
        if self.unsound.as_deref() != unsound {
            if let Some(why) = unsound {
                tracing::error!("NOT READY: {why}");
            }
            self.unsound = unsound.map(ToOwned::to_owned);
            self.hold.set_by_store(self.unsound.clone());
        }
        let connected = self.store.is_connected();
        if self.connected.swap(connected, Ordering::SeqCst) && !connected {
            tracing::error!("the database cannot be reached: nothing is decided until it is back");
        }
    }

    /// Reads the clock of a database that several servers share.
    fn read_clock(&mut self) {
        match self.clock.read(|| self.store.time()) {
            Ok(ahead_ms) => self.metrics.clock_is_ahead(ahead_ms),
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the database's clock was not read: time goes on as it did");
            }
        }
    }

    fn keep_house(&mut self, housekeeping: &mut Housekeeping) -> Result<(), Failed> {
        if self.hold.stands() {
            housekeeping.done();
            return Ok(());
        }
        let expired = self.end_what_is_due()?;
        self.forget_and_note()?;
        // With a full batch of overdue leases there may be more of them: look again after the calls that wait.
        if usize::try_from(expired).is_ok_and(|expired| expired < BATCH_MAX) {
            housekeeping.done();
        }
        Ok(())
    }

    fn rules(&self) -> Rules {
        Rules {
            lease_ms: self.lease.ttl_ms,
            margin_ms: self.lease.margin_ms,
            recovery_window_ms: self.lease.remembered_ms(),
        }
    }
}

pub(super) fn failed(error: &dyn std::error::Error) -> Failed {
    Failed(chain(error))
}

fn unavailable(count: usize) -> Results {
    (0..count).map(|_| Err(EngineError::Unavailable)).collect()
}
