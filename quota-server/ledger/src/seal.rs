//! Sealing a month: a book's own statement of how its journal stood when the month was over.
//!
//! Nothing can be posted into a sealed month: an entry's time is never before the last one's, and the seal is an entry that comes
//! after the month. A correction goes to the open month. That a month is sealed once is its caller's business: the book keeps no
//! list, and a second seal of the same month says the same.

use crate::answer::{AdminAnswer, Decision};
use crate::book::{Book, Head};
use crate::event::Event;
use crate::journal::codec::{InvalidEncoding, Message, Reader, Writer};
use crate::month::Month;
use crate::time::UnixMs;

/// A month is over, and its entries end here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonthSealed {
    /// Which.
    pub month: Month,
    /// The last entry before its end.
    pub last_seq: u64,
    /// That entry's hash, and so the hash of all before it.
    pub last_hash: [u8; 32],
}

pub(crate) fn seal(book: &Book, sealed: &MonthSealed, now: UnixMs) -> Decision<AdminAnswer> {
    if now < sealed.month.end() {
        return Decision::answer(AdminAnswer::MonthNotOver);
    }
    if book.frozen {
        return Decision::answer(AdminAnswer::Frozen);
    }
    let seq = book.head.next_seq();
    Decision::event(
        Event::MonthSealed(*sealed),
        AdminAnswer::Done { seq, changed: true },
    )
}

impl MonthSealed {
    /// Why this cannot be a book's next entry at this time; `None` if it can.
    pub(crate) fn misfit(&self, head: &Head, at: UnixMs) -> Option<&'static str> {
        if at < self.month.end() {
            Some("the month is not over")
        } else if self.last_seq == 0 || self.last_seq > head.seq {
            Some("the journal has no such entry")
        } else {
            None
        }
    }
}

impl Message for MonthSealed {
    fn write(&self, to: &mut Writer) {
        let (year, month) = self.month.parts();
        to.number(1, year);
        to.number(2, month);
        to.number(3, self.last_seq);
        to.bytes(4, &self.last_hash);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        let (year, month) = (from.number(1)?, from.number(2)?);
        Ok(Self {
            month: Month::new(year, month).map_err(|_| InvalidEncoding::InvalidField(1))?,
            last_seq: from.number(3)?,
            last_hash: from
                .bytes(4)?
                .try_into()
                .map_err(|_| InvalidEncoding::InvalidField(4))?,
        })
    }
}

/// Where a journal stood at the end of each month, as it is replayed.
#[derive(Clone, Debug, Default)]
pub(crate) struct MonthEnds(Vec<Head>);

impl MonthEnds {
    /// Takes note of the head before an entry of this time.
    pub(crate) fn pass(&mut self, head: Head, time: UnixMs) {
        // Days are enough: more heads than months are kept, and few.
        let day = |time: UnixMs| time.0 / 86_400_000;
        if head.seq > 0 && day(head.time) < day(time) {
            self.0.push(head);
        }
    }

    /// Whether a seal tells of the last entry before its month's end.
    pub(crate) fn agree(&self, sealed: &MonthSealed) -> bool {
        let end = sealed.month.end();
        let last = self.0.iter().rev().find(|head| head.time < end);
        last.is_some_and(|head| (head.seq, head.hash) == (sealed.last_seq, sealed.last_hash))
    }
}
