//! The durable floor: one record a request, one append and one fdatasync for all requests that wait.
//!
//! Invariant: `append` returns only after a sync that began when the record was written.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::{Context, Result};
use tokio::sync::oneshot;

/// About what one operation adds to a ledger: an id, a key, counts, an amount, a hash.
const RECORD: [u8; 300] = [b'.'; 300];

/// A handle to the writer's queue.
#[derive(Clone)]
pub struct Journal {
    queue: Sender<oneshot::Sender<()>>,
}

impl Journal {
    /// Creates the file, and starts its writer.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create_new(path)
            .with_context(|| format!("failed to create {}", path.display()))?;
        let (queue, waiting) = channel();
        std::thread::spawn(move || write(file, &waiting));
        Ok(Self { queue })
    }

    /// Appends one record, and returns when it is durable.
    pub async fn append(&self) -> Result<()> {
        let (durable, answer) = oneshot::channel();
        self.queue.send(durable).context("the writer has stopped")?;
        answer.await.context("the write failed")
    }
}

/// Takes whatever waits, writes it at once, answers all. A failed write ends it: every later append fails.
fn write(mut file: File, waiting: &Receiver<oneshot::Sender<()>>) -> std::io::Result<()> {
    while let Ok(first) = waiting.recv() {
        let batch: Vec<_> = std::iter::once(first).chain(waiting.try_iter()).collect();
        file.write_all(&RECORD.repeat(batch.len()))?;
        file.sync_data()?;
        for durable in batch {
            // Whoever does not wait any more needs no answer.
            durable.send(()).ok();
        }
    }
    Ok(())
}
