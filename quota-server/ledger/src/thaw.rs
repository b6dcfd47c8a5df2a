//! Thawing: a person has mended the rows of a frozen book, all of it was verified, and it goes on.
//!
//! That a book is frozen is told by no journal: it says that its rows are not to be trusted. That it goes on is an entry, so that
//! the journal keeps what had been wrong, and who let it go on. Nothing moves by it, and nothing of the book is decided by it.

use crate::book::Head;
use crate::correction::Reason;
use crate::journal::codec::message::{code, coded};
use crate::journal::codec::{InvalidEncoding, Message, Reader, Writer};

/// That a book goes on, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thaw {
    /// Why.
    pub reason: Reason,
    /// Who approved it.
    pub approver: String,
    /// For people.
    pub note: String,
    /// Why it had been frozen.
    pub frozen_for: String,
}

/// Asks for a frozen book to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThawBook {
    /// Why.
    pub reason: Reason,
    /// Who approved it.
    pub approver: String,
    /// For people.
    pub note: String,
    /// Where its journal ended when all of it was verified.
    pub verified: Head,
}

/// Why a book is not thawed. It stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotThawed {
    /// It is not frozen: there is nothing to do.
    NotFrozen,
    /// Its journal does not end any more where it was verified.
    Moved,
}

impl ThawBook {
    /// Whether a book like this may go on.
    ///
    /// # Errors
    /// [`NotThawed`] says why it may not.
    pub fn fits(&self, is_frozen: bool, head: &Head) -> Result<(), NotThawed> {
        if !is_frozen {
            Err(NotThawed::NotFrozen)
        } else if self.verified != *head {
            Err(NotThawed::Moved)
        } else {
            Ok(())
        }
    }

    /// What happens, to a book that was frozen for this.
    #[must_use]
    pub fn thaw(&self, frozen_for: String) -> Thaw {
        Thaw {
            reason: self.reason,
            approver: self.approver.clone(),
            note: self.note.clone(),
            frozen_for,
        }
    }
}

impl Message for Thaw {
    fn write(&self, to: &mut Writer) {
        to.number(1, code(&Reason::ALL, &self.reason));
        to.text(2, &self.approver);
        to.text(3, &self.note);
        to.text(4, &self.frozen_for);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, InvalidEncoding> {
        Ok(Self {
            reason: coded(&Reason::ALL, from, 1)?,
            approver: from.text(2)?,
            note: from.text(3)?,
            frozen_for: from.text(4)?,
        })
    }
}
