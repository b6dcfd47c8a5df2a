//! Why a request may not go on, and everything that the client, the metrics and the SDKs are told about it.
//!
//! The variants stand in the order of precedence: where several apply, the first is the answer. A refusal is not an error.

use crate::limit::reached::LimitReached;
use ferry_types::{Amount, Balance, Currency};

/// Why a request may not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such key.
    UnknownKey,
    /// The gateway may not serve this tenant, or this route: the server's configuration says so.
    GatewayOutOfScope,
    /// The key was revoked.
    KeyRevoked,
    /// The key's time is over.
    KeyExpired,
    /// The key is paused.
    KeyPaused,
    /// The tenant was closed, for good.
    TenantClosed,
    /// The tenant is paused.
    TenantPaused,
    /// The tenant's book is frozen: an invariant was broken, and a person must look.
    BookFrozen,
    /// The gateway drew the id at another time than the server's.
    ClockSkew,
    /// The model is unknown, unpriced or not allowed.
    ModelNotFound {
        /// As the client named it.
        model: String,
    },
    /// More choices than are priced.
    TooManyChoices {
        /// Asked for.
        choices: u32,
        /// Priced.
        choices_max: u32,
    },
    /// The service tier is not priced.
    ServiceTierNotPriced {
        /// As the client wrote it.
        tier: String,
    },
    /// Audio output is not priced.
    AudioNotPriced,
    /// The prompt cannot fit into the model's context.
    ContextLengthExceeded {
        /// The least that the prompt can count.
        input_tokens_min: u64,
        /// What the model takes.
        context_tokens_max: u64,
    },
    /// Another request under the same idempotency key has not ended.
    IdempotencyKeyInUse,
    /// More was charged than there was; nothing goes on until that is paid.
    TenantInDebt {
        /// How much.
        owed: Amount,
        /// In this.
        currency: Currency,
    },
    /// A limit leaves no room for it.
    LimitReached(Box<LimitReached>),
    /// What is available does not cover what the request can cost.
    InsufficientFunds {
        /// What is available.
        available: Balance,
        /// Output tokens per choice that it would cover; `None` if not even the input.
        affordable_output_tokens: Option<u64>,
        /// In this.
        currency: Currency,
    },
}

/// OpenAI's error type of what the request's sender must change.
const INVALID: &str = "invalid_request_error";
/// OpenAI's error type where money has run out.
const QUOTA: &str = "insufficient_quota";
/// OpenAI's error type of what is our own fault.
const UNAVAILABLE: &str = "service_unavailable_error";

