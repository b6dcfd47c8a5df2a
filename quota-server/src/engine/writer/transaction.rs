//! The writer's transactions: begun, run, committed, undone.

use super::{Failed, Writer, failed};
use crate::store::{CommitError, StoreError, UNKNOWN_OUTCOME, chain};
use ferry_ledger::Head;
use ferry_types::TenantId;
use std::time::Instant;

/// How often a batch is run again because another server was in the way, or an answer was lost. Books are locked in one order,
/// so that each run gets further than the one before.
const RUNS_MAX: usize = 32;

impl Writer {
    /// Runs a transaction until it is committed: again where another server was in the way, or a commit's answer was lost. `None`
    /// if it has not happened. Of a run whose commit's answer was lost, `lost` hears once the next has begun: it may have happened,
    /// and then the next finds nothing to do.
    pub(in crate::engine) fn transact<T>(
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
    pub(in crate::engine) fn has_happened(
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

    pub(in crate::engine) fn commit(&mut self) -> Result<Committed, Failed> {
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
    pub(super) fn commit_durably(&mut self) -> Result<Committed, Failed> {
        let committed = self.commit()?;
        self.teller.flush()?;
        Ok(committed)
    }

    pub(in crate::engine) fn undo(&mut self, error: &StoreError) -> Result<(), Failed> {
        if let StoreError::Disk { .. } = error {
            // What is asked of the disk next may find it well, and what it failed to take lost.
            return Err(Failed(format!("{UNKNOWN_OUTCOME}: {}", chain(error))));
        }
        tracing::error!(error = %chain(error), "a batch failed, and is undone");
        self.metrics.batches_failed.inc();
        self.store.rollback().map_err(|e| failed(&e))
    }
}

pub(in crate::engine) enum Committed {
    Yes,
    /// Nobody knows: running it again is right in both cases.
    Perhaps,
    /// Another server was in the way.
    Again,
    No,
}
