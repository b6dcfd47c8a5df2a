//! The encoding of corrections: in the journal, and as the book keeps them.

use super::event::id;
use super::grants::grant_id;
use super::message::{code, coded};
use super::pinned::{amount, units};
use super::{InvalidEncoding, Message, Reader, Writer};
use crate::book::TopUpRef;
use crate::correction::{Corrected, Correction, PostedCorrection, Reason, Remedy};
use crate::time::UnixMs;
use ferry_types::GrantId;

/// The version byte of what is written now.
const VERSION: u8 = 1;

const REFUND: u64 = 1;
const TOP_UP_REFUND: u64 = 2;
const CHARGEBACK: u64 = 3;
const WRITE_OFF: u64 = 4;
const CHARGE: u64 = 5;
const SUSPENSE_CHARGE: u64 = 6;
const SUSPENSE_WAIVER: u64 = 7;
const PARKED_ACCEPTED: u64 = 8;
const PARKED_DISCARDED: u64 = 9;
const GRANT_REFUND: u64 = 10;
const GRANT_CHARGEBACK: u64 = 11;

impl Message for Correction {
    fn write(&self, to: &mut Writer) {
        to.number(1, kind(&self.remedy));
        if let Some(request) = self.remedy.request() {
            to.bytes(2, request.as_bytes());
        }
        if let Some(top_up) = self.remedy.top_up() {
            to.text(3, &top_up.source);
            to.text(4, &top_up.external_reference);
        }
        to.number(5, self.remedy.entry().unwrap_or_default());
        to.number(6, units(self.amount));
        to.number(7, code(&Reason::ALL, &self.reason));
        to.text(8, &self.approver);
        to.text(9, &self.note);
        if let Some(grant) = self.remedy.grant() {
            to.text(10, grant.as_str());
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        let kind = from.number(1)?;
        let before = match kind {
            GRANT_REFUND | GRANT_CHARGEBACK => None,
            _ => Some(remedy(kind, from)?),
        };
        let amount = amount(from, 6)?;
        let reason = coded(&Reason::ALL, from, 7)?;
        let (approver, note) = (from.text(8)?, from.text(9)?);
        let remedy = match before {
            Some(remedy) => remedy,
            None if kind == GRANT_REFUND => Remedy::GrantRefund(grant_id(from, 10)?),
            None => Remedy::GrantChargeback(grant_id(from, 10)?),
        };
        Ok(Self {
            remedy,
            amount,
            reason,
            approver,
            note,
        })
    }
}

const fn kind(remedy: &Remedy) -> u64 {
    match remedy {
        Remedy::Refund(_) => REFUND,
        Remedy::TopUpRefund(_) => TOP_UP_REFUND,
        Remedy::Chargeback(_) => CHARGEBACK,
        Remedy::WriteOff { .. } => WRITE_OFF,
        Remedy::Charge(_) => CHARGE,
        Remedy::SuspenseCharge(_) => SUSPENSE_CHARGE,
        Remedy::SuspenseWaiver(_) => SUSPENSE_WAIVER,
        Remedy::ParkedAccepted(_) => PARKED_ACCEPTED,
        Remedy::ParkedDiscarded(_) => PARKED_DISCARDED,
        Remedy::GrantRefund(_) => GRANT_REFUND,
        Remedy::GrantChargeback(_) => GRANT_CHARGEBACK,
    }
}

/// What stands before the amount says it, but of grants, which came later.
fn remedy(kind: u64, from: &mut Reader<'_>) -> Result<Remedy, InvalidEncoding> {
    Ok(match kind {
        REFUND => Remedy::Refund(id(from, 2)?),
        TOP_UP_REFUND => Remedy::TopUpRefund(top_up(from)?),
        CHARGEBACK => Remedy::Chargeback(top_up(from)?),
        WRITE_OFF => Remedy::WriteOff {
            entry: from.number(5)?,
        },
        CHARGE => Remedy::Charge(id(from, 2)?),
        SUSPENSE_CHARGE => Remedy::SuspenseCharge(id(from, 2)?),
        SUSPENSE_WAIVER => Remedy::SuspenseWaiver(id(from, 2)?),
        PARKED_ACCEPTED => Remedy::ParkedAccepted(id(from, 2)?),
        PARKED_DISCARDED => Remedy::ParkedDiscarded(id(from, 2)?),
        _ => return Err(InvalidEncoding::InvalidField(1)),
    })
}

fn top_up(from: &mut Reader<'_>) -> Result<TopUpRef, InvalidEncoding> {
    Ok(TopUpRef {
        source: from.text(3)?,
        external_reference: from.text(4)?,
    })
}

impl Message for Corrected {
    fn write(&self, to: &mut Writer) {
        to.text(1, self.id.as_str());
        to.message(2, &self.correction);
        to.messages(3, &self.grants);
        to.number(4, units(self.absorbed));
        to.messages(5, &self.reissued);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        let id = from.text(1)?.parse();
        Ok(Self {
            id: id.map_err(|_| InvalidEncoding::InvalidField(1))?,
            correction: from.message(2)?,
            grants: from.messages(3)?,
            absorbed: amount(from, 4)?,
            reissued: from.messages(5)?,
        })
    }
}

/// A grant's id, as a field that may stand several times.
struct Named(GrantId);

impl Message for Named {
    fn write(&self, to: &mut Writer) {
        to.text(1, self.0.as_str());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        grant_id(from, 1).map(Self)
    }
}

impl PostedCorrection {
    /// Its stored bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::versioned(VERSION);
        let reissued: Vec<Named> = self.reissued.iter().cloned().map(Named).collect();
        to.message(1, &self.correction);
        to.number(2, units(self.absorbed));
        to.messages(3, &reissued);
        to.number(4, self.at.0);
        to.number(5, self.seq);
        to.into_bytes()
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`InvalidEncoding`] says what is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidEncoding> {
        let mut from = Reader::versioned(bytes, VERSION)?;
        let correction = from.message(1)?;
        let absorbed = amount(&mut from, 2)?;
        let reissued: Vec<Named> = from.messages(3)?;
        let posted = Self {
            correction,
            absorbed,
            reissued: reissued.into_iter().map(|Named(id)| id).collect(),
            at: UnixMs(from.number(4)?),
            seq: from.number(5)?,
        };
        from.finish()?;
        Ok(posted)
    }
}
