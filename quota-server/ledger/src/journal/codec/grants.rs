//! The encoding of grants, of slices of them, and of overage policies.

use super::message::{code, coded, names, write_names};
use super::pinned::{amount, units};
use super::{InvalidEncoding, Message, Reader, Writer};
use crate::grant::{Grant, GrantKind, GrantScope, GrantSlice};
use crate::overage::Overage;
use crate::reissue::Reissued;
use crate::time::UnixMs;
use ferry_types::GrantId;

/// The version byte of what is written now.
const VERSION: u8 = 1;

pub(super) fn grant_id(from: &mut Reader<'_>, tag: u8) -> Result<GrantId, InvalidEncoding> {
    from.text(tag)?
        .parse()
        .map_err(|_| InvalidEncoding::InvalidField(tag))
}

fn some_grant_id(from: &mut Reader<'_>, tag: u8) -> Result<Option<GrantId>, InvalidEncoding> {
    let text = from.text(tag)?;
    if text.is_empty() {
        return Ok(None);
    }
    let id = text.parse();
    id.map(Some).map_err(|_| InvalidEncoding::InvalidField(tag))
}

impl Grant {
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
        let grant = Self::read(&mut from)?;
        from.finish()?;
        Ok(grant)
    }
}

impl Message for GrantScope {
    fn write(&self, to: &mut Writer) {
        write_names(to, 1, &self.models);
        write_names(to, 2, &self.providers);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            models: names(from, 1)?,
            providers: names(from, 2)?,
        })
    }
}

impl Message for Grant {
    fn write(&self, to: &mut Writer) {
        to.number(1, code(&GrantKind::ALL, &self.kind));
        to.number(2, u64::from(self.priority));
        to.message(3, &self.scope);
        to.number(4, self.starts_at.0);
        to.some_number(5, self.expires_at.map(|at| at.0));
        to.number(6, units(self.amount));
        to.number(7, units(self.remaining));
        to.number(8, units(self.held));
        to.flag(9, self.expired);
        to.number(10, self.seq);
        if let Some(ended) = &self.instead_of {
            to.text(11, ended.as_str());
        }
        to.number(12, self.at.0);
        to.number(13, units(self.taken_back));
        to.number(14, units(self.balance_paid));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            kind: coded(&GrantKind::ALL, from, 1)?,
            priority: u8::try_from(from.number(2)?)
                .map_err(|_| InvalidEncoding::InvalidField(2))?,
            scope: from.message(3)?,
            starts_at: UnixMs(from.number(4)?),
            expires_at: from.some_number(5)?.map(UnixMs),
            amount: amount(from, 6)?,
            remaining: amount(from, 7)?,
            held: amount(from, 8)?,
            expired: from.flag(9)?,
            seq: from.number(10)?,
            instead_of: some_grant_id(from, 11)?,
            at: UnixMs(from.number(12)?),
            taken_back: amount(from, 13)?,
            balance_paid: amount(from, 14)?,
        })
    }
}

impl Message for Reissued {
    fn write(&self, to: &mut Writer) {
        to.text(1, self.id.as_str());
        to.message(2, &self.grant);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            id: grant_id(from, 1)?,
            grant: from.message(2)?,
        })
    }
}

impl Message for GrantSlice {
    fn write(&self, to: &mut Writer) {
        to.text(1, self.grant.as_str());
        to.number(2, units(self.amount));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            grant: grant_id(from, 1)?,
            amount: amount(from, 2)?,
        })
    }
}

impl Message for Overage {
    fn write(&self, to: &mut Writer) {
        to.text(1, self.name());
        to.number(2, units(self.credit()));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        let name = from.text(1)?;
        let credit = amount(from, 2)?;
        Self::from_parts(&name, credit).ok_or(InvalidEncoding::InvalidField(1))
    }
}
