//! Whoever tells the callers what was decided, once it is durable, so that the writer goes on with the next batch.
//!
//! To wake hundreds of callers, and to give back what their batch held in memory, takes a tenth of the time that deciding takes.
//! The answers of a small batch are told at once: to hand them over would take longer.

use super::EngineError;
use super::batch::{Asked, Results, Spent};
use super::call::Answered;
use super::job::Reply;
use ferry_ledger::Answer;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// From so many operations on a batch is handed over.
const LARGE: usize = 32;
/// Batches that wait to be told, at most: then the writer waits too.
const UNTOLD_MAX: usize = 2;

/// A job's operations, and who waits for their answers.
pub(super) struct Waiting {
    pub(super) operations: usize,
    pub(super) answer: Reply<Vec<Answered<Answer>>>,
}

/// A batch that is durable.
struct Told {
    waiting: Vec<Waiting>,
    results: Results,
    spent: Option<(Asked, Spent)>,
}

/// The thread that tells.
pub(super) struct Teller {
    untold: Option<SyncSender<Told>>,
    thread: Option<JoinHandle<()>>,
}

impl Teller {
    /// Starts its thread.
    pub(super) fn start() -> std::io::Result<Self> {
        let (untold, told) = sync_channel::<Told>(UNTOLD_MAX);
        let thread = std::thread::Builder::new().name("ferry-teller".into());
        let thread = thread.spawn(move || told.into_iter().for_each(tell))?;
        Ok(Self {
            untold: Some(untold),
            thread: Some(thread),
        })
    }

    /// Answers each job with its own results, which are in the order of the jobs.
    pub(super) fn tell(
        &self,
        waiting: Vec<Waiting>,
        results: Results,
        spent: Option<(Asked, Spent)>,
    ) {
        let told = Told {
            waiting,
            results,
            spent,
        };
        match &self.untold {
            Some(untold) if told.results.len() >= LARGE => {
                // If its thread is gone, they are told here.
                untold.send(told).unwrap_or_else(|unsent| tell(unsent.0));
            }
            Some(_) | None => tell(told),
        }
    }
}

impl Drop for Teller {
    /// Everything is told before it is gone.
    fn drop(&mut self) {
        self.untold = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the teller has panicked");
        }
    }
}

fn tell(told: Told) {
    let mut results = told.results.into_iter();
    for Waiting { operations, answer } in told.waiting {
        // All of a job's are taken, even if the first is an error.
        let own: Results = results.by_ref().take(operations).collect();
        reply(answer, own.into_iter().collect());
    }
    drop(told.spent);
}

/// Answers, if somebody still waits.
pub(super) fn reply<T>(answer: Reply<T>, result: Result<T, EngineError>) {
    if answer.send(result).is_err() {
        tracing::debug!("nobody waits for an answer any more");
    }
}
