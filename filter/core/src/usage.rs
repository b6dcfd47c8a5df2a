//! The meter on an answer: what the provider says was used, and what passed by.
//!
//! Bytes go through in any split and are forwarded as they are, but for one thing: a client that did not ask for the usage of its
//! stream does not see it. At most one unfinished event is held back for that, up to a bound. Text is counted, never kept.
//! The evidence can be had at any moment, since the end of a stream may never be told.

mod answer;
mod count;
mod event;
mod hide;
mod line;
mod report;
mod tally;

pub use hide::EVENT_BYTES_MAX;
pub use tally::Evidence;

use crate::json::Tokenizer;
use answer::Answer;
use event::EventReader;
use hide::Hider;
use tally::Tally;

/// What becomes of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// It is forwarded unchanged.
    Pass,
    /// These bytes, perhaps none, are forwarded in its place.
    Replace(Vec<u8>),
}

/// Reads one answer.
#[derive(Clone, Debug)]
pub struct Meter {
    tally: Tally,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    Json(Box<Document>),
    Sse {
        events: Box<EventReader>,
        hider: Option<Hider>,
    },
}

/// An answer that is one JSON document.
#[derive(Clone, Debug, Default)]
struct Document {
    tokenizer: Tokenizer,
    answer: Answer,
    is_broken: bool,
}

impl Document {
    fn push(&mut self, chunk: &[u8]) {
        if !self.is_broken {
            self.is_broken = self.tokenizer.push(chunk, &mut self.answer).is_err();
        }
    }

    fn tally(&self, tally: &mut Tally) {
        let is_whole = self.tokenizer.is_complete();
        let is_clear = is_whole && !self.answer.has_usage_twice;
        if is_clear {
            tally.set_done();
        } else if is_whole || self.is_broken {
            tally.add_unread();
        }
        tally.add(&self.answer, is_clear);
    }
}

impl Meter {
    /// For an answer that is one JSON document.
    #[must_use]
    pub fn json() -> Self {
        Self {
            tally: Tally::default(),
            shape: Shape::Json(Box::default()),
        }
    }

    /// For an answer in server-sent events. `hide_usage` if the client did not ask for its usage.
    #[must_use]
    pub fn sse(hide_usage: bool) -> Self {
        Self {
            tally: Tally::default(),
            shape: Shape::Sse {
                events: Box::default(),
                hider: hide_usage.then(Hider::default),
            },
        }
    }

    /// Says how many choices were asked for; one if it is not said. A usage is final only after all of them have finished.
    #[must_use]
    pub const fn expecting(mut self, choices: u32) -> Self {
        self.tally.expect(choices);
        self
    }

    /// Reads the next chunk; `end` if it is the last.
    pub fn push(&mut self, chunk: &[u8], end: bool) -> Output {
        match &mut self.shape {
            Shape::Json(document) => {
                document.push(chunk);
                Output::Pass
            }
            Shape::Sse { events, hider } => match hider {
                Some(hider) => hider.push(chunk, end, events, &mut self.tally),
                None => {
                    events.read(chunk, end, &mut self.tally);
                    Output::Pass
                }
            },
        }
    }

    /// What is known so far.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let mut tally = self.tally.clone();
        match &self.shape {
            Shape::Json(document) => document.tally(&mut tally),
            Shape::Sse { events, .. } => events.tally_unfinished(&mut tally),
        }
        tally.evidence()
    }
}

#[cfg(test)]
mod tests;
