//! The encoding of what a reservation pins and what it is charged: rates, offers, charges.

use super::message::{code, coded, names, narrow, write_names};
use super::{InvalidEncoding, Message, Reader, Writer};
use crate::flag::Flags;
use crate::lifeless::Lifeless;
use crate::offer::{Candidate, ModelLimits, Offer};
use crate::reservation::{Charge, Owner};
use ferry_types::{Amount, Currency, Exchange, ExchangeRate, Price, PrincipalName, Rates};

pub(crate) fn amount(from: &mut Reader<'_>, tag: u8) -> Result<Amount, InvalidEncoding> {
    let units = from.number(tag)?;
    i64::try_from(units)
        .ok()
        .and_then(Amount::from_units)
        .ok_or(InvalidEncoding::InvalidField(tag))
}

pub(crate) fn units(amount: Amount) -> u64 {
    amount.units().unsigned_abs()
}

fn price(from: &mut Reader<'_>, tag: u8) -> Result<Option<Price>, InvalidEncoding> {
    let Some(units) = from.some_number(tag)? else {
        return Ok(None);
    };
    i64::try_from(units)
        .ok()
        .and_then(Amount::from_units)
        .map(|amount| Some(Price::per_million(amount)))
        .ok_or(InvalidEncoding::InvalidField(tag))
}

pub(crate) fn flags(from: &mut Reader<'_>, tag: u8) -> Result<Flags, InvalidEncoding> {
    Flags::from_bits(narrow(from, tag)?).ok_or(InvalidEncoding::InvalidField(tag))
}

pub(crate) fn parsed<T: core::str::FromStr>(
    from: &mut Reader<'_>,
    tag: u8,
) -> Result<T, InvalidEncoding> {
    from.text(tag)?
        .parse()
        .map_err(|_| InvalidEncoding::InvalidField(tag))
}

/// A principal that may be absent.
pub(crate) fn some_principal(to: &mut Writer, tag: u8, principal: Option<&PrincipalName>) {
    if let Some(principal) = principal {
        to.text(tag, principal.as_str());
    }
}

pub(crate) fn read_some_principal(
    from: &mut Reader<'_>,
    tag: u8,
) -> Result<Option<PrincipalName>, InvalidEncoding> {
    let text = from.text(tag)?;
    if text.is_empty() {
        return Ok(None);
    }
    let principal = text.parse();
    principal
        .map(Some)
        .map_err(|_| InvalidEncoding::InvalidField(tag))
}

impl Message for Owner {
    fn write(&self, to: &mut Writer) {
        to.text(1, self.principal.as_str());
        to.text(2, self.key.as_str());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            principal: parsed(from, 1)?,
            key: parsed(from, 2)?,
        })
    }
}

impl Message for Rates {
    fn write(&self, to: &mut Writer) {
        let price = |price: Price| units(price.amount());
        to.number(1, price(self.input));
        to.number(2, price(self.output));
        to.some_number(3, self.cached_input.map(price));
        to.some_number(4, self.cache_write.map(price));
        to.some_number(5, self.audio_input.map(price));
        to.some_number(6, self.reasoning.map(price));
        to.some_number(7, self.audio_output.map(price));
        to.number(8, units(self.per_request));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            input: Price::per_million(amount(from, 1)?),
            output: Price::per_million(amount(from, 2)?),
            cached_input: price(from, 3)?,
            cache_write: price(from, 4)?,
            audio_input: price(from, 5)?,
            reasoning: price(from, 6)?,
            audio_output: price(from, 7)?,
            per_request: amount(from, 8)?,
        })
    }
}

impl Message for Candidate {
    fn write(&self, to: &mut Writer) {
        to.text(1, &self.provider);
        to.text(2, &self.model);
        to.text(3, &self.output_limit_field);
        to.message(4, &self.cost);
        write_names(to, 5, &self.aliases);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            provider: from.text(1)?,
            model: from.text(2)?,
            output_limit_field: from.text(3)?,
            cost: from.message(4)?,
            aliases: names(from, 5)?,
        })
    }
}

impl Message for ModelLimits {
    fn write(&self, to: &mut Writer) {
        to.number(1, self.context_tokens_max);
        to.number(2, self.output_tokens_max);
        to.number(3, self.output_tokens_floor);
        to.number(4, u64::from(self.choices_max));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            context_tokens_max: from.number(1)?,
            output_tokens_max: from.number(2)?,
            output_tokens_floor: from.number(3)?,
            choices_max: narrow(from, 4)?,
        })
    }
}

impl Message for Offer {
    fn write(&self, to: &mut Writer) {
        to.text(1, &self.price_version);
        to.text(2, &self.policy_version);
        to.text(3, &self.model);
        to.messages(4, &self.candidates);
        to.message(5, &self.customer);
        to.message(6, &self.limits);
        to.number(7, self.clamp_ceiling);
        to.number(8, self.output_tokens_median);
        to.number(9, code(&Currency::ALL, &self.currency));
        to.some_message(10, self.exchange.as_ref());
        let charges = match self.lifeless {
            Lifeless::Release => false,
            Lifeless::Charge => true,
        };
        to.flag(11, charges);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            price_version: from.text(1)?,
            policy_version: from.text(2)?,
            model: from.text(3)?,
            candidates: from.messages(4)?,
            customer: from.message(5)?,
            limits: from.message(6)?,
            clamp_ceiling: from.number(7)?,
            output_tokens_median: from.number(8)?,
            currency: coded(&Currency::ALL, from, 9)?,
            exchange: from.some_message(10)?,
            lifeless: match from.flag(11)? {
                false => Lifeless::Release,
                true => Lifeless::Charge,
            },
        })
    }
}

impl Message for Exchange {
    fn write(&self, to: &mut Writer) {
        to.number(1, code(&Currency::ALL, &self.from));
        to.number(2, self.rate.units().unsigned_abs());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        let currency = coded(&Currency::ALL, from, 1)?;
        let units = i64::try_from(from.number(2)?).ok();
        let rate = units.and_then(ExchangeRate::from_units);
        Ok(Self {
            from: currency,
            rate: rate.ok_or(InvalidEncoding::InvalidField(2))?,
        })
    }
}

/// One amount, as a field that may stand several times.
struct Line(Amount);

impl Message for Line {
    fn write(&self, to: &mut Writer) {
        to.number(1, units(self.0));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self(amount(from, 1)?))
    }
}

impl Message for Charge {
    fn write(&self, to: &mut Writer) {
        to.message(1, &self.usage);
        to.number(2, units(self.priced));
        to.number(3, units(self.suspended));
        to.number(4, units(self.charged));
        let lines: Vec<Line> = self.costs.iter().copied().map(Line).collect();
        to.messages(5, &lines);
        to.messages(6, &self.grants);
        to.number(7, units(self.absorbed));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        let lines = |lines: Vec<Line>| lines.into_iter().map(|Line(cost)| cost).collect();
        Ok(Self {
            usage: from.message(1)?,
            priced: amount(from, 2)?,
            suspended: amount(from, 3)?,
            charged: amount(from, 4)?,
            costs: lines(from.messages(5)?),
            grants: from.messages(6)?,
            absorbed: amount(from, 7)?,
        })
    }
}
