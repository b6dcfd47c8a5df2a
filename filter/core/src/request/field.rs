//! Which members of a request matter, by place. Everything else reaches the model, as far as anybody knows, and is measured.
//!
//! Names are compared folded, as lenient providers do (Go's JSON takes `Max_Tokens` for `max_tokens`): a member must not
//! mean nothing here and something there.

use std::borrow::Cow;

/// A member of the request's object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyField {
    Model,
    Messages,
    Stream,
    StreamOptions,
    Choices,
    MaxTokens,
    MaxCompletionTokens,
    ServiceTier,
    Modalities,
    Tools,
    /// A schema that the model is told of, as tools are.
    Schema,
    /// A flag that must not be set: what it makes outlives the exchange.
    Outlives(&'static str),
    /// Whatever it is, its cost has no bound here.
    Unbounded(&'static str),
    /// Known not to reach the model.
    Unread,
    Other,
}

impl BodyField {
    pub(super) fn of(name: &str) -> Self {
        match name {
            "model" => Self::Model,
            "messages" => Self::Messages,
            "stream" => Self::Stream,
            "stream_options" => Self::StreamOptions,
            "n" => Self::Choices,
            "max_tokens" => Self::MaxTokens,
            "max_completion_tokens" => Self::MaxCompletionTokens,
            "service_tier" => Self::ServiceTier,
            "modalities" => Self::Modalities,
            "tools" => Self::Tools,
            "functions" | "response_format" => Self::Schema,
            "store" => Self::Outlives("store"),
            "background" => Self::Outlives("background"),
            // Searches are billed by the call, and bring text of their own.
            "web_search_options" => Self::Unbounded("web_search_options"),
            "search_parameters" => Self::Unbounded("search_parameters"),
            "plugins" => Self::Unbounded("plugins"),
            // Rejected tokens of a prediction are billed as output, whatever the limit.
            "prediction" => Self::Unbounded("prediction"),
            // Choices that are made, billed and thrown away.
            "best_of" => Self::Unbounded("best_of"),
            // Other models than the one that was priced.
            "models" => Self::Unbounded("models"),
            // Input that is kept at the provider.
            "previous_response_id" => Self::Unbounded("previous_response_id"),
            "conversation" => Self::Unbounded("conversation"),
            "prompt" => Self::Unbounded("prompt"),
            "metadata" | "user" | "safety_identifier" | "prompt_cache_key" | "logit_bias" => {
                Self::Unread
            }
            _ => Self::Other,
        }
    }

    /// The name that errors give it, and whether it may stand there once only, exactly spelled.
    pub(super) const fn param(self) -> Option<&'static str> {
        match self {
            Self::Model => Some("model"),
            Self::Messages => Some("messages"),
            Self::Stream => Some("stream"),
            Self::StreamOptions => Some("stream_options"),
            Self::Choices => Some("n"),
            Self::MaxTokens => Some("max_tokens"),
            Self::MaxCompletionTokens => Some("max_completion_tokens"),
            Self::ServiceTier => Some("service_tier"),
            Self::Modalities => Some("modalities"),
            Self::Tools => Some("tools"),
            Self::Outlives(param) | Self::Unbounded(param) => Some(param),
            Self::Schema | Self::Unread | Self::Other => None,
        }
    }
}

/// A member of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageField {
    Content,
    /// Part of what a message's overhead stands for.
    Role,
    /// What the model sees of it is not text.
    Unmeasurable,
    Other,
}

impl MessageField {
    pub(super) fn of(name: &str) -> Self {
        match name {
            "content" => Self::Content,
            "role" => Self::Role,
            "audio" | "images" | "image" | "videos" | "video" | "files" | "attachments" => {
                Self::Unmeasurable
            }
            _ => Self::Other,
        }
    }
}

/// A member of a content part. Only what is known to be text is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartField {
    Type,
    Text,
    /// Says how the text is to be treated; the model does not see it.
    Unread,
    Unmeasurable,
}

impl PartField {
    pub(super) fn of(name: &str) -> Self {
        match name {
            "type" => Self::Type,
            "text" | "refusal" => Self::Text,
            "cache_control" => Self::Unread,
            _ => Self::Unmeasurable,
        }
    }
}

/// Types of content parts that are text.
pub(super) const TEXT_PART_TYPES: [&str; 2] = ["text", "refusal"];

/// Types of tools that the client runs. What the provider runs is billed by the call, and brings text of its own.
pub(super) const CLIENT_TOOL_TYPES: [&str; 2] = ["function", "custom"];

/// `name` as the most lenient reader would compare it.
pub(super) fn folded(name: &str) -> Cow<'_, str> {
    if name
        .bytes()
        .all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
    {
        return Cow::Borrowed(name);
    }
    let fold = |character: char| match character {
        // The two characters beyond ASCII that Unicode folds into it.
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    Cow::Owned(name.chars().map(fold).collect())
}
