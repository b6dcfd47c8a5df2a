//! How a request ended, and what it used: what the filter says in a Settle.

use crate::request::RequestFacts;
use crate::usage::Usage;
use alloc::string::String;
use alloc::vec::Vec;

/// Where a usage comes from, worst evidence first: the order is the order of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UsageSource {
    /// Nothing to count: the input's estimate, and for the output what the server has learned.
    Estimated,
    /// A report that contradicts itself; the usage holds what was counted.
    Unreadable,
    /// Counted in what passed, and combined with an unfinished report.
    Counted,
    /// The provider answered with an error and generated nothing.
    None,
    /// The provider's usage block, after every choice had finished.
    Reported,
}

impl UsageSource {
    /// Every source.
    pub const ALL: [Self; 5] = [
        Self::Estimated,
        Self::Unreadable,
        Self::Counted,
        Self::None,
        Self::Reported,
    ];

    /// The stable name, as in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Estimated => "estimated",
            Self::Unreadable => "unreadable",
            Self::Counted => "counted",
            Self::None => "none",
            Self::Reported => "reported",
        }
    }
}

/// One try at one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The provider's name in the price table.
    pub provider: String,
    /// The model as the provider reported it; empty if it did not.
    pub model: String,
    /// HTTP status; 0 if no answer began.
    pub status: u32,
    /// What was used.
    pub usage: Usage,
    /// Where that comes from.
    pub source: UsageSource,
    /// The provider's own request id; empty if it gave none.
    pub provider_request_id: String,
    /// The service tier that was served, as reported.
    pub service_tier: String,
    /// From the attempt's start to its end.
    pub latency_ms: u64,
    /// Time to the first byte of the answer's body.
    pub first_byte_ms: Option<u64>,
}

/// Why a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndCause {
    /// The provider's answer was complete.
    Complete,
    /// The client hung up.
    ClientGone,
    /// The provider's connection broke after its answer began.
    ProviderReset,
    /// The provider's connection broke before its answer began; it may have worked on the request.
    ProviderLost,
    /// The provider answered with an error.
    ProviderError,
    /// Envoy gave up waiting.
    Timeout,
    /// The gateway ended the stream.
    Gateway,
}

impl EndCause {
    /// Every cause, in the order of the wire's values.
    pub const ALL: [Self; 7] = [
        Self::Complete,
        Self::ClientGone,
        Self::ProviderReset,
        Self::ProviderLost,
        Self::ProviderError,
        Self::Timeout,
        Self::Gateway,
    ];

    /// The stable name, as in records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ClientGone => "client_gone",
            Self::ProviderReset => "provider_reset",
            Self::ProviderLost => "provider_lost",
            Self::ProviderError => "provider_error",
            Self::Timeout => "timeout",
            Self::Gateway => "gateway",
        }
    }
}

/// The end of a request that may have reached a provider. Complete: it can be posted even if its Reserve was never seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// All that Reserve said.
    pub facts: RequestFacts,
    /// The output limit that was granted, per choice; 0 if there was none.
    pub output_tokens_max: u64,
    /// Why it ended.
    pub cause: EndCause,
    /// Every try, in order; at least one.
    pub attempts: Vec<Attempt>,
    /// From the request's headers to its end.
    pub latency_ms: u64,
    /// The client's HTTP status.
    pub status: u32,
}
