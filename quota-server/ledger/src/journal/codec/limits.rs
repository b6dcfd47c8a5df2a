//! The encoding of limits, of their counters, and of where requests count.

use super::message::{code, coded, narrow};
use super::pinned::parsed;
use super::{InvalidEncoding, Message, Reader, Writer};
use crate::limit::counter::{Counted, Counter, Counts, Subject};
use crate::limit::measure::Measure;
use crate::limit::reached::LimitReached;
use crate::limit::window::{Span, Window};
use crate::limit::{Each, Limit, LimitScope, LimitTerms};
use crate::time::UnixMs;
use ferry_types::Currency;

/// The version byte of what is written now.
const VERSION: u8 = 1;

impl Limit {
    /// Its stored bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::versioned(VERSION);
        self.write(&mut to);
        to.into_bytes()
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`InvalidEncoding`] says what is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidEncoding> {
        let mut from = Reader::versioned(bytes, VERSION)?;
        let limit = Self::read(&mut from)?;
        from.finish()?;
        Ok(limit)
    }
}

impl Counter {
    /// Its stored bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::versioned(VERSION);
        to.bytes(1, significant(&self.held.to_be_bytes()));
        to.bytes(2, significant(&self.used.to_be_bytes()));
        to.into_bytes()
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`InvalidEncoding`] says what is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidEncoding> {
        let mut from = Reader::versioned(bytes, VERSION)?;
        let counter = Self {
            held: wide(&mut from, 1)?,
            used: wide(&mut from, 2)?,
        };
        from.finish()?;
        Ok(counter)
    }
}

/// The bytes of a number from its first that is not zero on.
fn significant(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

fn wide(from: &mut Reader<'_>, tag: u8) -> Result<u128, InvalidEncoding> {
    let bytes = from.bytes(tag)?;
    if bytes.len() > size_of::<u128>() || bytes.first() == Some(&0) {
        return Err(InvalidEncoding::InvalidField(tag));
    }
    let number = bytes
        .iter()
        .fold(0u128, |number, byte| (number << 8) | u128::from(*byte));
    Ok(number)
}

impl Message for LimitScope {
    fn write(&self, to: &mut Writer) {
        let Self {
            key,
            model,
            feature,
            environment,
            end_user,
        } = self;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        to.text(1, key.as_ref().map_or("", |key| key.as_str()));
        to.text(2, &text(model));
        to.text(3, &text(feature));
        to.text(4, &text(environment));
        to.text(5, &text(end_user));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        let key = from.text(1)?;
        let key = Some(key).filter(|key| !key.is_empty());
        let key = key.map(|key| key.parse()).transpose();
        let mut text = |tag| -> Result<Option<String>, InvalidEncoding> {
            let text = from.text(tag)?;
            Ok(Some(text).filter(|text| !text.is_empty()))
        };
        Ok(Self {
            key: key.map_err(|_| InvalidEncoding::InvalidField(1))?,
            model: text(2)?,
            feature: text(3)?,
            environment: text(4)?,
            end_user: text(5)?,
        })
    }
}

impl Message for LimitTerms {
    fn write(&self, to: &mut Writer) {
        to.number(1, code(&Measure::ALL, &self.measure));
        to.number(2, code(&Span::ALL, &self.span));
        let scope = Some(&self.scope).filter(|scope| !scope.is_everything());
        to.some_message(3, scope);
        to.some_number(4, self.each.map(|each| code(&Each::ALL, &each)));
        to.number(5, self.bound);
        to.number(6, u64::from(self.subjects_max));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            measure: coded(&Measure::ALL, from, 1)?,
            span: coded(&Span::ALL, from, 2)?,
            scope: from.some_message(3)?.unwrap_or_default(),
            each: some_each(from, 4)?,
            bound: from.number(5)?,
            subjects_max: narrow(from, 6)?,
        })
    }
}

fn some_each(from: &mut Reader<'_>, tag: u8) -> Result<Option<Each>, InvalidEncoding> {
    // None has no field.
    let mut ahead = from.clone();
    if ahead.some_field(tag)?.is_none() {
        return Ok(None);
    }
    coded(&Each::ALL, from, tag).map(Some)
}

fn subject(from: &mut Reader<'_>, tag: u8) -> Result<Subject, InvalidEncoding> {
    Subject::from_text(&from.text(tag)?).ok_or(InvalidEncoding::InvalidField(tag))
}

impl Message for Limit {
    fn write(&self, to: &mut Writer) {
        to.message(1, &self.terms);
        to.number(2, self.number);
        to.some_message(3, self.window.as_ref());
        to.number(4, self.subjects);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            terms: from.message(1)?,
            number: from.number(2)?,
            window: from.some_message(3)?,
            subjects: from.number(4)?,
        })
    }
}

impl Message for Window {
    fn write(&self, to: &mut Writer) {
        to.number(1, self.start.0);
        to.some_number(2, self.end.map(|end| end.0));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            start: UnixMs(from.number(1)?),
            end: from.some_number(2)?.map(UnixMs),
        })
    }
}

impl Message for Counted {
    fn write(&self, to: &mut Writer) {
        to.number(1, self.limit);
        to.text(2, &self.subject.text());
        to.message(3, &self.window);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            limit: from.number(1)?,
            subject: subject(from, 2)?,
            window: from.message(3)?,
        })
    }
}

impl Message for LimitReached {
    fn write(&self, to: &mut Writer) {
        to.text(1, self.limit.as_str());
        to.number(2, code(&Measure::ALL, &self.measure));
        to.number(3, code(&Span::ALL, &self.span));
        to.flag(4, self.of_tenant);
        to.some_number(5, self.each.map(|each| code(&Each::ALL, &each)));
        to.text(6, &self.subject.text());
        to.number(7, self.bound);
        to.number(8, self.counted);
        to.number(9, self.held);
        to.number(10, self.requested);
        to.some_number(11, self.resets_at.map(|at| at.0));
        to.some_number(12, self.resets_in_ms);
        to.number(13, code(&Currency::ALL, &self.currency));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            limit: parsed(from, 1)?,
            measure: coded(&Measure::ALL, from, 2)?,
            span: coded(&Span::ALL, from, 3)?,
            of_tenant: from.flag(4)?,
            each: some_each(from, 5)?,
            subject: subject(from, 6)?,
            bound: from.number(7)?,
            counted: from.number(8)?,
            held: from.number(9)?,
            requested: from.number(10)?,
            resets_at: from.some_number(11)?.map(UnixMs),
            resets_in_ms: from.some_number(12)?,
            currency: coded(&Currency::ALL, from, 13)?,
        })
    }
}

/// Where a request counts, as the last fields of what says it.
pub(super) fn write_counts(to: &mut Writer, tags: [u8; 2], counts: &Counts) {
    let [counted, version] = tags;
    to.messages(counted, &counts.counted);
    to.text(version, &counts.zones_version);
}

pub(super) fn counts(from: &mut Reader<'_>, tags: [u8; 2]) -> Result<Counts, InvalidEncoding> {
    let [counted, version] = tags;
    Ok(Counts {
        counted: from.messages(counted)?,
        zones_version: from.text(version)?,
    })
}
