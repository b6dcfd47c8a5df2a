//! The encoding of rows: reservations, and refusals that are kept beside the journal. Rows are projections; a new version may
//! encode them anew.

use super::event::id;
use super::message::narrow;
use super::parked::{parked_after, write_parked_after};
use super::pinned::{amount, flags, read_some_principal, some_principal, units};
use super::{InvalidEncoding, Message, Reader, Writer};
use crate::offer::Offer;
use crate::refusal::Refusal;
use crate::reservation::{
    First, Freed, Hold, ParkedSettlement, Posting, Refused, Reservation, Standing, State,
};
use crate::time::UnixMs;
use ferry_types::{Balance, Currency};
use std::sync::Arc;

/// The version byte of what has no field that came later.
const FIRST: u8 = 1;
/// And of what has one: where a request counts, or what it had been told before its settle was kept.
const SECOND: u8 = 2;

/// The field of where a request counts: new in version 2.
const COUNTED: u8 = 10;
/// The field of what a request had been told before its settle was kept: new in version 2 too.
const PARKED_AFTER: u8 = 11;

const OPEN: u64 = 1;
const SETTLED: u64 = 2;
const RELEASED: u64 = 3;
const EXPIRED: u64 = 4;
const PARKED: u64 = 5;

impl Reservation {
    /// The version byte that says which fields it may have: one content has one encoding.
    fn version(&self) -> u8 {
        let told_before = match &self.state {
            State::Parked(parked) => parked.after,
            State::Open | State::Settled(_) | State::Released(_) | State::Expired(_) => None,
        };
        if told_before.is_none() && self.counted.is_empty() {
            FIRST
        } else {
            SECOND
        }
    }

    /// Its stored bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::versioned(self.version());
        self.write(&mut to);
        to.into_bytes()
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`InvalidEncoding`] says what is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidEncoding> {
        let (mut from, is_second) = Reader::either(bytes, [FIRST, SECOND])?;
        let row = Self::read(&mut from)?;
        from.finish()?;
        let told = if is_second { SECOND } else { FIRST };
        if row.version() != told {
            return Err(InvalidEncoding::Version(told));
        }
        Ok(row)
    }
}

impl Refused {
    /// Its stored bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::versioned(FIRST);
        self.write(&mut to);
        to.into_bytes()
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`InvalidEncoding`] says what is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidEncoding> {
        let mut from = Reader::versioned(bytes, FIRST)?;
        let row = Self::read(&mut from)?;
        from.finish()?;
        Ok(row)
    }
}

impl Message for Reservation {
    fn write(&self, to: &mut Writer) {
        to.bytes(1, self.id.as_bytes());
        to.message(2, &self.owner);
        to.some_message(3, self.facts.as_ref());
        to.some_message::<Offer>(4, self.offer.as_deref());
        to.some_message(5, self.hold.as_ref());
        let state = match &self.state {
            State::Open => OPEN,
            State::Settled(_) => SETTLED,
            State::Released(_) => RELEASED,
            State::Expired(_) => EXPIRED,
            State::Parked(_) => PARKED,
        };
        to.number(6, state);
        match &self.state {
            State::Open => {}
            State::Settled(posting) | State::Expired(posting) => to.message(7, posting.as_ref()),
            State::Released(freed) => to.message(7, freed),
            State::Parked(parked) => {
                to.message(7, &parked.settlement);
                to.number(8, parked.at.0);
                to.number(9, parked.seq);
                write_parked_after(to, PARKED_AFTER, parked.after);
            }
        }
        to.messages(COUNTED, &self.counted);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            id: id(from, 1)?,
            owner: from.message(2)?,
            facts: from.some_message(3)?,
            offer: from.some_message(4)?.map(Arc::new),
            hold: from.some_message(5)?,
            state: match from.number(6)? {
                OPEN => State::Open,
                SETTLED => State::Settled(Box::new(from.message(7)?)),
                RELEASED => State::Released(from.message(7)?),
                EXPIRED => State::Expired(Box::new(from.message(7)?)),
                PARKED => State::Parked(Box::new(ParkedSettlement {
                    settlement: from.message(7)?,
                    at: UnixMs(from.number(8)?),
                    seq: from.number(9)?,
                    after: parked_after(from, PARKED_AFTER)?,
                })),
                _ => return Err(InvalidEncoding::InvalidField(6)),
            },
            counted: from.messages(COUNTED)?,
        })
    }
}

impl Message for Hold {
    fn write(&self, to: &mut Writer) {
        to.number(1, self.granted_at.0);
        to.number(2, units(self.reserved));
        to.number(3, self.output_tokens_max);
        to.flag(4, self.clamped);
        to.number(5, self.lease_until.0);
        to.some_message(6, self.used.as_ref());
        to.text(7, &self.would_refuse);
        to.messages(8, &self.grants);
        to.some_message(9, self.first.as_ref());
        to.number(10, self.seq);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            granted_at: UnixMs(from.number(1)?),
            reserved: amount(from, 2)?,
            output_tokens_max: from.number(3)?,
            clamped: from.flag(4)?,
            lease_until: UnixMs(from.number(5)?),
            used: from.some_message(6)?,
            would_refuse: from.text(7)?,
            grants: from.messages(8)?,
            first: from.some_message(9)?,
            seq: from.number(10)?,
        })
    }
}

impl Message for First {
    fn write(&self, to: &mut Writer) {
        to.number(1, units(self.reserved));
        to.number(2, self.output_tokens_max);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            reserved: amount(from, 1)?,
            output_tokens_max: from.number(2)?,
        })
    }
}

