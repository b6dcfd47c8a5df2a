//! What was read from a request's body.

use crate::json::{MemberSpan, Span};

/// A chat completion's request, as far as billing has to know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScannedRequest {
    /// As the client named it.
    pub model: String,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Choices asked for, 1 to [`CHOICES_MAX`](super::CHOICES_MAX).
    pub choices: u32,
    /// The limit that the client set, per choice; the smaller one if it set both.
    pub output_tokens_max: Option<u64>,
    /// Upper bound of the input's tokens, as far as the input can be measured.
    pub input_tokens_max: u64,
    /// What the measured input will probably count; never above the bound.
    pub input_tokens_estimate: u64,
    /// There is input that cannot be measured here: the model's maximum is the bound.
    pub input_unbounded: bool,
    /// Audio output was asked for.
    pub output_audio: bool,
    /// As the client wrote it; empty if it did not.
    pub service_tier: String,
    /// The client asked for the usage of its stream.
    pub include_usage: bool,
    pub(super) spans: Spans,
}

/// Where the members that may be rewritten stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spans {
    /// After the body's opening brace.
    pub(super) inside: u64,
    pub(super) model: Option<MemberSpan>,
    pub(super) max_tokens: Option<Limit>,
    pub(super) max_completion_tokens: Option<Limit>,
    pub(super) stream_options: Option<StreamOptions>,
}

/// An output limit in one of its spellings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) member: MemberSpan,
    /// `None` if it is null.
    pub(super) tokens: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamOptions {
    pub(super) member: MemberSpan,
    pub(super) kind: StreamOptionsKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamOptionsKind {
    Null,
    /// An object without `include_usage`.
    Without {
        is_empty: bool,
    },
    /// An object with it; the span of its value, and whether that is true.
    With {
        value: Span,
        is_true: bool,
    },
}
