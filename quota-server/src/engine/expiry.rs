//! Ending what nobody settled: leases that have run out go through the same batches as every other call.
//!
//! Nothing expires for a while after a start, a new connection to the store, or a step of the clock: an outage, or a clock set
//! forward, must not end what gateways are about to settle, nor a grant whose time is not over.

use super::call::EngineError;
use super::job::{Ask, Op, Who};
use super::lanes::BATCH_MAX;
use super::lease::LeaseConfig;
use super::writer::{Failed, Writer};
use ferry_ledger::{Answer, Command, Expire, ExpireAnswer, UnixMs};
use std::time::{Duration, Instant};

/// Looks for overdue leases at least this often.
const LOOK_MS_MAX: u64 = 1_000;
/// And at most this often.
const LOOK_MS_MIN: u64 = 10;
/// Parts of a lease between two looks.
const LOOKS_PER_LEASE: u64 = 4;

/// When to look next.
pub(super) struct Housekeeping {
    every: Duration,
    next: Instant,
}

impl Housekeeping {
    pub(super) fn new(lease: LeaseConfig) -> Self {
        let every_ms = (lease.ttl_ms / LOOKS_PER_LEASE).clamp(LOOK_MS_MIN, LOOK_MS_MAX);
        let every = Duration::from_millis(every_ms);
        Self {
            every,
            next: Instant::now() + every,
        }
    }

    /// How long the writer may wait for a call.
    pub(super) fn patience(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    pub(super) fn done(&mut self) {
        self.next = Instant::now() + self.every;
    }
}

impl Writer {
    /// Ends leases, then grants, that were over at one and the same moment, a batch at a time: or a grant whose time ran out in
    /// between would end before a lease that was overdue before it. Says how many leases it were.
    pub(super) fn end_what_is_due(&mut self) -> Result<u64, Failed> {
        let now = UnixMs(self.clock.now_ms());
        let expired = self.expire_leases(now)?;
        self.expire_grants(now)?;
        Ok(expired)
    }

    /// Ends what is overdue.
    fn expire_leases(&mut self, now: UnixMs) -> Result<u64, Failed> {
        if !self.may_expire() {
            return Ok(0);
        }
        let due = match self.store.due(now, BATCH_MAX) {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(error = %crate::store::chain(&error), "failed to look for overdue leases");
                return Ok(0);
            }
        };
        if due.is_empty() {
            return Ok(0);
        }
        let ops = due.into_iter().map(|(tenant, id)| Op {
            who: Who::Operator(tenant),
            ask: Ask::Command(Command::Expire(Expire { id })),
        });
        let results = self.decide_if(ops.collect(), Self::may_expire)?;
        let expired = results.iter().filter(|result| is_expired(result)).count();
        let expired = u64::try_from(expired).unwrap_or(u64::MAX);
        self.metrics.expired.inc_by(expired);
        Ok(expired)
    }

    /// Whether time has run undisturbed for long enough.
    fn may_expire(&mut self) -> bool {
        self.note_connection();
        self.clock.now_ms();
        self.clock.steady_for_ms() >= self.lease.suspension_ms()
    }
}

impl Writer {
    /// Posts the end of grants whose time is over. Whether it is posted or not, nothing is drawn from them any
    /// more: this only moves what is left to where it belongs.
    fn expire_grants(&mut self, now: UnixMs) -> Result<(), Failed> {
        if !self.may_expire() {
            return Ok(());
        }
        let due = match self.store.due_grants(now, BATCH_MAX) {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(error = %crate::store::chain(&error), "failed to look for grants that ended");
                return Ok(());
            }
        };
        if due.is_empty() {
            return Ok(());
        }
        let ops = due.into_iter().map(|(tenant, id)| Op {
            who: Who::Operator(tenant),
            ask: Ask::Command(Command::ExpireGrant(id)),
        });
        self.decide_if(ops.collect(), Self::may_expire).map(|_| ())
    }
}

fn is_expired(result: &Result<super::Answered<Answer>, EngineError>) -> bool {
    matches!(
        result.as_ref().map(|answered| &answered.answer),
        Ok(Answer::Expire(ExpireAnswer::Expired { .. }))
    )
}
