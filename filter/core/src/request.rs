//! What the filter has to know of a chat completion's request, read from its body while it streams past.
//!
//! The body is never kept: counts, a few names, and the spans of what may be rewritten. What cannot be bounded is refused with the
//! name of the parameter, so that whatever is admitted can be paid for. A provider must not read the body differently: a second
//! spelling or a second copy of a member that matters is refused.

mod field;
mod invalid;
mod rewrite;
mod scan;
mod scanned;

pub use invalid::InvalidRequest;
pub use rewrite::{OutputLimit, OutputLimitField, Rewrite};
pub use scanned::ScannedRequest;

use crate::json::Tokenizer;
use scan::BodySink;

/// Most choices (`n`) in one request, as OpenAI has it.
pub const CHOICES_MAX: u32 = 128;

/// Most bytes of a model's name. The longest in the public catalogues have about 100.
pub const MODEL_BYTES_MAX: usize = 256;

/// Most bytes of a service tier's name.
pub const SERVICE_TIER_BYTES_MAX: usize = 64;

/// Reads a request's body.
#[derive(Clone, Debug)]
pub struct RequestScanner {
    bytes_max: u64,
    tokenizer: Tokenizer,
    sink: BodySink,
}

impl RequestScanner {
    /// One for a body of at most `bytes_max` bytes.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            tokenizer: Tokenizer::new(),
            sink: BodySink::default(),
        }
    }

    /// Reads the next bytes.
    ///
    /// # Errors
    /// The first fault in the body, wherever it was split. Nothing more is to be pushed after it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), InvalidRequest> {
        let room = self.bytes_max.saturating_sub(self.tokenizer.offset());
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let within = bytes.get(..room).unwrap_or(bytes);
        let read = self.tokenizer.push(within, &mut self.sink);
        self.sink.take_fault()?;
        read?;
        if within.len() < bytes.len() {
            return Err(InvalidRequest::TooLarge {
                bytes_max: self.bytes_max,
            });
        }
        Ok(())
    }

    /// Says that the body is complete.
    ///
    /// # Errors
    /// The body ends in the middle, or lacks what every request has.
    pub fn finish(mut self) -> Result<ScannedRequest, InvalidRequest> {
        let read = self.tokenizer.finish(&mut self.sink);
        self.sink.take_fault()?;
        read?;
        self.sink.into_request()
    }
}

#[cfg(test)]
mod tests;
