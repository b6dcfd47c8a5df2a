//! The encoding of a settle that is kept for a person.

use super::event::id;
use super::message::{code, coded};
use super::{InvalidEncoding, Message, Reader, Writer};
use crate::event::{ParkReason, Parked, ParkedAfter};

impl Message for Parked {
    fn write(&self, to: &mut Writer) {
        to.bytes(1, self.id.as_bytes());
        to.message(2, &self.owner);
        to.message(3, &self.settlement);
        to.number(4, code(&ParkReason::ALL, &self.reason));
        write_parked_after(to, 5, self.after);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            id: id(from, 1)?,
            owner: from.message(2)?,
            settlement: from.message(3)?,
            reason: coded(&ParkReason::ALL, from, 4)?,
            after: parked_after(from, 5)?,
        })
    }
}

/// What the request had been told before, if anything is known of that.
pub(crate) fn write_parked_after(to: &mut Writer, tag: u8, after: Option<ParkedAfter>) {
    to.number(
        tag,
        after.map_or(0, |after| code(&ParkedAfter::ALL, &after)),
    );
}

pub(crate) fn parked_after(
    from: &mut Reader<'_>,
    tag: u8,
) -> Result<Option<ParkedAfter>, InvalidEncoding> {
    let stored = from.number(tag)?;
    if stored == 0 {
        return Ok(None);
    }
    let mut all = ParkedAfter::ALL.into_iter();
    let known = all.find(|after| code(&ParkedAfter::ALL, after) == stored);
    known.map(Some).ok_or(InvalidEncoding::InvalidField(tag))
}
