//! Events of a stream: their data goes into the tokenizer as it comes, and into the tally when the event is complete.

use super::answer::Answer;
use super::line::{LineReader, Part};
use super::tally::Tally;
use crate::json::{InvalidJsonKind, Span, Tokenizer};

/// The data that ends a stream of OpenAI's kind.
const DONE: &[u8] = b"[DONE]";

/// Reads the events of one answer.
#[derive(Clone, Debug, Default)]
pub(super) struct EventReader {
    lines: LineReader,
    /// Offset of the next byte in the stream.
    at: u64,
    /// Bytes of the event that is being read.
    length: u64,
    data: Data,
}

/// The data of one event.
#[derive(Clone, Debug, Default)]
struct Data {
    has_begun: bool,
    /// How much of [`DONE`] it has begun with, and with nothing else but spaces before it.
    done: usize,
    is_not_done: bool,
    is_broken: bool,
    tokenizer: Tokenizer,
    answer: Answer,
}

/// What comes next in a stream.
#[derive(Debug)]
pub(super) enum Read {
    /// Bytes of an event.
    Bytes,
    /// The last bytes of an event.
    Event(Event),
    /// A line feed that still belongs to the last event.
    LineFeed,
}

/// A complete event.
#[derive(Debug, Default)]
pub(super) struct Event {
    /// How many bytes it has.
    pub(super) length: u64,
    /// Offset of its first byte in the stream.
    pub(super) start: u64,
    /// What to cut out so that it says nothing of usage, null or not.
    pub(super) usage: Option<Span>,
    /// It tells of usage, and of no choice.
    pub(super) is_only_usage: bool,
}

impl EventReader {
    /// Reads some of `bytes`, and says how many; `None` if there are none.
    pub(super) fn next(&mut self, bytes: &[u8], tally: &mut Tally) -> Option<(Read, usize)> {
        let (part, taken) = self.lines.next(bytes)?;
        let is_outside = self.length == 0;
        let end = self.at.saturating_add(taken as u64);
        match part {
            Part::DataBegin => self.data.begin(end),
            Part::Data => self.data.push(bytes.get(..taken).unwrap_or_default()),
            Part::LineFeed | Part::EventEnd | Part::Other => {}
        }
        self.at = end;
        if part == Part::LineFeed && is_outside {
            return Some((Read::LineFeed, taken));
        }
        self.length = self.length.saturating_add(taken as u64);
        let read = if part == Part::EventEnd {
            Read::Event(self.complete(tally))
        } else {
            Read::Bytes
        };
        Some((read, taken))
    }

    /// Reads all of `bytes`.
    pub(super) fn read(&mut self, bytes: &[u8], end: bool, tally: &mut Tally) {
        let mut rest = bytes;
        while let Some((_, taken)) = self.next(rest, tally) {
            rest = rest.get(taken..).unwrap_or_default();
        }
        if end {
            self.complete(tally);
        }
    }

    /// The event that is being read is complete, or is all that comes.
    pub(super) fn complete(&mut self, tally: &mut Tally) -> Event {
        let length = core::mem::take(&mut self.length);
        let is_read = self.data.finish(tally);
        let answer = &self.data.answer;
        let usage = answer.usage.filter(|_| is_read);
        let event = Event {
            length,
            start: self.at.saturating_sub(length),
            usage: usage.map(|usage| usage.removal()),
            is_only_usage: is_read && answer.choices == Some(0) && answer.report.is_some(),
        };
        self.data.reset();
        event
    }

    /// Adds what the unfinished event says so far.
    pub(super) fn tally_unfinished(&self, tally: &mut Tally) {
        self.data.clone().finish(tally);
    }

    /// How many bytes of an unfinished event were read.
    pub(super) const fn unfinished(&self) -> u64 {
        self.length
    }
}

impl Data {
    /// Ready for another event.
    fn reset(&mut self) {
        if self.has_begun {
            let mut answer = core::mem::take(&mut self.answer);
            answer.reset();
            *self = Self {
                answer,
                ..Self::default()
            };
        }
    }

    /// A data field's value begins at `at`.
    fn begin(&mut self, at: u64) {
        if self.has_begun {
            self.feed(b"\n");
        }
        self.has_begun = true;
        self.tokenizer.set_offset(at);
    }

    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.is_not_done || self.done == DONE.len() {
                break;
            }
            if DONE.get(self.done) == Some(byte) {
                self.done = self.done.saturating_add(1);
            } else if *byte != b' ' || self.done > 0 {
                self.is_not_done = true;
            }
        }
        self.feed(bytes);
    }

    fn feed(&mut self, bytes: &[u8]) {
        if !self.is_broken {
            self.is_broken = self.tokenizer.push(bytes, &mut self.answer).is_err();
        }
    }

    /// Adds what it says to the tally. Whether it is a JSON document.
    fn finish(&mut self, tally: &mut Tally) -> bool {
        if !self.has_begun {
            return false;
        }
        if self.done == DONE.len() {
            tally.set_done();
            return false;
        }
        if self.done > 0 && !self.is_not_done {
            // Cut in the middle of it.
            return false;
        }
        match self.tokenizer.finish(&mut self.answer) {
            Ok(()) if !self.answer.has_usage_twice => {
                tally.add(&self.answer, true);
                return true;
            }
            Err(fault) if fault.kind == InvalidJsonKind::Empty => return false,
            Err(fault) if fault.kind == InvalidJsonKind::Truncated => {}
            Ok(()) | Err(_) => tally.add_unread(),
        }
        tally.add(&self.answer, false);
        false
    }
}
