//! The encoding of the house's events, and of its movements as the book keeps them.

use super::message::{code, coded};
use super::pinned::{amount, parsed, units};
use super::{InvalidEncoding, Message, Reader, Writer};
use crate::correction::Reason;
use crate::event::Event;
use crate::house::{
    Cause, Deviation, HouseEvent, Money, Move, Moved, Movement, Parts, PostedMovement,
};
use crate::time::UnixMs;
use ferry_types::{Currency, MovementId};
use std::borrow::Cow;

/// The version byte of what is written now.
const VERSION: u8 = 1;

/// Beyond the kinds of tenants' books, so that no entry of theirs is read as one of the house's.
const MOVED: u8 = 64;

const PAY: u64 = 1;
const PREPAY: u64 = 2;
const SET_OFF: u64 = 3;
const PAY_RESELLER: u64 = 4;
const VARIANCE: u64 = 5;
const RESOLVE: u64 = 6;
const EXCHANGE: u64 = 7;
const REVERSE: u64 = 8;

impl HouseEvent {
    /// The stored code of its kind. Those of a seal and of a thaw are the same in every book.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Moved(_) => MOVED,
            Self::MonthSealed(_) => Event::MONTH_SEALED,
            Self::Thawed(_) => Event::THAWED,
        }
    }

    /// Its stored bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Moved(moved) => {
                let mut to = Writer::versioned(VERSION);
                to.text(1, moved.id.as_str());
                to.message(2, &moved.movement);
                to.into_bytes()
            }
            Self::MonthSealed(sealed) => Event::MonthSealed(*sealed).encode(),
            Self::Thawed(thaw) => Event::Thawed(thaw.clone()).encode(),
        }
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`InvalidEncoding`] says what is wrong with them.
    pub fn decode(kind: u8, content: &[u8]) -> Result<Self, InvalidEncoding> {
        if kind == Event::MONTH_SEALED
            && let Event::MonthSealed(sealed) = Event::decode(kind, content)?
        {
            return Ok(Self::MonthSealed(sealed));
        }
        if kind == Event::THAWED
            && let Event::Thawed(thaw) = Event::decode(kind, content)?
        {
            return Ok(Self::Thawed(thaw));
        }
        if kind != MOVED {
            return Err(InvalidEncoding::Kind(kind));
        }
        let mut from = Reader::versioned(content, VERSION)?;
        let moved = Moved {
            id: parsed(&mut from, 1)?,
            movement: from.message(2)?,
        };
        from.finish()?;
        Ok(Self::Moved(moved))
    }
}

impl Message for Money {
    fn write(&self, to: &mut Writer) {
        to.number(1, units(self.amount));
        to.number(2, code(&Currency::ALL, &self.currency));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            amount: amount(from, 1)?,
            currency: coded(&Currency::ALL, from, 2)?,
        })
    }
}

impl Message for Move {
    fn write(&self, to: &mut Writer) {
        let Self::Reverse {
            movement,
            undone,
            reason,
        } = self
        else {
            return write_plain(self, to);
        };
        to.number(1, REVERSE);
        to.message(9, &Undone(Cow::Borrowed(undone)));
        to.text(10, movement.as_str());
        to.number(11, code(&Reason::ALL, reason));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        match from.number(1)? {
            REVERSE => {
                let Undone(undone) = from.message(9)?;
                Ok(Self::Reverse {
                    undone: Box::new(undone.into_owned()),
                    movement: parsed(from, 10)?,
                    reason: coded(&Reason::ALL, from, 11)?,
                })
            }
            kind => read_plain(kind, from),
        }
    }
}

/// What a reversal takes back: no reversal, so that nothing nests.
struct Undone<'a>(Cow<'a, Move>);

impl Message for Undone<'_> {
    fn write(&self, to: &mut Writer) {
        write_plain(&self.0, to);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        let kind = from.number(1)?;
        read_plain(kind, from).map(|what| Self(Cow::Owned(what)))
    }
}

