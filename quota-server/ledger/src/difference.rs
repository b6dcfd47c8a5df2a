//! Comparison by content: the first field in which two messages about the same reservation differ.

use crate::journal::codec::{Message, Reader, Writer};
use ferry_types::{Attempt, RequestFacts, Settlement};
use sha2::{Digest, Sha256};

/// The first field in which these facts differ.
pub(crate) fn facts(stored: &RequestFacts, told: &RequestFacts) -> Option<String> {
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
    } = stored;
    first(&[
        ("endpoint", *endpoint != told.endpoint),
        ("model", *model != told.model),
        ("stream", *stream != told.stream),
        (
            "input_tokens_max",
            *input_tokens_max != told.input_tokens_max,
        ),
        (
            "input_tokens_estimate",
            *input_tokens_estimate != told.input_tokens_estimate,
        ),
        ("input_unbounded", *input_unbounded != told.input_unbounded),
        (
            "output_tokens_max",
            *output_tokens_max != told.output_tokens_max,
        ),
        ("choices", *choices != told.choices),
        ("output_audio", *output_audio != told.output_audio),
        ("service_tier", *service_tier != told.service_tier),
        ("route", *route != told.route),
        ("mode", *mode != told.mode),
        ("tags", *tags != told.tags),
        (
            "idempotency_key_digest",
            *idempotency_key_digest != told.idempotency_key_digest,
        ),
        (
            "admitted_offline",
            *admitted_offline != told.admitted_offline,
        ),
    ])
    .map(|field| format!("facts.{field}"))
}

/// The first field in which these settlements differ.
pub(crate) fn settlement(stored: &Settlement, told: &Settlement) -> Option<String> {
    let Settlement {
        facts: stored_facts,
        output_tokens_max,
        cause,
        attempts,
        latency_ms,
        status,
    } = stored;
    facts(stored_facts, &told.facts)
        .or_else(|| {
            first(&[
                (
                    "output_tokens_max",
                    *output_tokens_max != told.output_tokens_max,
                ),
                ("cause", *cause != told.cause),
                ("attempts", attempts.len() != told.attempts.len()),
            ])
            .map(String::from)
        })
        .or_else(|| {
            let pairs = attempts.iter().zip(&told.attempts).enumerate();
            pairs
                .filter_map(|(i, (old, new))| Some(format!("attempts[{i}].{}", attempt(old, new)?)))
                .next()
        })
        .or_else(|| {
            first(&[
                ("latency_ms", *latency_ms != told.latency_ms),
                ("status", *status != told.status),
            ])
            .map(String::from)
        })
}

fn attempt(stored: &Attempt, told: &Attempt) -> Option<&'static str> {
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
    } = stored;
    first(&[
        ("provider", *provider != told.provider),
        ("model", *model != told.model),
        ("status", *status != told.status),
        ("usage", *usage != told.usage),
        ("source", *source != told.source),
        (
            "provider_request_id",
            *provider_request_id != told.provider_request_id,
        ),
        ("service_tier", *service_tier != told.service_tier),
        ("latency_ms", *latency_ms != told.latency_ms),
        ("first_byte_ms", *first_byte_ms != told.first_byte_ms),
    ])
}

fn first(differs: &[(&'static str, bool)]) -> Option<&'static str> {
    differs
        .iter()
        .find(|(_, differs)| *differs)
        .map(|(field, _)| *field)
}

/// The facts in the order of their tags as they are stored, which is that of comparing them.
const FACTS: [&str; 15] = [
    "endpoint",
    "model",
    "stream",
    "input_tokens_max",
    "input_tokens_estimate",
    "input_unbounded",
    "output_tokens_max",
    "choices",
    "output_audio",
    "service_tier",
    "route",
    "mode",
    "tags",
    "idempotency_key_digest",
    "admitted_offline",
];

/// A byte a fact, where a digest alone could not say which one differs. One in 256 that differ look the same.
pub(crate) fn marks(facts: &RequestFacts) -> [u8; FACTS.len()] {
    let mut writer = Writer::versioned(0);
    facts.write(&mut writer);
    let bytes = writer.into_bytes();
    let mut reader = Reader::versioned(&bytes, 0).ok();
    let mut tags = 1u8..;
    [(); FACTS.len()].map(|()| {
        let field = tags.next().zip(reader.as_mut());
        let field = field.and_then(|(tag, reader)| reader.some_field(tag).ok()?);
        field.map_or(0, |value| {
            Sha256::digest(value).first().copied().unwrap_or(0)
        })
    })
}

/// The first fact whose mark differs, or that one of them does.
pub(crate) fn marked(stored: &[u8; FACTS.len()], told: &[u8; FACTS.len()]) -> String {
    let pairs = FACTS.iter().zip(stored.iter().zip(told));
    let mut differing = pairs.filter(|(_, (stored, told))| stored != told);
    let field = differing.next();
    field.map_or_else(|| "facts".into(), |(field, _)| format!("facts.{field}"))
}

/// A digest of the facts, where keeping them whole would be too much.
pub(crate) fn digest(facts: &RequestFacts) -> [u8; 32] {
    let mut writer = Writer::default();
    facts.write(&mut writer);
    Sha256::digest(writer.into_bytes()).into()
}