impl Refusal {
    /// The stable name: on the wire, in records, as a metric's label.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::UnknownKey => "unknown_key",
            Self::KeyRevoked => "key_revoked",
            Self::KeyExpired => "key_expired",
            Self::KeyPaused => "key_paused",
            Self::TenantClosed => "tenant_closed",
            Self::TenantPaused => "tenant_paused",
            Self::BookFrozen => "book_frozen",
            Self::GatewayOutOfScope => "gateway_out_of_scope",
            Self::ClockSkew => "gateway_clock_skew",
            Self::ModelNotFound { .. } => "model_not_found",
            Self::TooManyChoices { .. } => "too_many_choices",
            Self::ServiceTierNotPriced { .. } => "service_tier_not_priced",
            Self::AudioNotPriced => "audio_not_priced",
            Self::ContextLengthExceeded { .. } => "context_length_exceeded",
            Self::IdempotencyKeyInUse => "idempotency_key_in_use",
            Self::TenantInDebt { .. } => "tenant_in_debt",
            Self::LimitReached(_) => "limit_reached",
            Self::InsufficientFunds { .. } => "insufficient_funds",
        }
    }

    /// The stored code. Codes are never used again.
    #[must_use]
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::UnknownKey => 1,
            Self::KeyRevoked => 2,
            Self::KeyExpired => 3,
            Self::KeyPaused => 4,
            Self::TenantPaused => 5,
            Self::BookFrozen => 6,
            Self::ClockSkew => 7,
            Self::ModelNotFound { .. } => 8,
            Self::TooManyChoices { .. } => 9,
            Self::ServiceTierNotPriced { .. } => 10,
            Self::AudioNotPriced => 11,
            Self::ContextLengthExceeded { .. } => 12,
            Self::TenantInDebt { .. } => 13,
            Self::InsufficientFunds { .. } => 14,
            Self::IdempotencyKeyInUse => 15,
            Self::GatewayOutOfScope => 16,
            Self::TenantClosed => 17,
            Self::LimitReached(_) => 18,
        }
    }

    /// The answer's HTTP status.
    #[must_use]
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::UnknownKey | Self::KeyRevoked | Self::KeyExpired => 401,
            Self::KeyPaused | Self::TenantClosed | Self::TenantPaused | Self::GatewayOutOfScope => {
                403
            }
            Self::BookFrozen | Self::ClockSkew => 503,
            Self::ModelNotFound { .. } => 404,
            Self::TooManyChoices { .. }
            | Self::ServiceTierNotPriced { .. }
            | Self::AudioNotPriced
            | Self::ContextLengthExceeded { .. } => 400,
            Self::IdempotencyKeyInUse => 409,
            Self::TenantInDebt { .. } | Self::LimitReached(_) | Self::InsufficientFunds { .. } => {
                429
            }
        }
    }

    /// OpenAI's `type`.
    #[must_use]
    pub const fn openai_type(&self) -> &'static str {
        match self {
            Self::UnknownKey
            | Self::KeyRevoked
            | Self::KeyExpired
            | Self::KeyPaused
            | Self::TenantClosed
            | Self::TenantPaused
            | Self::GatewayOutOfScope
            | Self::ModelNotFound { .. }
            | Self::TooManyChoices { .. }
            | Self::ServiceTierNotPriced { .. }
            | Self::AudioNotPriced
            | Self::ContextLengthExceeded { .. }
            | Self::IdempotencyKeyInUse => INVALID,
            Self::BookFrozen | Self::ClockSkew => UNAVAILABLE,
            Self::LimitReached(reached) => reached.openai_type(QUOTA),
            Self::TenantInDebt { .. } | Self::InsufficientFunds { .. } => QUOTA,
        }
    }

    /// OpenAI's `code`; `None` stands for null.
    #[must_use]
    pub const fn openai_code(&self) -> Option<&'static str> {
        match self {
            Self::UnknownKey | Self::KeyRevoked | Self::KeyExpired => Some("invalid_api_key"),
            Self::KeyPaused => Some("key_paused"),
            Self::TenantClosed => Some("tenant_closed"),
            Self::TenantPaused => Some("tenant_paused"),
            Self::BookFrozen => Some("book_frozen"),
            Self::GatewayOutOfScope => Some("not_served_here"),
            Self::ClockSkew => Some("gateway_clock_skew"),
            Self::ModelNotFound { .. } => Some("model_not_found"),
            Self::TooManyChoices { .. }
            | Self::ServiceTierNotPriced { .. }
            | Self::AudioNotPriced => None,
            Self::ContextLengthExceeded { .. } => Some("context_length_exceeded"),
            Self::IdempotencyKeyInUse => Some("idempotency_key_in_use"),
            Self::LimitReached(reached) => Some(reached.openai_code()),
            Self::TenantInDebt { .. } | Self::InsufficientFunds { .. } => {
                Some("credit_balance_exhausted")
            }
        }
    }

    /// OpenAI's `param`; `None` stands for null.
    #[must_use]
    pub const fn openai_param(&self) -> Option<&'static str> {
        match self {
            Self::TooManyChoices { .. } => Some("n"),
            Self::ServiceTierNotPriced { .. } => Some("service_tier"),
            Self::AudioNotPriced => Some("modalities"),
            Self::ContextLengthExceeded { .. } => Some("messages"),
            Self::UnknownKey
            | Self::KeyRevoked
            | Self::KeyExpired
            | Self::KeyPaused
            | Self::TenantClosed
            | Self::TenantPaused
            | Self::GatewayOutOfScope
            | Self::BookFrozen
            | Self::ClockSkew
            | Self::ModelNotFound { .. }
            | Self::IdempotencyKeyInUse
            | Self::TenantInDebt { .. }
            | Self::LimitReached(_)
            | Self::InsufficientFunds { .. } => None,
        }
    }

    /// Seconds after which the same request may do better.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::ClockSkew => Some(1),
            Self::LimitReached(reached) => reached.retry_after_s(),
            Self::UnknownKey
            | Self::KeyRevoked
            | Self::KeyExpired
            | Self::KeyPaused
            | Self::TenantClosed
            | Self::TenantPaused
            | Self::GatewayOutOfScope
            | Self::BookFrozen
            | Self::ModelNotFound { .. }
            | Self::TooManyChoices { .. }
            | Self::ServiceTierNotPriced { .. }
            | Self::AudioNotPriced
            | Self::ContextLengthExceeded { .. }
            | Self::IdempotencyKeyInUse
            | Self::TenantInDebt { .. }
            | Self::InsufficientFunds { .. } => None,
        }
    }

    /// What `x-should-retry` says; `None` where the SDKs do right by the status alone.
    #[must_use]
    pub const fn should_retry(&self) -> Option<bool> {
        match self {
            Self::ClockSkew => Some(true),
            Self::LimitReached(reached) => reached.should_retry(),
            Self::BookFrozen
            | Self::IdempotencyKeyInUse
            | Self::TenantInDebt { .. }
            | Self::InsufficientFunds { .. } => Some(false),
            Self::UnknownKey
            | Self::KeyRevoked
            | Self::KeyExpired
            | Self::KeyPaused
            | Self::TenantClosed
            | Self::TenantPaused
            | Self::GatewayOutOfScope
            | Self::ModelNotFound { .. }
            | Self::TooManyChoices { .. }
            | Self::ServiceTierNotPriced { .. }
            | Self::AudioNotPriced
            | Self::ContextLengthExceeded { .. } => None,
        }
    }

    /// Whether the same id gets the same refusal again. What does not come from the tenant's state is judged anew.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        match self {
            Self::UnknownKey | Self::BookFrozen | Self::GatewayOutOfScope | Self::ClockSkew => {
                false
            }
            Self::KeyRevoked
            | Self::KeyExpired
            | Self::KeyPaused
            | Self::TenantClosed
            | Self::TenantPaused
            | Self::ModelNotFound { .. }
            | Self::TooManyChoices { .. }
            | Self::ServiceTierNotPriced { .. }
            | Self::AudioNotPriced
            | Self::ContextLengthExceeded { .. }
            | Self::IdempotencyKeyInUse
            | Self::TenantInDebt { .. }
            | Self::LimitReached(_)
            | Self::InsufficientFunds { .. } => true,
        }
    }

    /// The sentence for the client.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::UnknownKey => "Incorrect API key provided.".into(),
            Self::KeyRevoked => "This API key has been revoked.".into(),
            Self::KeyExpired => "This API key has expired.".into(),
            Self::KeyPaused => "This API key is paused.".into(),
            Self::TenantClosed => "This account is closed.".into(),
            Self::TenantPaused => "This account is paused.".into(),
            Self::BookFrozen => "This account is frozen until an operator has checked it.".into(),
            Self::GatewayOutOfScope => "This API key cannot be used at this address.".into(),
            Self::ClockSkew => "The gateway's clock is off. Please retry.".into(),
            Self::ModelNotFound { model } => {
                format!("The model `{model}` does not exist or you do not have access to it.")
            }
            Self::TooManyChoices {
                choices,
                choices_max,
            } => format!("n is {choices}, but at most {choices_max} choices are supported."),
            Self::ServiceTierNotPriced { tier } => {
                format!("The service tier `{tier}` is not supported.")
            }
            Self::AudioNotPriced => "Audio output is not supported for this model.".into(),
            Self::ContextLengthExceeded {
                input_tokens_min,
                context_tokens_max,
            } => format!(
                "This model's maximum context length is {context_tokens_max} tokens, but the messages have at least \
                 {input_tokens_min}."
            ),
            Self::IdempotencyKeyInUse => {
                "Another request with this idempotency key is in progress. Send it again once that \
                                          has ended."
                    .into()
            }
            Self::TenantInDebt { owed, currency } => format!(
                "Your prepaid balance is overdrawn by {} {currency}. Please top up.",
                owed.display(*currency)
            ),
            Self::LimitReached(reached) => reached.message(),
            Self::InsufficientFunds {
                available,
                affordable_output_tokens,
                currency,
            } => {
                let tokens = affordable_output_tokens.map_or_else(
                    || "not even its input".into(),
                    |tokens| format!("{tokens} output tokens per choice"),
                );
                format!(
                    "Your prepaid balance does not cover this request: {} {currency} are available, enough for {tokens}. \
                     Lower the output limit or top up.",
                    available.display(*currency)
                )
            }
        }
    }
}
