//! JSON as a stream: a push tokenizer that sees each byte once, in any split, and keeps offsets instead of text.
//!
//! It decides what is JSON (RFC 8259, strictly) and where each piece stands in the body. What the pieces mean is the
//! [`Sink`]'s matter. Memory is flat whatever the body, and no input panics.

mod edit;
mod error;
mod member;
mod nesting;
mod number;
mod string;
mod text;
mod tokenizer;

pub use edit::{Edit, apply_edits};
pub use error::{InvalidJson, InvalidJsonKind};
pub use member::MemberSpan;
pub use nesting::DEPTH_MAX;
pub use text::TEXT_BYTES_MAX;
pub use tokenizer::Tokenizer;

/// Bytes `start..end` of the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u64,
    /// Offset after the last byte.
    pub end: u64,
}

impl Span {
    /// How many bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A piece of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// `{`
    BeginObject,
    /// `}`
    EndObject,
    /// `[`
    BeginArray,
    /// `]`
    EndArray,
    /// The name of a member. Its span has the quotes.
    Key {
        /// Decoded; `None` if it is longer than [`TEXT_BYTES_MAX`] bytes, and so none that anybody looks for.
        name: Option<&'a str>,
        /// Where the comma before it stands; `None` for an object's first.
        comma: Option<u64>,
    },
    /// The opening quote of a value.
    BeginString,
    /// Decoded text of the string that is open, in as many pieces as it happened to come.
    Text(&'a str),
    /// The string is complete. The span is the whole of it, with its quotes.
    EndString,
    /// A number as written; `None` if it is longer than [`TEXT_BYTES_MAX`] bytes.
    Number(Option<&'a str>),
    /// `true` or `false`
    Bool(bool),
    /// `null`
    Null,
}

/// Who is told what the tokenizer finds, in order.
pub trait Sink {
    /// One piece, and where it stands.
    fn token(&mut self, token: Token<'_>, span: Span);
}

#[cfg(test)]
pub(crate) mod tests;
