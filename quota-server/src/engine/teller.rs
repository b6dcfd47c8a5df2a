//! Whoever tells the callers what was decided, once it is durable, so that the writer goes on with the next batch.
//!
//! To flush a batch, to wake hundreds of callers and to give back what their batch held in memory takes as long as deciding does. So a
//! store that can be flushed apart is flushed here, once for all batches that wait, while the writer decides the next. What the next
//! batch read of this one is durable before anybody hears of it: the log is flushed in order.
//!
//! Where nobody waits for the next batch, the writer flushes and tells itself, which is sooner.

use super::batch::{Asked, Decided, Results, Tally};
use super::call::Answered;
use super::job::{Job, Reply};
use super::lanes::Lanes;
use super::metrics::EngineMetrics;
use super::sync::{JoinHandle, spawn};
use super::untold::Untold;
use super::{EngineError, writer};
use crate::heads::ChangedHeads;
use crate::store::Flush;
use ferry_ledger::{Answer, Head};
use ferry_types::TenantId;
use std::sync::Arc;
use std::time::Instant;
use writer::{Failed, failed};

/// From so many operations on a batch is handed over by a writer that does not wait for the disk: less is sooner told than handed over.
const LARGE: usize = 32;
/// Batches that wait to be told, at most: then the writer waits too.
const UNTOLD_MAX: usize = 2;

/// A job's operations, and who waits for their answers.
pub(super) struct Waiting {
    pub(super) operations: usize,
    pub(super) answer: Reply<Vec<Answered<Answer>>>,
}

/// A batch that is committed.
pub(super) struct Batch {
    pub(super) waiting: Vec<Waiting>,
    pub(super) decided: Decided,
    /// Given back with it.
    pub(super) asked: Asked,
}

/// What telling takes.
struct Desk {
    untold: Untold<Batch>,
    /// Of a store whose commits are durable by themselves there is none.
    flusher: Option<Arc<dyn Flush>>,
    lanes: Arc<Lanes<Job>>,
    metrics: EngineMetrics,
    changed_heads: ChangedHeads,
}

/// The thread that tells.
pub(super) struct Teller {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<Result<(), Failed>>>,
}

impl Teller {
    /// Starts its thread.
    pub(super) fn start(
        flusher: Option<Arc<dyn Flush>>,
        lanes: Arc<Lanes<Job>>,
        metrics: EngineMetrics,
        changed_heads: ChangedHeads,
    ) -> std::io::Result<Self> {
        let desk = Arc::new(Desk {
            untold: Untold::new(UNTOLD_MAX),
            flusher,
            lanes,
            metrics,
            changed_heads,
        });
        let own = Leaving(Arc::clone(&desk));
        let thread = spawn("ferry-teller", move || own.0.serve())?;
        Ok(Self {
            desk,
            thread: Some(thread),
        })
    }

    /// Tells each job of a batch its own results, as soon as they are durable.
    pub(super) fn tell(&mut self, batch: Batch) -> Result<(), Failed> {
        let desk = &self.desk;
        let is_handed_over = match &desk.flusher {
            Some(_) => desk.lanes.somebody_waits(),
            None => batch.decided.results.len() >= LARGE,
        };
        if !is_handed_over {
            desk.flush()?;
            desk.tell(batch);
            return Ok(());
        }
        match desk.untold.put(batch) {
            Ok(()) => Ok(()),
            // Its thread has ended, and says why.
            Err(_) => self
                .finish()
                .and(Err(Failed("the teller has ended".into()))),
        }
    }

    /// Everything that is committed is durable after it.
    pub(super) fn flush(&self) -> Result<(), Failed> {
        self.desk.flush()
    }

    /// Takes note of what a durable batch did.
    pub(super) fn note(&self, tally: Tally, heads: Vec<(TenantId, Head)>) {
        self.desk.note(tally, heads);
    }

    /// Ends once everything is told, or says why it cannot be.
    pub(super) fn finish(&mut self) -> Result<(), Failed> {
        self.desk.untold.close();
        let panicked = |_| Failed("the teller has panicked".into());
        let thread = self.thread.take();
        thread.map_or(Ok(()), |thread| thread.join().map_err(panicked)?)
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if let Err(Failed(reason)) = self.finish() {
            tracing::error!(reason, "what was decided was not told to all");
        }
    }
}

/// However the thread ends, the writer does not wait for room.
struct Leaving(Arc<Desk>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.untold.close();
    }
}

impl Desk {
    /// Tells what comes until there is no more. If the disk fails, nobody is told anything, and the writer finds its lanes closed.
    fn serve(&self) -> Result<(), Failed> {
        while let Some(batches) = self.untold.take() {
            if let Err(failed) = self.flush() {
                self.lanes.abandon();
                return Err(failed);
            }
            batches.into_iter().for_each(|batch| self.tell(batch));
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), Failed> {
        let Some(flusher) = &self.flusher else {
            return Ok(());
        };
        let begun = Instant::now();
        let flushed = flusher.flush();
        self.metrics
            .flush_seconds
            .observe(begun.elapsed().as_secs_f64());
        flushed.map_err(|error| failed(&error))
    }

    fn note(&self, tally: Tally, heads: Vec<(TenantId, Head)>) {
        tally.count(&self.metrics);
        self.changed_heads.note(heads);
    }

    fn tell(&self, batch: Batch) {
        let Batch {
            waiting,
            decided,
            asked,
        } = batch;
        let Decided {
            results,
            tally,
            heads,
            spent,
        } = decided;
        self.note(tally, heads);
        answer(waiting, results);
        drop((spent, asked));
    }
}

/// Answers each job with its own results, which are in the order of the jobs.
pub(super) fn answer(waiting: Vec<Waiting>, results: Results) {
    let mut results = results.into_iter();
    for Waiting { operations, answer } in waiting {
        // All of a job's are taken, even if the first is an error.
        let own: Results = results.by_ref().take(operations).collect();
        reply(answer, own.into_iter().collect());
    }
}

/// Answers, if somebody still waits.
pub(super) fn reply<T>(answer: Reply<T>, result: Result<T, EngineError>) {
    if answer.send(result).is_err() {
        tracing::debug!("nobody waits for an answer any more");
    }
}
