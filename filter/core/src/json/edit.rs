//! Replacing pieces of a body by their spans. Every other byte stays as it was.

use super::Span;

/// One piece, and what stands there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; empty for an insertion before its start.
    pub span: Span,
    /// What replaces it.
    pub text: String,
}

/// `bytes`, of which the first stands at offset `base`, with `edits` made. They are in order and do not overlap; `None` if they
/// do, or reach beyond the bytes.
#[must_use]
pub fn apply_edits(bytes: &[u8], base: u64, edits: &[Edit]) -> Option<Vec<u8>> {
    let added = edits
        .iter()
        .fold(bytes.len(), |sum, edit| sum.saturating_add(edit.text.len()));
    let mut edited = Vec::with_capacity(added);
    let mut kept = 0;
    for edit in edits {
        let start = usize::try_from(edit.span.start.checked_sub(base)?).ok()?;
        let end = usize::try_from(edit.span.end.checked_sub(base)?).ok()?;
        if end < start || end > bytes.len() {
            return None;
        }
        edited.extend_from_slice(bytes.get(kept..start)?);
        edited.extend_from_slice(edit.text.as_bytes());
        kept = end;
    }
    edited.extend_from_slice(bytes.get(kept..)?);
    Some(edited)
}
