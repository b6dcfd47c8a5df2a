//! What the disk can do: as many bytes as a batch's rows have, appended to a file and flushed.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cell::Measured;

/// The file.
#[derive(Debug)]
pub struct Append {
    file: File,
    pair_bytes: usize,
    /// Pairs so far.
    pub pairs: u64,
}

impl Append {
    /// Creates the file; a pair has so many bytes.
    pub fn create(path: &Path, pair_bytes: usize) -> Result<Self> {
        let file = File::create_new(path)
            .with_context(|| format!("failed to create {}", path.display()))?;
        Ok(Self {
            file,
            pair_bytes,
            pairs: 0,
        })
    }

    /// Appends batches of so many operations, two a pair, for `time`.
    pub fn drive(&mut self, batch: u64, time: Duration) -> Result<Measured> {
        let bytes = self.pair_bytes * usize::try_from(batch)? / 2;
        let content = vec![b'.'; bytes];
        let mut measured = Measured::default();
        let begun = Instant::now();
        while begun.elapsed() < time {
            let at = Instant::now();
            self.file.write_all(&content)?;
            self.file.sync_data()?;
            measured.latencies.push(at.elapsed());
            measured.batched.batches += 1;
        }
        measured.elapsed = begun.elapsed();
        measured.batched.operations = batch * measured.batched.batches;
        measured.pairs = measured.batched.operations / 2;
        self.pairs += measured.pairs;
        Ok(measured)
    }
}
