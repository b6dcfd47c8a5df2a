//! The encoding of events: the content of the journal's entries.

use super::grants::grant_id;
use super::limits::{counts, write_counts};
use super::message::{code, coded};
use super::pinned::{amount, flags, parsed, read_some_principal, some_principal, units};
use super::{InvalidEncoding, Message, Reader, Writer};
use crate::book::{KeyState, TenantState};
use crate::correction::Corrected;
use crate::event::{Event, Expired, Parked, Raised, Reserved, Settled, ToppedUp};
use crate::grant::Grant;
use crate::overage::Overage;
use crate::reseller::Share;
use crate::seal::MonthSealed;
use crate::time::UnixMs;
use crate::transfer::{Direction, Transferred};
use ferry_types::{Currency, GrantId, KeyId, ResellerName, ReservationId};
use std::sync::Arc;

/// The version byte of what has no field that came later.
const FIRST: u8 = 1;
/// And of what has one: where a request counts, or what it had been told before its settle was kept.
const SECOND: u8 = 2;

const TENANT_OPENED: u8 = 1;
const TENANT_STATE_SET: u8 = 2;
const KEY_ISSUED: u8 = 3;
const KEY_STATE_SET: u8 = 4;
const TOPPED_UP: u8 = 5;
const RESERVED: u8 = 6;
const RENEWED: u8 = 7;
const SETTLED: u8 = 8;
const ADJUSTED: u8 = 9;
const RELEASED: u8 = 10;
const EXPIRED: u8 = 11;
const PARKED: u8 = 12;
const OVERAGE_SET: u8 = 13;
const GRANT_ISSUED: u8 = 14;
const GRANT_EXPIRED: u8 = 15;
const CORRECTED: u8 = 16;
const RESELLER_SET: u8 = 17;
const TRANSFERRED: u8 = 18;
const TENANT_CLOSED: u8 = 19;
const ZONE_SET: u8 = 21;
const LIMIT_SET: u8 = 22;
const LIMIT_REMOVED: u8 = 23;
/// The fields of where a request counts: new in version 2.
const COUNTS: [u8; 2] = [11, 12];
/// Beside the kinds that move money.
const MONTH_SEALED: u8 = 32;
const THAWED: u8 = 33;

impl Event {
    /// The stored code of [`Event::KeyIssued`].
    pub const KEY_ISSUED: u8 = KEY_ISSUED;

    /// The stored code of [`Event::TenantClosed`].
    pub const TENANT_CLOSED: u8 = TENANT_CLOSED;

    /// The stored code of [`Event::MonthSealed`].
    pub const MONTH_SEALED: u8 = MONTH_SEALED;

    /// The stored code of [`Event::Thawed`].
    pub const THAWED: u8 = THAWED;

