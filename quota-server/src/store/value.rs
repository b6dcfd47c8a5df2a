//! A value of a row, whichever database holds it: the four kinds that every one of them has.

use std::borrow::Cow;

/// What stands in a column. Numbers that have no sign are kept bit by bit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// A number, an amount, a time, or a yes or no.
    Integer(i64),
    /// A name, or words.
    Text(Cow<'a, str>),
    /// An id, a digest, or what the ledger encoded.
    Bytes(Cow<'a, [u8]>),
}

/// Values in the order of their table's columns.
pub type Row<'a> = Vec<Value<'a>>;

impl<'a> Value<'a> {
    /// Words that lie elsewhere.
    #[must_use]
    pub const fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// Bytes that lie elsewhere.
    #[must_use]
    pub const fn bytes(bytes: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }

    /// An unsigned number, bit by bit.
    #[must_use]
    pub const fn count(count: u64) -> Self {
        Self::Integer(count.cast_signed())
    }

    /// What may be absent.
    #[must_use]
    pub fn some(value: Option<Self>) -> Self {
        value.unwrap_or(Self::Null)
    }

    /// At most so many.
    #[must_use]
    pub fn limit(limit: usize) -> Self {
        Self::Integer(i64::try_from(limit).unwrap_or(i64::MAX))
    }
}

/// The same value, which lies in its own memory.
pub(super) fn owned(value: Value<'_>) -> Value<'static> {
    match value {
        Value::Null => Value::Null,
        Value::Integer(number) => Value::Integer(number),
        Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
        Value::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
    }
}
