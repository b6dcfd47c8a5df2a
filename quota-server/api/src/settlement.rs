//! `Usage`, `Attempt` and the end of a request: between the wire and the domain.

use crate::bound::{
    ATTEMPTS_MAX, MODEL_BYTES_MAX, PROVIDER_BYTES_MAX, PROVIDER_REQUEST_ID_BYTES_MAX,
    SERVICE_TIER_BYTES_MAX,
};
use crate::facts::UNKNOWN;
use crate::invalid::{InvalidField, bounded, reported, required};
use crate::v1;
use ferry_types::{Attempt, EndCause, Usage, UsageSource};

impl From<v1::Usage> for Usage {
    fn from(wire: v1::Usage) -> Self {
        let v1::Usage {
            input_tokens,
            cached_input_tokens,
            cache_write_tokens,
            audio_input_tokens,
            output_tokens,
            reasoning_tokens,
            audio_output_tokens,
        } = wire;
        Self {
            input_tokens,
            cached_input_tokens,
            cache_write_tokens,
            audio_input_tokens,
            output_tokens,
            reasoning_tokens,
            audio_output_tokens,
        }
    }
}

impl From<Usage> for v1::Usage {
    fn from(usage: Usage) -> Self {
        let Usage {
            input_tokens,
            cached_input_tokens,
            cache_write_tokens,
            audio_input_tokens,
            output_tokens,
            reasoning_tokens,
            audio_output_tokens,
        } = usage;
        Self {
            input_tokens,
            cached_input_tokens,
            cache_write_tokens,
            audio_input_tokens,
            output_tokens,
            reasoning_tokens,
            audio_output_tokens,
        }
    }
}

impl TryFrom<v1::Attempt> for Attempt {
    type Error = InvalidField;

    fn try_from(wire: v1::Attempt) -> Result<Self, InvalidField> {
        let v1::Attempt {
            provider,
            model,
            status,
            usage,
            source,
            provider_request_id,
            service_tier,
            latency_ms,
            first_byte_ms,
        } = wire;
        if provider.is_empty() {
            return Err(InvalidField::new("provider", "empty"));
        }
        Ok(Self {
            provider: bounded(provider, PROVIDER_BYTES_MAX, "provider")?,
            model: bounded(model, MODEL_BYTES_MAX, "model")?,
            status,
            usage: required(usage, "usage")?.into(),
            source: source_from(source)?,
            provider_request_id: bounded(
                provider_request_id,
                PROVIDER_REQUEST_ID_BYTES_MAX,
                "provider_request_id",
            )?,
            service_tier: bounded(service_tier, SERVICE_TIER_BYTES_MAX, "service_tier")?,
            latency_ms,
            first_byte_ms,
        })
    }
}

/// What the provider reported is cut to its bound: a settlement is never lost to a long name.
impl From<&Attempt> for v1::Attempt {
    fn from(attempt: &Attempt) -> Self {
        let Attempt {
            provider,
            model,
            status,
            usage,
            source,
            provider_request_id,
            service_tier,
            latency_ms,
            first_byte_ms,
        } = attempt;
        Self {
            provider: provider.clone(),
            model: reported(model, MODEL_BYTES_MAX),
            status: *status,
            usage: Some((*usage).into()),
            source: v1::UsageSource::from(*source).into(),
            provider_request_id: reported(provider_request_id, PROVIDER_REQUEST_ID_BYTES_MAX),
            service_tier: reported(service_tier, SERVICE_TIER_BYTES_MAX),
            latency_ms: *latency_ms,
            first_byte_ms: *first_byte_ms,
        }
    }
}

impl From<UsageSource> for v1::UsageSource {
    fn from(source: UsageSource) -> Self {
        match source {
            UsageSource::Reported => Self::Reported,
            UsageSource::Counted => Self::Counted,
            UsageSource::Estimated => Self::Estimated,
            UsageSource::Unreadable => Self::Unreadable,
            UsageSource::None => Self::None,
        }
    }
}

impl From<EndCause> for v1::EndCause {
    fn from(cause: EndCause) -> Self {
        match cause {
            EndCause::Complete => Self::Complete,
            EndCause::ClientGone => Self::ClientGone,
            EndCause::ProviderReset => Self::ProviderReset,
            EndCause::ProviderLost => Self::ProviderLost,
            EndCause::ProviderError => Self::ProviderError,
            EndCause::Timeout => Self::Timeout,
            EndCause::Gateway => Self::Gateway,
        }
    }
}

fn source_from(value: i32) -> Result<UsageSource, InvalidField> {
    match v1::UsageSource::try_from(value) {
        Ok(v1::UsageSource::Reported) => Ok(UsageSource::Reported),
        Ok(v1::UsageSource::Counted) => Ok(UsageSource::Counted),
        Ok(v1::UsageSource::Estimated) => Ok(UsageSource::Estimated),
        Ok(v1::UsageSource::Unreadable) => Ok(UsageSource::Unreadable),
        Ok(v1::UsageSource::None) => Ok(UsageSource::None),
        Ok(v1::UsageSource::Unspecified) | Err(_) => Err(InvalidField::new("source", UNKNOWN)),
    }
}

pub(crate) fn cause_from(value: i32) -> Result<EndCause, InvalidField> {
    match v1::EndCause::try_from(value) {
        Ok(v1::EndCause::Complete) => Ok(EndCause::Complete),
        Ok(v1::EndCause::ClientGone) => Ok(EndCause::ClientGone),
        Ok(v1::EndCause::ProviderReset) => Ok(EndCause::ProviderReset),
        Ok(v1::EndCause::ProviderLost) => Ok(EndCause::ProviderLost),
        Ok(v1::EndCause::ProviderError) => Ok(EndCause::ProviderError),
        Ok(v1::EndCause::Timeout) => Ok(EndCause::Timeout),
        Ok(v1::EndCause::Gateway) => Ok(EndCause::Gateway),
        Ok(v1::EndCause::Unspecified) | Err(_) => Err(InvalidField::new("cause", UNKNOWN)),
    }
}

pub(crate) fn attempts_from(wire: Vec<v1::Attempt>) -> Result<Vec<Attempt>, InvalidField> {
    if wire.is_empty() {
        return Err(InvalidField::new("attempts", "none"));
    }
    if wire.len() > ATTEMPTS_MAX {
        return Err(InvalidField::new(
            "attempts",
            format_args!("more than {ATTEMPTS_MAX}"),
        ));
    }
    wire.into_iter()
        .enumerate()
        .map(|(i, attempt)| {
            Attempt::try_from(attempt).map_err(|e| e.within(&format!("attempts[{i}]")))
        })
        .collect()
}