    /// The stored code of its kind.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::TenantOpened { .. } => TENANT_OPENED,
            Self::TenantStateSet(_) => TENANT_STATE_SET,
            Self::TenantClosed(_) => TENANT_CLOSED,
            Self::KeyIssued { .. } => KEY_ISSUED,
            Self::KeyStateSet { .. } => KEY_STATE_SET,
            Self::ToppedUp(_) => TOPPED_UP,
            Self::Reserved(_) => RESERVED,
            Self::Renewed { .. } => RENEWED,
            Self::Settled(_) => SETTLED,
            Self::Adjusted(_) => ADJUSTED,
            Self::Released { .. } => RELEASED,
            Self::Expired(_) => EXPIRED,
            Self::Parked(_) => PARKED,
            Self::OverageSet(_) => OVERAGE_SET,
            Self::GrantIssued { .. } => GRANT_ISSUED,
            Self::GrantExpired { .. } => GRANT_EXPIRED,
            Self::Transferred(_) => TRANSFERRED,
            Self::Corrected(_) => CORRECTED,
            Self::ResellerSet(_) => RESELLER_SET,
            Self::ZoneSet(_) => ZONE_SET,
            Self::LimitSet { .. } => LIMIT_SET,
            Self::LimitRemoved(_) => LIMIT_REMOVED,
            Self::MonthSealed(_) => MONTH_SEALED,
            Self::Thawed(_) => THAWED,
        }
    }

    /// The version byte that says which fields it may have: one content has one encoding.
    fn version(&self) -> u8 {
        let told_before = if let Self::Parked(parked) = self {
            parked.after
        } else {
            None
        };
        if told_before.is_none() && self.counts().is_none() {
            FIRST
        } else {
            SECOND
        }
    }

    /// Its stored bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::versioned(self.version());
        match self {
            Self::TenantOpened { name, currency } => {
                to.text(1, name);
                to.number(2, code(&Currency::ALL, currency));
            }
            Self::TenantStateSet(state) => to.number(1, code(&TenantState::SETTABLE, state)),
            Self::TenantClosed(closing) => closing.write(&mut to),
            Self::KeyIssued {
                key,
                label,
                expires_at,
                listed,
            } => {
                to.text(1, key.as_str());
                to.text(2, label);
                to.some_number(3, expires_at.map(|at| at.0));
                to.bytes(4, listed);
            }
            Self::KeyStateSet { key, to: state } => {
                begun(&mut to, key).number(2, code(&KeyState::ALL, state));
            }
            Self::ToppedUp(topped_up) => topped_up.write(&mut to),
            Self::Reserved(reserved) => reserved.write(&mut to),
            Self::Renewed {
                id,
                used,
                lease_until,
                raised,
            } => {
                to.bytes(1, id.as_bytes());
                to.some_message(2, used.as_ref());
                to.number(3, lease_until.0);
                to.some_message(4, raised.as_ref());
            }
            Self::Settled(settled) | Self::Adjusted(settled) => settled.write(&mut to),
            Self::Released {
                id,
                owner,
                released,
                returned,
                by,
                reissued,
            } => {
                to.bytes(1, id.as_bytes());
                to.message(2, owner);
                to.number(3, units(*released));
                to.number(4, units(*returned));
                some_principal(&mut to, 5, by.as_ref());
                to.messages(6, reissued);
            }
            Self::Expired(expired) => expired.write(&mut to),
            Self::Parked(parked) => parked.write(&mut to),
            Self::OverageSet(overage) => overage.write(&mut to),
            Self::ResellerSet(reseller) => write_reseller(&mut to, reseller.as_ref()),
            Self::ZoneSet(zone) => to.text(1, zone.name()),
            Self::LimitSet { id, terms } => begun(&mut to, id).message(2, terms.as_ref()),
            Self::LimitRemoved(id) => to.text(1, id.as_str()),
            Self::GrantIssued { id, grant, note } => write_grant(&mut to, id, grant, note),
            Self::GrantExpired { id, lapsed } => begun(&mut to, id).number(2, units(*lapsed)),
            Self::Transferred(transferred) => transferred.write(&mut to),
            Self::Corrected(corrected) => corrected.write(&mut to),
            Self::MonthSealed(sealed) => sealed.write(&mut to),
            Self::Thawed(thaw) => thaw.write(&mut to),
        }
        to.into_bytes()
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`InvalidEncoding`] says what is wrong with them.
    pub fn decode(kind: u8, content: &[u8]) -> Result<Self, InvalidEncoding> {
        let (mut from, is_second) = Reader::either(content, [FIRST, SECOND])?;
        let event = match kind {
            TENANT_OPENED => Self::TenantOpened {
                name: from.text(1)?,
                currency: coded(&Currency::ALL, &mut from, 2)?,
            },
            TENANT_STATE_SET => Self::TenantStateSet(coded(&TenantState::SETTABLE, &mut from, 1)?),
            TENANT_CLOSED => Self::TenantClosed(Box::new(Message::read(&mut from)?)),
            KEY_ISSUED => Self::KeyIssued {
                key: key(&mut from, 1)?,
                label: from.text(2)?,
                expires_at: from.some_number(3)?.map(UnixMs),
                listed: digest(&mut from, 4)?,
            },
            KEY_STATE_SET => Self::KeyStateSet {
                key: key(&mut from, 1)?,
                to: coded(&KeyState::ALL, &mut from, 2)?,
            },
            TOPPED_UP => Self::ToppedUp(ToppedUp::read(&mut from)?),
            RESERVED => Self::Reserved(Box::new(Reserved::read(&mut from)?)),
            RENEWED => Self::Renewed {
                id: id(&mut from, 1)?,
                used: from.some_message(2)?,
                lease_until: UnixMs(from.number(3)?),
                raised: from.some_message(4)?,
            },
            SETTLED => Self::Settled(Box::new(Settled::read(&mut from)?)),
            ADJUSTED => Self::Adjusted(Box::new(Settled::read(&mut from)?)),
            RELEASED => Self::Released {
                id: id(&mut from, 1)?,
                owner: from.message(2)?,
                released: amount(&mut from, 3)?,
                returned: amount(&mut from, 4)?,
                by: read_some_principal(&mut from, 5)?,
                reissued: from.messages(6)?,
            },
            EXPIRED => Self::Expired(Box::new(Expired::read(&mut from)?)),
            MONTH_SEALED => Self::MonthSealed(MonthSealed::read(&mut from)?),
            THAWED => Self::Thawed(Box::new(Message::read(&mut from)?)),
            RESELLER_SET => Self::ResellerSet(reseller(&mut from)?),
            ZONE_SET => Self::ZoneSet(parsed(&mut from, 1)?),
            LIMIT_SET => Self::LimitSet {
                id: parsed(&mut from, 1)?,
                terms: Box::new(from.message(2)?),
            },
            LIMIT_REMOVED => Self::LimitRemoved(parsed(&mut from, 1)?),
            TRANSFERRED => Self::Transferred(Transferred::read(&mut from)?),
            CORRECTED => Self::Corrected(Box::new(Corrected::read(&mut from)?)),
            PARKED => Self::Parked(Box::new(Parked::read(&mut from)?)),
            OVERAGE_SET => Self::OverageSet(Overage::read(&mut from)?),
            GRANT_ISSUED => Self::GrantIssued {
                id: grant_id(&mut from, 1)?,
                grant: Box::new(from.message(2)?),
                note: from.text(3)?,
            },
            GRANT_EXPIRED => Self::GrantExpired {
                id: grant_id(&mut from, 1)?,
                lapsed: amount(&mut from, 2)?,
            },
            _ => return Err(InvalidEncoding::Kind(kind)),
        };
        from.finish()?;
        let told = if is_second { SECOND } else { FIRST };
        if event.version() != told {
            return Err(InvalidEncoding::Version(told));
        }
        Ok(event)
    }
}

