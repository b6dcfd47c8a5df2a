//! The one error of reading a message: the field that cannot be read, and what it should have been.

use crate::bound::cut;
use std::fmt;

/// A field that cannot be read. Its text names the field by its path in the message, never its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidField {
    /// Path of the field, such as `facts.model` or `attempts[2].usage`.
    pub field: String,
    /// What is wrong, as a fragment: `longer than 256 bytes`.
    pub problem: String,
}

impl InvalidField {
    /// The field of this name in the message at hand.
    #[must_use]
    pub fn new(field: &str, problem: impl fmt::Display) -> Self {
        Self {
            field: field.to_owned(),
            problem: problem.to_string(),
        }
    }

    /// The same field, seen from the message that has this one as `outer`.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        Self {
            field: format!("{outer}.{}", self.field),
            problem: self.problem,
        }
    }
}

/// A message within a message that has to be there.
pub(crate) fn required<T>(value: Option<T>, field: &str) -> Result<T, InvalidField> {
    value.ok_or_else(|| InvalidField::new(field, "missing"))
}

/// A string within its bound.
pub(crate) fn bounded(text: String, bytes_max: usize, field: &str) -> Result<String, InvalidField> {
    if text.len() > bytes_max {
        return Err(InvalidField::new(
            field,
            format_args!("longer than {bytes_max} bytes"),
        ));
    }
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return Err(InvalidField::new(
            field,
            format_args!("has the control character {}", c.escape_unicode()),
        ));
    }
    Ok(text)
}

/// A string of a provider's, cut to its bound and free of control characters, so that the reader accepts it.
pub(crate) fn reported(text: &str, bytes_max: usize) -> String {
    cut(text, bytes_max)
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}
