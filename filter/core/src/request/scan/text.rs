//! What becomes of a string's text: measured, kept if it is a name, or passed over.

use super::Scalar;
use crate::estimate::InputMeasure;
use crate::json::Span;

/// What a string is read for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TextUse {
    /// Nothing.
    #[default]
    Skip,
    /// The model reads it as it is.
    Text,
    /// The model may be shown it inside a schema.
    Schema,
    /// It is a name that decides something.
    Name,
}

/// Most bytes of a name that are kept: one more than any name may have, so that a longer one is seen to be.
const NAME_BYTES_MAX: usize = 257;

#[derive(Clone, Debug, Default)]
pub(super) struct TextReader {
    used: TextUse,
    /// Decoded bytes so far.
    length: u64,
    name: String,
}

impl TextReader {
    pub(super) fn begin(&mut self, used: TextUse) {
        self.used = used;
        self.length = 0;
        self.name.clear();
    }

    pub(super) fn piece(&mut self, piece: &str, measure: &mut InputMeasure) {
        self.length = self.length.saturating_add(piece.len() as u64);
        match self.used {
            TextUse::Skip => {}
            TextUse::Text => measure.text(piece),
            TextUse::Schema => measure.schema_text(piece),
            TextUse::Name => {
                for character in piece.chars() {
                    if self.name.len() >= NAME_BYTES_MAX {
                        break;
                    }
                    self.name.push(character);
                }
            }
        }
    }

    /// The string that stands at `span` is complete.
    pub(super) fn end(&self, span: Span, measure: &mut InputMeasure) {
        if self.used == TextUse::Schema {
            measure.schema_escapes(escapes(span, self.length));
        }
    }

    /// The last string, if it was read as a name; perhaps cut, though not below [`NAME_BYTES_MAX`] bytes.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Measures a member's name inside a schema.
    pub(super) fn schema_key(&self, name: Option<&str>, span: Span, measure: &mut InputMeasure) {
        match name {
            Some(name) => {
                measure.schema_text(name);
                measure.schema_escapes(escapes(span, name.len() as u64));
            }
            // Unknown text: as if all of it were beyond ASCII.
            None => measure.schema_escapes(span.len().saturating_mul(3)),
        }
    }
}

/// Measures a value inside a schema, of which a string's text was already measured.
pub(super) fn schema_scalar(scalar: Scalar<'_>, span: Span, measure: &mut InputMeasure) {
    measure.schema_value();
    if scalar != Scalar::String {
        measure.schema_escapes(span.len());
    }
}

/// The bytes that a string of `length` decoded bytes spends on escapes.
const fn escapes(span: Span, length: u64) -> u64 {
    const QUOTES: u64 = 2;
    span.len().saturating_sub(QUOTES).saturating_sub(length)
}
