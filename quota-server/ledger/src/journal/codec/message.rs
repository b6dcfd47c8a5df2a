//! The encoding of what gateways say: facts, usage, attempts, settlements; and of codes and names.

use super::{InvalidEncoding, Message, Reader, Writer};
use ferry_types::{
    Attempt, EndCause, Endpoint, Mode, RequestFacts, Settlement, Tags, TokenClass, Usage,
    UsageSource,
};
use std::collections::BTreeSet;

/// A stored code as one of these values: their order is the order of the codes, which begin at 1.
pub(crate) fn coded<T: Copy>(
    all: &[T],
    from: &mut Reader<'_>,
    tag: u8,
) -> Result<T, InvalidEncoding> {
    let code = from.number(tag)?;
    usize::try_from(code)
        .ok()
        .and_then(|code| code.checked_sub(1))
        .and_then(|index| all.get(index))
        .copied()
        .ok_or(InvalidEncoding::InvalidField(tag))
}

/// The stored code of one of these values.
pub(crate) fn code<T: PartialEq>(all: &[T], value: &T) -> u64 {
    all.iter()
        .zip(1u64..)
        .find(|(known, _)| *known == value)
        .map_or(0, |(_, code)| code)
}

const ENDPOINTS: [Endpoint; 1] = [Endpoint::ChatCompletions];
const MODES: [Mode; 2] = [Mode::Enforce, Mode::Shadow];

pub(crate) fn narrow(from: &mut Reader<'_>, tag: u8) -> Result<u32, InvalidEncoding> {
    u32::try_from(from.number(tag)?).map_err(|_| InvalidEncoding::InvalidField(tag))
}

/// One name, as a field that may stand several times.
struct Name(String);

impl Message for Name {
    fn write(&self, to: &mut Writer) {
        to.text(1, &self.0);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self(from.text(1)?))
    }
}

/// A set of names.
pub(crate) fn write_names(to: &mut Writer, tag: u8, names: &BTreeSet<String>) {
    let names: Vec<Name> = names.iter().cloned().map(Name).collect();
    to.messages(tag, &names);
}

/// A set has one encoding: in order, each name once.
pub(crate) fn names(from: &mut Reader<'_>, tag: u8) -> Result<BTreeSet<String>, InvalidEncoding> {
    let names: Vec<Name> = from.messages(tag)?;
    if !names.is_sorted_by(|Name(a), Name(b)| a < b) {
        return Err(InvalidEncoding::InvalidField(tag));
    }
    Ok(names.into_iter().map(|Name(name)| name).collect())
}

impl Message for Tags {
    fn write(&self, to: &mut Writer) {
        let Self {
            feature,
            environment,
            end_user,
            session,
            agent,
        } = self;
        to.text(1, feature);
        to.text(2, environment);
        to.text(3, end_user);
        to.text(4, session);
        to.text(5, agent);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            feature: from.text(1)?,
            environment: from.text(2)?,
            end_user: from.text(3)?,
            session: from.text(4)?,
            agent: from.text(5)?,
        })
    }
}

impl Message for RequestFacts {
    fn write(&self, to: &mut Writer) {
        to.number(1, code(&ENDPOINTS, &self.endpoint));
        to.text(2, &self.model);
        to.flag(3, self.stream);
        to.number(4, self.input_tokens_max);
        to.number(5, self.input_tokens_estimate);
        to.flag(6, self.input_unbounded);
        to.some_number(7, self.output_tokens_max);
        to.number(8, u64::from(self.choices));
        to.flag(9, self.output_audio);
        to.text(10, &self.service_tier);
        to.text(11, &self.route);
        to.number(12, code(&MODES, &self.mode));
        let tags = Some(&self.tags).filter(|tags| !tags.is_empty());
        to.some_message(13, tags);
        let digest = self.idempotency_key_digest.as_ref();
        to.bytes(14, digest.map_or(&[], |digest| digest));
        to.flag(15, self.admitted_offline);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            endpoint: coded(&ENDPOINTS, from, 1)?,
            model: from.text(2)?,
            stream: from.flag(3)?,
            input_tokens_max: from.number(4)?,
            input_tokens_estimate: from.number(5)?,
            input_unbounded: from.flag(6)?,
            output_tokens_max: from.some_number(7)?,
            choices: narrow(from, 8)?,
            output_audio: from.flag(9)?,
            service_tier: from.text(10)?,
            route: from.text(11)?,
            mode: coded(&MODES, from, 12)?,
            tags: from.some_message(13)?.unwrap_or_default(),
            idempotency_key_digest: match from.bytes(14)? {
                [] => None,
                digest => Some(
                    digest
                        .try_into()
                        .map_err(|_| InvalidEncoding::InvalidField(14))?,
                ),
            },
            admitted_offline: from.flag(15)?,
        })
    }
}

impl Message for Usage {
    fn write(&self, to: &mut Writer) {
        for (class, tag) in TokenClass::ALL.iter().zip(1..) {
            to.number(tag, self.of(*class));
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            input_tokens: from.number(1)?,
            cached_input_tokens: from.number(2)?,
            cache_write_tokens: from.number(3)?,
            audio_input_tokens: from.number(4)?,
            output_tokens: from.number(5)?,
            reasoning_tokens: from.number(6)?,
            audio_output_tokens: from.number(7)?,
        })
    }
}

impl Message for Attempt {
    fn write(&self, to: &mut Writer) {
        to.text(1, &self.provider);
        to.text(2, &self.model);
        to.number(3, u64::from(self.status));
        to.message(4, &self.usage);
        to.number(5, code(&UsageSource::ALL, &self.source));
        to.text(6, &self.provider_request_id);
        to.text(7, &self.service_tier);
        to.number(8, self.latency_ms);
        to.some_number(9, self.first_byte_ms);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            provider: from.text(1)?,
            model: from.text(2)?,
            status: narrow(from, 3)?,
            usage: from.message(4)?,
            source: coded(&UsageSource::ALL, from, 5)?,
            provider_request_id: from.text(6)?,
            service_tier: from.text(7)?,
            latency_ms: from.number(8)?,
            first_byte_ms: from.some_number(9)?,
        })
    }
}

impl Message for Settlement {
    fn write(&self, to: &mut Writer) {
        to.message(1, &self.facts);
        to.number(2, self.output_tokens_max);
        to.number(3, code(&EndCause::ALL, &self.cause));
        to.messages(4, &self.attempts);
        to.number(5, self.latency_ms);
        to.number(6, u64::from(self.status));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            facts: from.message(1)?,
            output_tokens_max: from.number(2)?,
            cause: coded(&EndCause::ALL, from, 3)?,
            attempts: from.messages(4)?,
            latency_ms: from.number(5)?,
            status: narrow(from, 6)?,
        })
    }
}
