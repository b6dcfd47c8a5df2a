//! A store that stops for good at a chosen step, and says so, so that its process can be killed exactly there.

use crate::engine::tests::through::{At, Through};
use crate::store::sqlite::SqliteStore;
use crate::store::{CommitError, Flush, Idle, Store as _, StoreError};
use std::io::Write as _;
use std::sync::{Arc, Mutex};

/// What the process prints when it stands at its step.
pub(super) const THERE: &str = "standing";

/// Where a writer can be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Begun,
    Loaded,
    Persisted,
    BeforeCommit,
    /// Not flushed yet.
    Committed,
    /// Durable, and not answered yet.
    Flushed,
    Maintained,
}

impl Step {
    pub(super) const ALL: [Self; 7] = [
        Self::Begun,
        Self::Loaded,
        Self::Persisted,
        Self::BeforeCommit,
        Self::Committed,
        Self::Flushed,
        Self::Maintained,
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|step| format!("{step:?}") == name)
    }
}

/// The step that is reached once too often. Whoever reaches it stands still, the writer or whoever flushes.
#[derive(Debug)]
pub(super) struct End {
    last: Step,
    /// How often that step is passed before.
    left: Mutex<u64>,
}

impl End {
    pub(super) const fn new(last: Step, left: u64) -> Self {
        Self {
            last,
            left: Mutex::new(left),
        }
    }

    fn pass(&self, step: Step) {
        if step != self.last {
            return;
        }
        let mut left = self.left.lock().unwrap();
        let Some(fewer) = left.checked_sub(1) else {
            let line = format!("{THERE}\n");
            std::io::stdout().write_all(line.as_bytes()).unwrap();
            loop {
                std::thread::park();
            }
        };
        *left = fewer;
    }
}

/// SQLite, until its end.
pub(super) struct Mortal {
    pub(super) store: SqliteStore,
    pub(super) end: Arc<End>,
}

/// SQLite's log, until its end.
#[derive(Debug)]
struct MortalFlush {
    behind: Arc<dyn Flush>,
    end: Arc<End>,
}

impl Flush for MortalFlush {
    fn flush(&self) -> Result<(), CommitError> {
        self.behind.flush()?;
        self.end.pass(Step::Flushed);
        Ok(())
    }
}

impl Through for Mortal {
    fn behind(&mut self) -> &mut SqliteStore {
        &mut self.store
    }

    fn after(&mut self, at: At) -> Result<(), StoreError> {
        self.end.pass(match at {
            At::Begin => Step::Begun,
            At::Load => Step::Loaded,
            At::Persist => Step::Persisted,
        });
        Ok(())
    }

    fn commit_behind(&mut self) -> Result<(), CommitError> {
        self.end.pass(Step::BeforeCommit);
        self.store.commit()?;
        self.end.pass(Step::Committed);
        Ok(())
    }

    fn maintain_behind(&mut self, idle: Idle) -> Result<(), CommitError> {
        self.store.maintain(idle)?;
        self.end.pass(Step::Maintained);
        Ok(())
    }

    fn flusher(&mut self, behind: Arc<dyn Flush>) -> Arc<dyn Flush> {
        let end = Arc::clone(&self.end);
        Arc::new(MortalFlush { behind, end })
    }
}
