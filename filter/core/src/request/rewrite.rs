//! Writing into the body what was granted: the output limit, the usage of a stream, the model's name. By span, so that every other
//! byte stays as the client sent it.

use super::scanned::{Limit, ScannedRequest, StreamOptionsKind};
use crate::json::{Edit, Span, apply_edits};

/// The field in which a model takes its output limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputLimitField {
    /// `max_tokens`
    MaxTokens,
    /// `max_completion_tokens`
    MaxCompletionTokens,
}

impl OutputLimitField {
    /// The field of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "max_tokens" => Some(Self::MaxTokens),
            "max_completion_tokens" => Some(Self::MaxCompletionTokens),
            _ => None,
        }
    }

    /// The field's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

/// The output limit that was granted, per choice, and where the model takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// Most tokens per choice.
    pub tokens: u64,
    /// Where to write it.
    pub field: OutputLimitField,
}

/// What is to be changed in a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    edits: Vec<Edit>,
}

impl Rewrite {
    /// Whether the body already says just that.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The bytes from the body's start that change; what follows stays as it is.
    #[must_use]
    pub fn prefix_end(&self) -> u64 {
        self.edits.last().map_or(0, |edit| edit.span.end)
    }

    /// The changes, in order.
    #[must_use]
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// What stands in place of `prefix`, which is the body's first [`prefix_end`](Self::prefix_end) bytes; `None` if it is not that long.
    #[must_use]
    pub fn apply(&self, prefix: &[u8]) -> Option<Vec<u8>> {
        if prefix.len() as u64 != self.prefix_end() {
            return None;
        }
        apply_edits(prefix, 0, &self.edits)
    }
}

impl ScannedRequest {
    /// The changes that write `limit` and no other output limit, force the usage of a stream, and put `model` in the client's
    /// model's place.
    #[must_use]
    pub fn rewrite(&self, limit: OutputLimit, model: Option<&str>) -> Rewrite {
        let mut edits = Vec::new();
        self.write_limit(limit, &mut edits);
        if self.stream {
            self.force_usage(&mut edits);
        }
        if let (Some(model), Some(member)) = (model, self.spans.model)
            && model != self.model
        {
            edits.push(Edit {
                span: member.value,
                text: serde_json::Value::from(model).to_string(),
            });
        }
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        Rewrite { edits }
    }

    fn write_limit(&self, limit: OutputLimit, edits: &mut Vec<Edit>) {
        let (present, other) = match limit.field {
            OutputLimitField::MaxTokens => {
                (self.spans.max_tokens, self.spans.max_completion_tokens)
            }
            OutputLimitField::MaxCompletionTokens => {
                (self.spans.max_completion_tokens, self.spans.max_tokens)
            }
        };
        match present {
            Some(Limit { tokens, .. }) if tokens == Some(limit.tokens) => {}
            Some(Limit { member, .. }) => edits.push(Edit {
                span: member.value,
                text: limit.tokens.to_string(),
            }),
            None => {
                let text = format!("\"{}\":{},", limit.field.name(), limit.tokens);
                edits.push(self.insert(text));
            }
        }
        if let Some(Limit { member, .. }) = other {
            edits.push(Edit {
                span: member.removal(),
                text: String::new(),
            });
        }
    }

    fn force_usage(&self, edits: &mut Vec<Edit>) {
        let Some(options) = self.spans.stream_options else {
            edits.push(self.insert("\"stream_options\":{\"include_usage\":true},".to_owned()));
            return;
        };
        match options.kind {
            StreamOptionsKind::Null => edits.push(Edit {
                span: options.member.value,
                text: "{\"include_usage\":true}".to_owned(),
            }),
            StreamOptionsKind::Without { is_empty } => {
                let comma = if is_empty { "" } else { "," };
                edits.push(Edit {
                    span: empty_span(options.member.value.start.saturating_add(1)),
                    text: format!("\"include_usage\":true{comma}"),
                });
            }
            StreamOptionsKind::With { is_true: true, .. } => {}
            StreamOptionsKind::With { value, .. } => edits.push(Edit {
                span: value,
                text: "true".to_owned(),
            }),
        }
    }

    /// A member before all others. There are others: a request has a model.
    fn insert(&self, text: String) -> Edit {
        Edit {
            span: empty_span(self.spans.inside),
            text,
        }
    }
}

const fn empty_span(at: u64) -> Span {
    Span { start: at, end: at }
}
