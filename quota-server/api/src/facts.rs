//! `RequestFacts` and `Tags`: between the wire and the domain.

use crate::bound::{MODEL_BYTES_MAX, ROUTE_BYTES_MAX, SERVICE_TIER_BYTES_MAX, TAG_BYTES_MAX};
use crate::invalid::{InvalidField, bounded, required};
use crate::v1;
use ferry_types::{Endpoint, Mode, RequestFacts, Tags};

/// What an enum's field is called when its value is not known here.
pub(crate) const UNKNOWN: &str = "unspecified, or not known to this version";

impl TryFrom<v1::RequestFacts> for RequestFacts {
    type Error = InvalidField;

    fn try_from(wire: v1::RequestFacts) -> Result<Self, InvalidField> {
        let v1::RequestFacts {
            endpoint,
            model,
            stream,
            input_tokens_max,
            input_tokens_estimate,
            input_unbounded,
            output_tokens_max,
            choices,
            output_audio,
            service_tier,
            route,
            mode,
            tags,
            idempotency_key_digest,
            admitted_offline,
        } = wire;
        if model.is_empty() {
            return Err(InvalidField::new("model", "empty"));
        }
        if choices == 0 {
            return Err(InvalidField::new("choices", "zero"));
        }
        Ok(Self {
            endpoint: endpoint_from(endpoint)?,
            model: bounded(model, MODEL_BYTES_MAX, "model")?,
            stream,
            input_tokens_max,
            input_tokens_estimate,
            input_unbounded,
            output_tokens_max,
            choices,
            output_audio,
            service_tier: bounded(service_tier, SERVICE_TIER_BYTES_MAX, "service_tier")?,
            route: bounded(route, ROUTE_BYTES_MAX, "route")?,
            mode: mode_from(mode)?,
            tags: required(tags, "tags")?
                .try_into()
                .map_err(|e: InvalidField| e.within("tags"))?,
            idempotency_key_digest: digest_from(&idempotency_key_digest)?,
            admitted_offline,
        })
    }
}

impl From<&RequestFacts> for v1::RequestFacts {
    fn from(facts: &RequestFacts) -> Self {
        let RequestFacts {
            endpoint,
            model,
            stream,
            input_tokens_max,
            input_tokens_estimate,
            input_unbounded,
            output_tokens_max,
            choices,
            output_audio,
            service_tier,
            route,
            mode,
            tags,
            idempotency_key_digest,
            admitted_offline,
        } = facts;
        Self {
            endpoint: v1::Endpoint::from(*endpoint).into(),
            model: model.clone(),
            stream: *stream,
            input_tokens_max: *input_tokens_max,
            input_tokens_estimate: *input_tokens_estimate,
            input_unbounded: *input_unbounded,
            output_tokens_max: *output_tokens_max,
            choices: *choices,
            output_audio: *output_audio,
            service_tier: service_tier.clone(),
            route: route.clone(),
            mode: v1::Mode::from(*mode).into(),
            tags: Some(tags.into()),
            idempotency_key_digest: idempotency_key_digest.map(Vec::from).unwrap_or_default(),
            admitted_offline: *admitted_offline,
        }
    }
}

impl TryFrom<v1::Tags> for Tags {
    type Error = InvalidField;

    fn try_from(wire: v1::Tags) -> Result<Self, InvalidField> {
        let v1::Tags {
            feature,
            environment,
            end_user,
            session,
            agent,
        } = wire;
        Ok(Self {
            feature: bounded(feature, TAG_BYTES_MAX, "feature")?,
            environment: bounded(environment, TAG_BYTES_MAX, "environment")?,
            end_user: bounded(end_user, TAG_BYTES_MAX, "end_user")?,
            session: bounded(session, TAG_BYTES_MAX, "session")?,
            agent: bounded(agent, TAG_BYTES_MAX, "agent")?,
        })
    }
}

impl From<&Tags> for v1::Tags {
    fn from(tags: &Tags) -> Self {
        let Tags {
            feature,
            environment,
            end_user,
            session,
            agent,
        } = tags.clone();
        Self {
            feature,
            environment,
            end_user,
            session,
            agent,
        }
    }
}

impl From<Endpoint> for v1::Endpoint {
    fn from(endpoint: Endpoint) -> Self {
        match endpoint {
            Endpoint::ChatCompletions => Self::ChatCompletions,
        }
    }
}

impl From<Mode> for v1::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Enforce => Self::Enforce,
            Mode::Shadow => Self::Shadow,
        }
    }
}

fn endpoint_from(value: i32) -> Result<Endpoint, InvalidField> {
    match v1::Endpoint::try_from(value) {
        Ok(v1::Endpoint::ChatCompletions) => Ok(Endpoint::ChatCompletions),
        Ok(v1::Endpoint::Unspecified) | Err(_) => Err(InvalidField::new("endpoint", UNKNOWN)),
    }
}

fn mode_from(value: i32) -> Result<Mode, InvalidField> {
    match v1::Mode::try_from(value) {
        Ok(v1::Mode::Enforce) => Ok(Mode::Enforce),
        Ok(v1::Mode::Shadow) => Ok(Mode::Shadow),
        Ok(v1::Mode::Unspecified) | Err(_) => Err(InvalidField::new("mode", UNKNOWN)),
    }
}

fn digest_from(bytes: &[u8]) -> Result<Option<[u8; 32]>, InvalidField> {
    if bytes.is_empty() {
        return Ok(None);
    }
    bytes
        .try_into()
        .map(Some)
        .map_err(|_| InvalidField::new("idempotency_key_digest", "neither empty nor 32 bytes"))
}