fn write_plain(what: &Move, to: &mut Writer) {
    let Parts {
        kind: _,
        provider,
        reseller,
        variance,
        money,
        bought,
        deviation,
        cause,
        reversed: _,
        undone: _,
        reason: _,
    } = what.parts();
    to.number(1, kind(what));
    to.text(2, provider.unwrap_or_default());
    to.text(3, reseller.map_or("", |reseller| reseller.as_str()));
    to.text(4, variance.map_or("", |variance| variance.as_str()));
    to.message(5, &money);
    to.some_message(6, bought.as_ref());
    to.number(7, deviation.map_or(0, |of| code(&Deviation::ALL, &of)));
    to.number(8, cause.map_or(0, |of| code(&Cause::ALL, &of)));
}

fn read_plain(kind: u64, from: &mut Reader<'_>) -> Result<Move, InvalidEncoding> {
    Ok(match kind {
        PAY => Move::Pay {
            provider: from.text(2)?,
            money: from.message(5)?,
        },
        PREPAY => Move::Prepay {
            provider: from.text(2)?,
            money: from.message(5)?,
        },
        SET_OFF => Move::SetOff {
            provider: from.text(2)?,
            money: from.message(5)?,
        },
        PAY_RESELLER => Move::PayReseller {
            reseller: parsed(from, 3)?,
            money: from.message(5)?,
        },
        VARIANCE => Move::Variance {
            provider: from.text(2)?,
            money: from.message(5)?,
            deviation: coded(&Deviation::ALL, from, 7)?,
        },
        RESOLVE => Move::Resolve {
            variance: parsed(from, 4)?,
            money: from.message(5)?,
            cause: coded(&Cause::ALL, from, 8)?,
        },
        EXCHANGE => Move::Exchange {
            sold: from.message(5)?,
            bought: from.message(6)?,
        },
        _ => return Err(InvalidEncoding::InvalidField(1)),
    })
}

const fn kind(what: &Move) -> u64 {
    match what {
        Move::Pay { .. } => PAY,
        Move::Prepay { .. } => PREPAY,
        Move::SetOff { .. } => SET_OFF,
        Move::PayReseller { .. } => PAY_RESELLER,
        Move::Variance { .. } => VARIANCE,
        Move::Resolve { .. } => RESOLVE,
        Move::Exchange { .. } => EXCHANGE,
        Move::Reverse { .. } => REVERSE,
    }
}

impl Message for Movement {
    fn write(&self, to: &mut Writer) {
        to.message(1, &self.what);
        to.number(2, self.occurred_at.0);
        to.text(3, &self.approver);
        to.text(4, &self.note);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            what: from.message(1)?,
            occurred_at: UnixMs(from.number(2)?),
            approver: from.text(3)?,
            note: from.text(4)?,
        })
    }
}

impl PostedMovement {
    /// Its stored bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::versioned(VERSION);
        to.message(1, &self.movement);
        to.number(2, units(self.resolved));
        to.number(3, self.at.0);
        to.number(4, self.seq);
        let by = self.reversed_by.as_ref();
        to.text(5, by.map_or("", MovementId::as_str));
        to.into_bytes()
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`InvalidEncoding`] says what is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidEncoding> {
        let mut from = Reader::versioned(bytes, VERSION)?;
        let posted = Self {
            movement: from.message(1)?,
            resolved: amount(&mut from, 2)?,
            at: UnixMs(from.number(3)?),
            seq: from.number(4)?,
            reversed_by: some_movement(&mut from, 5)?,
        };
        from.finish()?;
        Ok(posted)
    }
}

fn some_movement(from: &mut Reader<'_>, tag: u8) -> Result<Option<MovementId>, InvalidEncoding> {
    let text = from.text(tag)?;
    if text.is_empty() {
        return Ok(None);
    }
    let id = text.parse();
    id.map(Some).map_err(|_| InvalidEncoding::InvalidField(tag))
}
