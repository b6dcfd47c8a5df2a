//! Where one member of an object stands, and how to take it out.

use super::Span;

/// One member of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberSpan {
    /// The comma before it; `None` for the first.
    pub comma: Option<u64>,
    /// Its name, with the quotes.
    pub key: Span,
    /// Its value; empty while it has not been read.
    pub value: Span,
    /// Where the next member's name begins; `None` for the last.
    pub next_key: Option<u64>,
}

impl MemberSpan {
    /// A member of which the name was read.
    #[must_use]
    pub const fn new(comma: Option<u64>, key: Span) -> Self {
        Self {
            comma,
            key,
            value: Span { start: 0, end: 0 },
            next_key: None,
        }
    }

    /// What to cut so that the object is one without this member: with the comma before it, else with the one after it.
    #[must_use]
    pub fn removal(&self) -> Span {
        match (self.comma, self.next_key) {
            (Some(comma), _) => Span {
                start: comma,
                end: self.value.end,
            },
            (None, Some(next)) => Span {
                start: self.key.start,
                end: next,
            },
            (None, None) => Span {
                start: self.key.start,
                end: self.value.end,
            },
        }
    }
}