/// What begins with a name.
fn begun<'a>(to: &'a mut Writer, name: &impl ToString) -> &'a mut Writer {
    to.text(1, &name.to_string());
    to
}

pub(crate) fn id(from: &mut Reader<'_>, tag: u8) -> Result<ReservationId, InvalidEncoding> {
    ReservationId::from_bytes(from.bytes(tag)?).map_err(|_| InvalidEncoding::InvalidField(tag))
}

fn write_reseller(to: &mut Writer, reseller: Option<&(ResellerName, Share)>) {
    if let Some((name, share)) = reseller {
        to.text(1, name.as_str());
        to.number(2, u64::from(share.basis_points()));
    }
}

fn reseller(from: &mut Reader<'_>) -> Result<Option<(ResellerName, Share)>, InvalidEncoding> {
    let (name, points) = (from.text(1)?, from.number(2)?);
    if name.is_empty() {
        return if points == 0 {
            Ok(None)
        } else {
            Err(InvalidEncoding::InvalidField(2))
        };
    }
    let share = u16::try_from(points)
        .ok()
        .and_then(Share::from_basis_points);
    let name = name.parse();
    Ok(Some((
        name.map_err(|_| InvalidEncoding::InvalidField(1))?,
        share.ok_or(InvalidEncoding::InvalidField(2))?,
    )))
}

fn write_grant(to: &mut Writer, id: &GrantId, grant: &Grant, note: &str) {
    to.text(1, id.as_str());
    to.message(2, grant);
    to.text(3, note);
}

