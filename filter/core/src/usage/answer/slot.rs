//! What a member of an answer is for, by the place where it stands.

use super::super::report::ReportField;

/// What the innermost open container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The document's object.
    Document,
    Usage,
    PromptDetails,
    CompletionDetails,
    Choices,
    Choice,
    /// A choice's `delta` or `message`.
    Message,
    /// Calls of tools: names and arguments are generated.
    Calls,
    /// Content in parts: all but their types is generated.
    Parts,
    Audio,
    Other,
}

/// What a value is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Slot {
    Id,
    Model,
    ServiceTier,
    Usage,
    Choices,
    Error,
    PromptDetails,
    CompletionDetails,
    Tokens(ReportField),
    Index,
    FinishReason,
    Message,
    Text,
    ReasoningContent,
    Reasoning,
    Calls,
    Audio,
    AudioData,
    #[default]
    Ignored,
}

impl Place {
    /// What the member of that name is for.
    pub(super) fn member(self, name: &str) -> Slot {
        let tokens = |field: Option<ReportField>| field.map_or(Slot::Ignored, Slot::Tokens);
        match (self, name) {
            (Self::Document, "id") => Slot::Id,
            (Self::Document, "model") => Slot::Model,
            (Self::Document, "service_tier") => Slot::ServiceTier,
            (Self::Document, "usage") => Slot::Usage,
            (Self::Document, "choices") => Slot::Choices,
            (Self::Document, "error") => Slot::Error,
            (Self::Usage, "prompt_tokens") => Slot::Tokens(ReportField::Prompt),
            (Self::Usage, "completion_tokens") => Slot::Tokens(ReportField::Completion),
            (Self::Usage, "total_tokens") => Slot::Tokens(ReportField::Total),
            (Self::Usage, "prompt_tokens_details") => Slot::PromptDetails,
            (Self::Usage, "completion_tokens_details") => Slot::CompletionDetails,
            (Self::PromptDetails, _) => tokens(ReportField::of_prompt_details(name)),
            (Self::CompletionDetails, _) => tokens(ReportField::of_completion_details(name)),
            (Self::Choice, "index") => Slot::Index,
            (Self::Choice, "finish_reason") => Slot::FinishReason,
            (Self::Choice, "delta" | "message") => Slot::Message,
            (Self::Message, "content" | "refusal")
            | (Self::Calls, "name" | "arguments" | "input")
            | (Self::Audio, "transcript") => Slot::Text,
            (Self::Message, "reasoning_content") => Slot::ReasoningContent,
            (Self::Message, "reasoning") => Slot::Reasoning,
            (Self::Message, "tool_calls" | "function_call") | (Self::Calls, _) => Slot::Calls,
            (Self::Message, "audio") => Slot::Audio,
            (Self::Audio, "data") => Slot::AudioData,
            (Self::Parts, "type") => Slot::Ignored,
            (Self::Parts, _) => Slot::Text,
            _ => Slot::Ignored,
        }
    }

    /// What an element is for.
    pub(super) const fn element(self) -> Slot {
        match self {
            Self::Parts => Slot::Text,
            Self::Calls => Slot::Calls,
            Self::Document
            | Self::Usage
            | Self::PromptDetails
            | Self::CompletionDetails
            | Self::Choices
            | Self::Choice
            | Self::Message
            | Self::Audio
            | Self::Other => Slot::Ignored,
        }
    }
}

impl Slot {
    /// What a container is that stands there.
    pub(super) const fn container(self, is_object: bool) -> Place {
        match (self, is_object) {
            (Self::Usage, true) => Place::Usage,
            (Self::PromptDetails, true) => Place::PromptDetails,
            (Self::CompletionDetails, true) => Place::CompletionDetails,
            (Self::Choices, false) => Place::Choices,
            (Self::Message, true) => Place::Message,
            (Self::Text, _) => Place::Parts,
            (Self::Calls, _) => Place::Calls,
            (Self::Audio, true) => Place::Audio,
            _ => Place::Other,
        }
    }
}
