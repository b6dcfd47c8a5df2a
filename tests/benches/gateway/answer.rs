//! One answer while it comes in: counted, and checked at its end. Keeps only what the check needs.

use anyhow::{Result, bail};
use hyper::StatusCode;

use crate::target::Kind;

/// As much of an answer as is kept: all of a JSON object, and of a stream the beginning, for the message if it is an error.
const KEPT_MAX: usize = 4_096;
/// The last event of every stream.
const DONE: &[u8] = b"data: [DONE]\n\n";

/// What has come of one answer.
#[derive(Debug, Default)]
pub struct Answer {
    beginning: Vec<u8>,
    end: [u8; DONE.len()],
    events: u64,
}

impl Answer {
    /// Takes the next bytes, however they were split.
    pub fn take(&mut self, data: &[u8]) {
        let room = KEPT_MAX
            .saturating_sub(self.beginning.len())
            .min(data.len());
        self.beginning.extend_from_slice(&data[..room]);
        let mut last = self.end[DONE.len() - 1];
        for &byte in data {
            self.events += u64::from(byte == b'\n' && last == b'\n');
            last = byte;
        }
        let new = data.len().min(DONE.len());
        self.end.rotate_left(new);
        self.end[DONE.len() - new..].copy_from_slice(&data[data.len() - new..]);
    }

    /// Whether this was the whole answer that was asked for. Tells its events.
    pub fn check(&self, status: StatusCode, kind: Kind) -> Result<u64> {
        let whole = match kind {
            Kind::Json => {
                self.holds(b"\"chat.completion\"")
                    && self.holds(b"\"usage\"")
                    && self.end.ends_with(b"}")
            }
            Kind::Stream => self.events > 1 && self.end == *DONE,
        };
        if status != StatusCode::OK || !whole {
            bail!(
                "a wrong answer: {status} {}",
                String::from_utf8_lossy(&self.beginning)
            );
        }
        Ok(self.events)
    }

    fn holds(&self, part: &[u8]) -> bool {
        self.beginning
            .windows(part.len())
            .any(|window| window == part)
    }
}