fn digest(from: &mut Reader<'_>, tag: u8) -> Result<[u8; 32], InvalidEncoding> {
    let bytes = from.bytes(tag)?.try_into();
    bytes.map_err(|_| InvalidEncoding::InvalidField(tag))
}

fn key(from: &mut Reader<'_>, tag: u8) -> Result<KeyId, InvalidEncoding> {
    from.text(tag)?
        .parse()
        .map_err(|_| InvalidEncoding::InvalidField(tag))
}

impl Message for Reserved {
    fn write(&self, to: &mut Writer) {
        to.bytes(1, self.id.as_bytes());
        to.message(2, &self.owner);
        to.message(3, &self.facts);
        to.message(4, self.offer.as_ref());
        to.number(5, units(self.reserved));
        to.number(6, self.output_tokens_max);
        to.flag(7, self.clamped);
        to.number(8, self.lease_until.0);
        to.text(9, &self.would_refuse);
        to.messages(10, &self.grants);
        write_counts(to, COUNTS, &self.counts);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            id: id(from, 1)?,
            owner: from.message(2)?,
            facts: from.message(3)?,
            offer: Arc::new(from.message(4)?),
            reserved: amount(from, 5)?,
            output_tokens_max: from.number(6)?,
            clamped: from.flag(7)?,
            lease_until: UnixMs(from.number(8)?),
            would_refuse: from.text(9)?,
            grants: from.messages(10)?,
            counts: counts(from, COUNTS)?,
        })
    }
}

impl Message for Raised {
    fn write(&self, to: &mut Writer) {
        to.number(1, units(self.reserved));
        to.number(2, self.output_tokens_max);
        to.messages(3, &self.grants);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            reserved: amount(from, 1)?,
            output_tokens_max: from.number(2)?,
            grants: from.messages(3)?,
        })
    }
}

impl Message for Settled {
    fn write(&self, to: &mut Writer) {
        to.bytes(1, self.id.as_bytes());
        to.message(2, &self.owner);
        to.message(3, &self.settlement);
        to.some_message(4, self.offer.as_deref());
        to.message(5, &self.charge);
        to.number(6, units(self.charged_before));
        to.number(7, units(self.released));
        to.number(8, u64::from(self.flags.bits()));
        some_principal(to, 9, self.by.as_ref());
        to.messages(10, &self.reissued);
        write_counts(to, COUNTS, &self.counts);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            id: id(from, 1)?,
            owner: from.message(2)?,
            settlement: from.message(3)?,
            offer: from.some_message(4)?.map(Arc::new),
            charge: from.message(5)?,
            charged_before: amount(from, 6)?,
            released: amount(from, 7)?,
            flags: flags(from, 8)?,
            by: read_some_principal(from, 9)?,
            reissued: from.messages(10)?,
            counts: counts(from, COUNTS)?,
        })
    }
}

impl Message for ToppedUp {
    fn write(&self, to: &mut Writer) {
        to.number(1, units(self.amount));
        to.text(2, &self.source);
        to.text(3, &self.external_reference);
        to.text(4, &self.note);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            amount: amount(from, 1)?,
            source: from.text(2)?,
            external_reference: from.text(3)?,
            note: from.text(4)?,
        })
    }
}

impl Message for Transferred {
    fn write(&self, to: &mut Writer) {
        to.text(1, self.id.as_str());
        to.number(2, code(&Direction::ALL, &self.direction));
        to.text(3, self.other.as_str());
        to.number(4, units(self.amount));
        to.text(5, &self.note);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            id: parsed(from, 1)?,
            direction: coded(&Direction::ALL, from, 2)?,
            other: parsed(from, 3)?,
            amount: amount(from, 4)?,
            note: from.text(5)?,
        })
    }
}

impl Message for Expired {
    fn write(&self, to: &mut Writer) {
        to.bytes(1, self.id.as_bytes());
        to.message(2, &self.charge);
        to.number(3, units(self.released));
        to.number(4, u64::from(self.flags.bits()));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            id: id(from, 1)?,
            charge: from.message(2)?,
            released: amount(from, 3)?,
            flags: flags(from, 4)?,
        })
    }
}
