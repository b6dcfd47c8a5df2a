//! What can be wrong with JSON, and where.

use thiserror::Error;

/// Not JSON. The fault is the first, wherever the bytes were split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{kind} at byte {at}")]
pub struct InvalidJson {
    /// What is wrong.
    pub kind: InvalidJsonKind,
    /// Offset of the byte, or of the first byte of the character, that is at fault.
    pub at: u64,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidJsonKind {
    /// There is nothing but white space.
    #[error("the body is empty")]
    Empty,
    /// It ends in the middle.
    #[error("the body ends too early")]
    Truncated,
    /// A byte that cannot stand there: a stray comma, a byte order mark, text after the end.
    #[error("unexpected character")]
    Unexpected,
    /// A number that RFC 8259 does not know, such as `01` or `1.`.
    #[error("malformed number")]
    Number,
    /// A backslash before something else than an escape.
    #[error("malformed escape")]
    Escape,
    /// Half of a surrogate pair.
    #[error("half of a surrogate pair")]
    Surrogate,
    /// A control character inside a string.
    #[error("control character in a string")]
    Control,
    /// Not UTF-8.
    #[error("malformed UTF-8")]
    Utf8,
    /// More than [`DEPTH_MAX`](super::DEPTH_MAX) containers inside each other.
    #[error("nested too deeply")]
    TooDeep,
}
