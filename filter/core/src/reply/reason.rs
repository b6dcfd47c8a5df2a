//! Every reason for which the filter itself refuses or fails a request.

use super::ErrorBody;

/// Why the filter did not let a request go on, or why there is no provider's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No key, or none of ours.
    InvalidApiKey,
    /// The route is not in the plugin configuration.
    RouteNotConfigured,
    /// Not an endpoint that can be metered.
    EndpointNotSupported,
    /// A request body that is compressed.
    ContentEncodingNotSupported,
    /// The body is larger than what is read.
    RequestTooLarge,
    /// The quota server gave no decision, and the route says deny.
    QuotaUnreachable,
    /// No room for another settlement: no new work.
    OutboxFull,
    /// The quota server shed load, or knows the reservation's id otherwise.
    QuotaOverloaded,
    /// The request could not be changed as decided.
    GatewayFailed,
    /// The model of `GET /v1/models/{id}` is not one of the key's.
    ModelNotFound,
    /// No provider could be reached.
    ProviderUnavailable,
    /// The provider refused the gateway's own credential.
    ProviderRefusedGateway,
    /// The provider's connection broke before its answer.
    ProviderReset,
    /// The provider did not answer in time.
    ProviderTimeout,
    /// The client did not send its request in time.
    RequestTimeout,
    /// Envoy refused the request for a reason of its own.
    RequestRejected,
    /// A request came to a provider's chain without our marker.
    NotAdmitted,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 17] = [
        Self::InvalidApiKey,
        Self::RouteNotConfigured,
        Self::EndpointNotSupported,
        Self::ContentEncodingNotSupported,
        Self::RequestTooLarge,
        Self::QuotaUnreachable,
        Self::OutboxFull,
        Self::QuotaOverloaded,
        Self::GatewayFailed,
        Self::ModelNotFound,
        Self::ProviderUnavailable,
        Self::ProviderRefusedGateway,
        Self::ProviderReset,
        Self::ProviderTimeout,
        Self::RequestTimeout,
        Self::RequestRejected,
        Self::NotAdmitted,
    ];

    /// HTTP status.
    #[must_use]
    pub const fn status(self) -> u32 {
        match self {
            Self::RequestRejected => 400,
            Self::InvalidApiKey => 401,
            Self::EndpointNotSupported => 403,
            Self::ModelNotFound => 404,
            Self::RequestTimeout => 408,
            Self::RequestTooLarge => 413,
            Self::ContentEncodingNotSupported => 415,
            Self::ProviderReset => 502,
            Self::ProviderTimeout => 504,
            Self::RouteNotConfigured
            | Self::QuotaUnreachable
            | Self::OutboxFull
            | Self::QuotaOverloaded
            | Self::GatewayFailed
            | Self::ProviderUnavailable
            | Self::ProviderRefusedGateway
            | Self::NotAdmitted => 503,
        }
    }

    /// The error object.
    #[must_use]
    pub fn body(self) -> ErrorBody<'static> {
        let kind = match self.status() {
            502 | 504 => "server_error",
            503 => "service_unavailable_error",
            _ => "invalid_request_error",
        };
        ErrorBody {
            message: self.message(),
            kind,
            param: None,
            code: Some(self.code()),
        }
    }

    /// What programs act on.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidApiKey => "invalid_api_key",
            Self::RouteNotConfigured => "route_not_configured",
            Self::EndpointNotSupported => "endpoint_not_supported",
            Self::ContentEncodingNotSupported => "content_encoding_not_supported",
            Self::RequestTooLarge => "request_too_large",
            Self::QuotaUnreachable
            | Self::OutboxFull
            | Self::QuotaOverloaded
            | Self::GatewayFailed => "server_is_overloaded",
            Self::ModelNotFound => "model_not_found",
            Self::ProviderUnavailable | Self::ProviderRefusedGateway => "provider_unavailable",
            Self::ProviderReset => "provider_connection_lost",
            Self::ProviderTimeout => "provider_timeout",
            Self::RequestTimeout => "request_timeout",
            Self::RequestRejected => "request_rejected",
            Self::NotAdmitted => "not_admitted",
        }
    }

    /// What people read.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::InvalidApiKey => "Incorrect API key provided.",
            Self::RouteNotConfigured => "This route is not configured for billing.",
            Self::EndpointNotSupported => "This endpoint is not supported by this gateway.",
            Self::ContentEncodingNotSupported => {
                "The request body must be sent without a content encoding."
            }
            Self::RequestTooLarge => "The request body is larger than this gateway accepts.",
            Self::QuotaUnreachable => "The quota service cannot be reached. Please try again.",
            Self::OutboxFull | Self::QuotaOverloaded => {
                "The quota service is overloaded. Please try again."
            }
            Self::GatewayFailed => "The gateway could not forward the request. Please try again.",
            Self::ModelNotFound => "The model does not exist or you do not have access to it.",
            Self::ProviderUnavailable => "No provider is available. Please try again.",
            Self::ProviderRefusedGateway => "The provider did not accept the gateway's request.",
            Self::ProviderReset => "The provider's connection broke before it answered.",
            Self::ProviderTimeout => "The provider did not answer in time.",
            Self::RequestTimeout => "The request was not received in time.",
            Self::RequestRejected => "The gateway rejected the request.",
            Self::NotAdmitted => "This request was not admitted for billing.",
        }
    }

    /// `Retry-After`, where trying again soon can help.
    #[must_use]
    pub fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::QuotaUnreachable
            | Self::OutboxFull
            | Self::QuotaOverloaded
            | Self::GatewayFailed => Some(1),
            Self::InvalidApiKey
            | Self::RouteNotConfigured
            | Self::EndpointNotSupported
            | Self::ContentEncodingNotSupported
            | Self::RequestTooLarge
            | Self::ModelNotFound
            | Self::ProviderUnavailable
            | Self::ProviderRefusedGateway
            | Self::ProviderReset
            | Self::ProviderTimeout
            | Self::RequestTimeout
            | Self::RequestRejected
            | Self::NotAdmitted => None,
        }
    }

    /// `x-should-retry`, where the status alone would tell the SDK wrong.
    #[must_use]
    pub fn should_retry(self) -> Option<bool> {
        match self {
            Self::QuotaUnreachable
            | Self::OutboxFull
            | Self::QuotaOverloaded
            | Self::GatewayFailed => Some(true),
            Self::RouteNotConfigured | Self::ProviderRefusedGateway | Self::NotAdmitted => {
                Some(false)
            }
            Self::InvalidApiKey
            | Self::EndpointNotSupported
            | Self::ContentEncodingNotSupported
            | Self::RequestTooLarge
            | Self::ModelNotFound
            | Self::ProviderUnavailable
            | Self::ProviderReset
            | Self::ProviderTimeout
            | Self::RequestTimeout
            | Self::RequestRejected => None,
        }
    }

    /// The name in the access log.
    #[must_use]
    pub fn details(self) -> &'static str {
        match self {
            Self::InvalidApiKey => "ferry_invalid_api_key",
            Self::RouteNotConfigured => "ferry_route_not_configured",
            Self::EndpointNotSupported => "ferry_endpoint_not_supported",
            Self::ContentEncodingNotSupported => "ferry_content_encoding_not_supported",
            Self::RequestTooLarge => "ferry_request_too_large",
            Self::QuotaUnreachable => "ferry_quota_unreachable",
            Self::OutboxFull => "ferry_outbox_full",
            Self::QuotaOverloaded => "ferry_quota_overloaded",
            Self::GatewayFailed => "ferry_gateway_failed",
            Self::ModelNotFound => "ferry_model_not_found",
            Self::ProviderUnavailable => "ferry_provider_unavailable",
            Self::ProviderRefusedGateway => "ferry_provider_refused_gateway",
            Self::ProviderReset => "ferry_provider_reset",
            Self::ProviderTimeout => "ferry_provider_timeout",
            Self::RequestTimeout => "ferry_request_timeout",
            Self::RequestRejected => "ferry_request_rejected",
            Self::NotAdmitted => "ferry_not_admitted",
        }
    }
}