impl Message for Posting {
    fn write(&self, to: &mut Writer) {
        to.some_message(1, self.settlement.as_ref());
        to.message(2, &self.charge);
        to.number(3, units(self.released));
        to.number(4, u64::from(self.flags.bits()));
        to.number(5, self.at.0);
        to.number(6, self.seq);
        some_principal(to, 7, self.by.as_ref());
        to.some_message(8, self.standing.as_deref());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            settlement: from.some_message(1)?,
            charge: from.message(2)?,
            released: amount(from, 3)?,
            flags: flags(from, 4)?,
            at: UnixMs(from.number(5)?),
            seq: from.number(6)?,
            by: read_some_principal(from, 7)?,
            standing: from.some_message(8)?.map(Box::new),
        })
    }
}

impl Message for Standing {
    fn write(&self, to: &mut Writer) {
        to.number(1, units(self.on_balance));
        to.messages(2, &self.grants);
        to.number(3, units(self.judged));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            on_balance: amount(from, 1)?,
            grants: from.messages(2)?,
            judged: amount(from, 3)?,
        })
    }
}

impl Message for Freed {
    fn write(&self, to: &mut Writer) {
        to.number(1, units(self.released));
        to.number(2, self.at.0);
        to.number(3, self.seq);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            released: amount(from, 1)?,
            at: UnixMs(from.number(2)?),
            seq: from.number(3)?,
        })
    }
}

impl Message for Refused {
    fn write(&self, to: &mut Writer) {
        to.message(1, &self.owner);
        to.bytes(2, &self.facts_digest);
        to.bytes(3, &self.facts_marks);
        to.message(4, &self.refusal);
        to.number(5, self.at.0);
        to.number(6, self.seq);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            owner: from.message(1)?,
            facts_digest: from
                .bytes(2)?
                .try_into()
                .map_err(|_| InvalidEncoding::InvalidField(2))?,
            facts_marks: from
                .bytes(3)?
                .try_into()
                .map_err(|_| InvalidEncoding::InvalidField(3))?,
            refusal: from.message(4)?,
            at: UnixMs(from.number(5)?),
            seq: from.number(6)?,
        })
    }
}

fn currency(from: &mut Reader<'_>, tag: u8) -> Result<Currency, InvalidEncoding> {
    super::message::coded(&Currency::ALL, from, tag)
}

fn currency_code(currency: Currency) -> u64 {
    super::message::code(&Currency::ALL, &currency)
}

impl Message for Refusal {
    fn write(&self, to: &mut Writer) {
        to.number(1, u64::from(self.code()));
        match self {
            Self::UnknownKey
            | Self::KeyRevoked
            | Self::KeyExpired
            | Self::KeyPaused
            | Self::TenantClosed
            | Self::TenantPaused
            | Self::BookFrozen
            | Self::GatewayOutOfScope
            | Self::ClockSkew
            | Self::AudioNotPriced
            | Self::IdempotencyKeyInUse => {}
            Self::ModelNotFound { model: text } | Self::ServiceTierNotPriced { tier: text } => {
                to.text(2, text);
            }
            Self::TooManyChoices {
                choices,
                choices_max,
            } => {
                to.number(2, u64::from(*choices));
                to.number(3, u64::from(*choices_max));
            }
            Self::ContextLengthExceeded {
                input_tokens_min,
                context_tokens_max,
            } => {
                to.number(2, *input_tokens_min);
                to.number(3, *context_tokens_max);
            }
            Self::LimitReached(reached) => to.message(2, reached.as_ref()),
            Self::TenantInDebt { owed, currency } => {
                to.number(2, units(*owed));
                to.number(3, currency_code(*currency));
            }
            Self::InsufficientFunds {
                available,
                affordable_output_tokens,
                currency,
            } => {
                // The bits of the signed number.
                to.number(2, u64::from_be_bytes(available.units().to_be_bytes()));
                to.some_number(3, *affordable_output_tokens);
                to.number(4, currency_code(*currency));
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        let code = narrow(from, 1)?;
        Ok(match code {
            1 => Self::UnknownKey,
            2 => Self::KeyRevoked,
            3 => Self::KeyExpired,
            4 => Self::KeyPaused,
            5 => Self::TenantPaused,
            6 => Self::BookFrozen,
            7 => Self::ClockSkew,
            8 => Self::ModelNotFound {
                model: from.text(2)?,
            },
            9 => Self::TooManyChoices {
                choices: narrow(from, 2)?,
                choices_max: narrow(from, 3)?,
            },
            10 => Self::ServiceTierNotPriced {
                tier: from.text(2)?,
            },
            11 => Self::AudioNotPriced,
            12 => Self::ContextLengthExceeded {
                input_tokens_min: from.number(2)?,
                context_tokens_max: from.number(3)?,
            },
            13 => Self::TenantInDebt {
                owed: amount(from, 2)?,
                currency: currency(from, 3)?,
            },
            14 => Self::InsufficientFunds {
                available: Balance::from_units(i64::from_be_bytes(from.number(2)?.to_be_bytes())),
                affordable_output_tokens: from.some_number(3)?,
                currency: currency(from, 4)?,
            },
            15 => Self::IdempotencyKeyInUse,
            16 => Self::GatewayOutOfScope,
            17 => Self::TenantClosed,
            18 => Self::LimitReached(Box::new(from.message(2)?)),
            _ => return Err(InvalidEncoding::InvalidField(1)),
        })
    }
}
