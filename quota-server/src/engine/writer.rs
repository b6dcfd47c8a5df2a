//! The thread that owns the store: it drains the lanes, and between batches looks after leases, refusals and the log.

use super::batch::{Asked, Batch, Decided, Results, UsedKeys};
use super::call::{EngineError, PriceTable};
use super::clock::Clock;
use super::expiry::Housekeeping;
use super::hold::Hold;
use super::job::{Job, Op};
use super::known_keys::KnownKeys;
use super::lanes::{BATCH_MAX, Drained, Lanes};
use super::lease::LeaseConfig;
use super::metrics::EngineMetrics;
use super::teller::{self, Teller, Waiting, reply};
use crate::key_directory::{Peppers, sha256};
use crate::seal::Seal;
use crate::store::{CommitError, Idle, Store, StoreError, UNKNOWN_OUTCOME, chain};
use ferry_ledger::{Head, Rules, UnixMs};
use ferry_types::TenantId;
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

/// How often a batch is run again because another server was in the way, or an answer was lost. Books are locked in one order,
/// so that each run gets further than the one before.
const RUNS_MAX: usize = 32;

/// What the thread owns.
pub(super) struct Writer {
    pub(super) store: Box<dyn Store>,
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
                peppers: &writer.peppers,
                metrics: &writer.metrics,
                known_keys: &mut writer.known_keys,
                used_keys: &mut writer.used_keys,
                rules,
                now,
                is_again: runs > 0,
                unreadable: BTreeSet::new(),
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
        let decided = self.transact(holds, run, lost)?;
        Ok(decided.map(|decided| (asked, decided)))
    }

    /// Runs a transaction until it is committed: again where another server was in the way, or a commit's answer was lost. `None`
    /// if it has not happened. Of a run whose commit's answer was lost, `lost` hears once the next has begun: it may have happened,
    /// and then the next finds nothing to do.
    pub(super) fn transact<T>(
        &mut self,
        holds: impl Fn(&mut Self) -> bool,
        mut run: impl FnMut(&mut Self) -> Result<T, StoreError>,
        mut lost: impl FnMut(&mut Self, T) -> Result<(), StoreError>,
    ) -> Result<Option<T>, Failed> {
        let mut unanswered = None;
        for _ in 0..RUNS_MAX {
            if !self.begin_if(&holds)? {
                break;
            }
            let heard = unanswered.take().map_or(Ok(()), |done| lost(self, done));
            match heard.and_then(|()| run(self)) {
                Ok(done) => match self.commit()? {
                    Committed::Yes => return Ok(Some(done)),
                    Committed::Perhaps => unanswered = Some(done),
                    Committed::Again => {}
                    Committed::No => break,
                },
                Err(error @ StoreError::Conflict { .. }) => self.run_again(&error)?,
                Err(error) => {
                    self.undo(&error)?;
                    break;
                }
            }
        }
        Ok(None)
    }

    /// Whether the transaction in which a journal came to this end is durable.
    pub(super) fn has_happened(
        &mut self,
        tenant: &TenantId,
        head: &Head,
    ) -> Result<bool, StoreError> {
        Ok(self.store.entry(tenant, head.seq)?.as_ref() == Some(head))
    }

    /// Begins a transaction, if this holds then.
    fn begin_if(&mut self, holds: &impl Fn(&mut Self) -> bool) -> Result<bool, Failed> {
        let begun = self.store.begin();
        self.note_connection();
        if let Err(error) = begun {
            self.undo(&error)?;
            return Ok(false);
        }
        if !holds(self) {
            self.store.rollback().map_err(|e| failed(&e))?;
            return Ok(false);
        }
        Ok(true)
    }

    fn run_again(&mut self, error: &StoreError) -> Result<(), Failed> {
        tracing::debug!(error = %chain(error), "a batch is run again");
        self.metrics.batches_again.inc();
        self.store.rollback().map_err(|e| failed(&e))
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

    fn work_alone(&mut self, job: Job) -> Result<(), Failed> {
        match job {
            Job::Transfer { op, answer } => {
                let results = self.decide(vec![*op])?;
                reply(answer, results.into_iter().collect());
            }
            Job::House { command, answer } => {
                let answered = self.decide_house(&command)?;
                reply(answer, answered);
            }
            Job::PriceTable { table, answer } => {
                let kept = self.keep_price_table(table)?;
                reply(answer, kept);
            }
            Job::Time { answer } => {
                self.teller.flush()?;
                let now = self.clock.now_ms();
                reply(answer, Ok(UnixMs(now)));
            }
            Job::KeepSeal { seal, answer } => {
                let kept = self.keep_seal(&seal)?;
                reply(answer, kept);
            }
            Job::Expire { answer } => {
                let expired = self.end_what_is_due()?;
                self.forget_and_note()?;
                reply(answer, Ok(expired));
            }
            Job::Decide { answer, .. } => reply(answer, Err(EngineError::Unavailable)),
        }
        Ok(())
    }

    fn keep_price_table(&mut self, table: PriceTable) -> Result<Result<(), EngineError>, Failed> {
        let now = UnixMs(self.clock.now_ms());
        let PriceTable { version, content } = table;
        let digest = sha256(&[content.as_bytes()]);
        let kept = self
            .store
            .begin()
            .and_then(|()| self.store.keep_price_table(&version, digest, &content, now));
        Ok(match kept {
            Ok(Ok(())) => match self.commit_durably()? {
                Committed::Yes => Ok(()),
                Committed::Perhaps | Committed::Again | Committed::No => {
                    Err(EngineError::Unavailable)
                }
            },
            Ok(Err(_)) => {
                self.store.rollback().map_err(|e| failed(&e))?;
                Err(EngineError::PriceVersionTaken(version))
            }
            Err(error) => {
                self.undo(&error)?;
                Err(EngineError::Unavailable)
            }
        })
    }

    fn keep_seal(&mut self, seal: &Seal) -> Result<Result<(), EngineError>, Failed> {
        let kept = self.store.begin().and_then(|()| self.store.keep_seal(seal));
        Ok(match kept {
            Ok(()) => match self.commit_durably()? {
                Committed::Yes => {
                    self.clock.not_before(seal.month.end());
                    Ok(())
                }
                Committed::Perhaps | Committed::Again | Committed::No => {
                    Err(EngineError::Unavailable)
                }
            },
            Err(error) => {
                self.undo(&error)?;
                Err(EngineError::Unavailable)
            }
        })
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

    pub(super) fn commit(&mut self) -> Result<Committed, Failed> {
        let begun = Instant::now();
        let committed = self.store.commit();
        self.metrics
            .commit_seconds
            .observe(begun.elapsed().as_secs_f64());
        match committed {
            Ok(()) => Ok(Committed::Yes),
            Err(CommitError::NotCommitted(error @ StoreError::Conflict { .. })) => {
                self.run_again(&error)?;
                Ok(Committed::Again)
            }
            Err(CommitError::Lost(error)) => {
                tracing::warn!(error = %chain(&error), "a commit's answer was lost: the batch is run again");
                self.run_again(&error)?;
                Ok(Committed::Perhaps)
            }
            Err(CommitError::NotCommitted(error)) => {
                self.undo(&error)?;
                Ok(Committed::No)
            }
            Err(error @ CommitError::Uncertain(_)) => Err(failed(&error)),
        }
    }

    /// The same, durable if it has happened.
    fn commit_durably(&mut self) -> Result<Committed, Failed> {
        let committed = self.commit()?;
        self.teller.flush()?;
        Ok(committed)
    }

    pub(super) fn undo(&mut self, error: &StoreError) -> Result<(), Failed> {
        if let StoreError::Disk { .. } = error {
            // What is asked of the disk next may find it well, and what it failed to take lost.
            return Err(Failed(format!("{UNKNOWN_OUTCOME}: {}", chain(error))));
        }
        tracing::error!(error = %chain(error), "a batch failed, and is undone");
        self.metrics.batches_failed.inc();
        self.store.rollback().map_err(|e| failed(&e))
    }

    fn rules(&self) -> Rules {
        Rules {
            lease_ms: self.lease.ttl_ms,
            margin_ms: self.lease.margin_ms,
            recovery_window_ms: self.lease.remembered_ms(),
        }
    }
}

pub(super) enum Committed {
    Yes,
    /// Nobody knows: running it again is right in both cases.
    Perhaps,
    /// Another server was in the way.
    Again,
    No,
}

pub(super) fn failed(error: &dyn std::error::Error) -> Failed {
    Failed(chain(error))
}

fn unavailable(count: usize) -> Results {
    (0..count).map(|_| Err(EngineError::Unavailable)).collect()
}
