//! Keeping the usage from a client that did not ask for it: the event that carries nothing else is dropped, and the member is cut
//! out of the others. Every other byte goes through as it came.
//!
//! An event is held until it is complete. What is larger than the bound goes through as it is, though it is still read.

use super::Output;
use super::event::{Event, EventReader, Read};
use super::tally::Tally;
use crate::json::{Edit, apply_edits};

/// Most bytes of an event that is held back. A chunk of a completion has some hundred; the largest, with a second of sound, 64 KiB.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;

/// Holds the beginning of the event that is being read.
#[derive(Clone, Debug, Default)]
pub(super) struct Hider {
    held: Vec<u8>,
    /// The last event was dropped, and its line end may have another byte.
    dropped_last: bool,
}

/// What becomes of an event.
enum Fate {
    Kept,
    Dropped,
    Cut(Edit),
}

impl Hider {
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        end: bool,
        events: &mut EventReader,
        tally: &mut Tally,
    ) -> Output {
        let mut forward = Forward {
            chunk,
            done: 0,
            replacement: (!self.held.is_empty()).then(Vec::new),
        };
        let mut at = 0usize;
        while let Some((read, taken)) = events.next(chunk.get(at..).unwrap_or_default(), tally) {
            at = at.saturating_add(taken);
            match read {
                Read::Bytes => {}
                Read::Event(event) => self.event(&event, at, &mut forward),
                Read::LineFeed if self.dropped_last => forward.skip(at),
                Read::LineFeed => forward.keep(at),
            }
        }
        if end {
            let event = events.complete(tally);
            self.event(&event, at, &mut forward);
        } else if is_too_large(events.unfinished()) {
            forward.prepend(&mut self.held);
            forward.keep(at);
        } else {
            self.held.extend_from_slice(forward.pending(at));
            forward.skip(at);
        }
        forward.output()
    }

    /// An event is complete at `at` in the chunk.
    fn event(&mut self, event: &Event, at: usize, forward: &mut Forward<'_>) {
        let fate = fate(event);
        self.dropped_last = matches!(fate, Fate::Dropped);
        match fate {
            Fate::Kept => {
                forward.prepend(&mut self.held);
                forward.keep(at);
            }
            Fate::Dropped => {
                self.held.clear();
                forward.skip(at);
            }
            Fate::Cut(edit) => {
                let mut bytes = core::mem::take(&mut self.held);
                bytes.extend_from_slice(forward.pending(at));
                let edited = apply_edits(&bytes, event.start, &[edit]).unwrap_or(bytes);
                forward.skip(at);
                forward.insert(&edited);
            }
        }
    }
}

fn fate(event: &Event) -> Fate {
    match event.usage {
        Some(_) if is_too_large(event.length) => Fate::Kept,
        Some(_) if event.is_only_usage => Fate::Dropped,
        Some(span) => Fate::Cut(Edit {
            span,
            text: String::new(),
        }),
        None => Fate::Kept,
    }
}

const fn is_too_large(length: u64) -> bool {
    length > EVENT_BYTES_MAX as u64
}

/// What of a chunk goes on. Nothing is copied while it is the chunk itself.
struct Forward<'a> {
    chunk: &'a [u8],
    /// Bytes of the chunk whose fate is known.
    done: usize,
    /// What goes on in their place, once that differs.
    replacement: Option<Vec<u8>>,
}

impl Forward<'_> {
    /// The bytes up to `at` whose fate is not known.
    fn pending(&self, at: usize) -> &[u8] {
        self.chunk.get(self.done..at).unwrap_or_default()
    }

    fn replacement(&mut self) -> &mut Vec<u8> {
        let same = self.chunk.get(..self.done).unwrap_or_default();
        self.replacement.get_or_insert_with(|| same.to_vec())
    }

    /// The bytes up to `at` go on.
    fn keep(&mut self, at: usize) {
        if let Some(replacement) = &mut self.replacement {
            let kept = self.chunk.get(self.done..at).unwrap_or_default();
            replacement.extend_from_slice(kept);
        }
        self.done = at;
    }

    /// The bytes up to `at` do not.
    fn skip(&mut self, at: usize) {
        if self.done < at {
            self.replacement();
        }
        self.done = at;
    }

    fn insert(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.replacement().extend_from_slice(bytes);
        }
    }

    /// What was held goes on before what comes.
    fn prepend(&mut self, held: &mut Vec<u8>) {
        self.insert(held);
        held.clear();
    }

    fn output(self) -> Output {
        match self.replacement {
            Some(replacement) if replacement != self.chunk => Output::Replace(replacement),
            Some(_) | None => Output::Pass,
        }
    }
}
