//! Where an answer stands in its book: which entry it tells of, and what is available after it.
//!
//! The same call again is told the same entry, on every server: what is told is the entry of what the call made or found, and never
//! whichever came last. What is available is the present state.

use crate::answer::{AdminAnswer, Answer, ReleaseAnswer, RenewAnswer, ReserveAnswer, SettleAnswer};
use crate::book::{Book, Head, TopUpRef};
use crate::command::Command;
use crate::reservation::{Owner, Refused, Reservation, State};
use crate::time::UnixMs;
use ferry_types::{Balance, CorrectionId, GrantId, ReservationId, TransferId};

/// An entry of a journal, by its number and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number.
    pub seq: u64,
    /// When it was posted.
    pub time: UnixMs,
}

/// Where an answer stands: see [`Book::position`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The entry that it tells of, and when that was posted. A refusal is no entry: it tells of the last one before it, and of when it
    /// was refused.
    pub place: Place,
    /// What can be promised of the book's money after it: see [`Book::available`].
    pub available: Balance,
}

/// What was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About<'a> {
    /// A request, by whom it is said to be made.
    Request(ReservationId, &'a Owner),
    /// A top-up.
    TopUp(TopUpRef),
    /// A grant.
    Grant(&'a GrantId),
    /// A correction.
    Correction(&'a CorrectionId),
    /// A transfer.
    Transfer(&'a TransferId),
    /// The book itself: its state, its keys, its months.
    Book,
}

/// What an answer tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// What was asked about.
    Subject,
    /// The refusal, which is no entry.
    Refusal,
    /// The last entry: the call's own, or whichever it found.
    End,
}

impl Command {
    /// What it asks about.
    #[must_use]
    pub fn about(&self) -> About<'_> {
        match self {
            Self::Reserve(call) => About::Request(call.id, &call.owner),
            Self::Renew(call) => About::Request(call.id, &call.owner),
            Self::Settle(call) => About::Request(call.id, &call.owner),
            Self::Release(call) => About::Request(call.id, &call.owner),
            Self::TopUp(order) => About::TopUp(order.reference()),
            Self::IssueGrant(order) => About::Grant(&order.id),
            Self::Correct(order) => About::Correction(&order.id),
            Self::SetTenantState(_)
            | Self::CloseTenant(_)
            | Self::IssueKey(_)
            | Self::SetKeyState(_)
            | Self::SetOverage(_)
            | Self::SetReseller(_)
            | Self::SetZone(_)
            | Self::SetLimit(_)
            | Self::RemoveLimit(_)
            | Self::ExpireGrant(_)
            | Self::Expire(_)
            | Self::SealMonth(_) => About::Book,
        }
    }
}

impl Answer {
    const fn of(&self) -> Of {
        match self {
            Self::Reserve(ReserveAnswer::Refused(_)) => Of::Refusal,
            Self::Reserve(
                ReserveAnswer::Granted(_)
                | ReserveAnswer::Ended(_)
                | ReserveAnswer::Conflict { .. },
            )
            | Self::Renew(RenewAnswer::Ended(_))
            | Self::Settle(
                SettleAnswer::Settled { .. } | SettleAnswer::Conflict { .. } | SettleAnswer::Parked,
            )
            | Self::Release(ReleaseAnswer::Released | ReleaseAnswer::Conflict)
            | Self::Admin(AdminAnswer::Done { .. }) => Of::Subject,
            Self::Reserve(ReserveAnswer::Denied)
            | Self::Renew(
                RenewAnswer::Renewed { .. }
                | RenewAnswer::NotFound
                | RenewAnswer::Denied
                | RenewAnswer::Frozen,
            )
            | Self::Settle(SettleAnswer::Denied | SettleAnswer::Frozen)
            | Self::Release(ReleaseAnswer::Denied | ReleaseAnswer::Frozen)
            | Self::Expire(_)
            | Self::Admin(
                AdminAnswer::Conflict { .. }
                | AdminAnswer::Reserved
                | AdminAnswer::Closed
                | AdminAnswer::OtherClosed
                | AdminAnswer::Remains(_)
                | AdminAnswer::TooManyLimits { .. }
                | AdminAnswer::UnknownGrant
                | AdminAnswer::NeverValid
                | AdminAnswer::NotPaidFor
                | AdminAnswer::UnknownKey
                | AdminAnswer::Revoked
                | AdminAnswer::AmountOutOfRange
                | AdminAnswer::MonthNotOver
                | AdminAnswer::UnknownRequest
                | AdminAnswer::UnknownTopUp
                | AdminAnswer::CreditedElsewhere { .. }
                | AdminAnswer::UnknownEntry
                | AdminAnswer::OtherCurrency
                | AdminAnswer::NotParked
                | AdminAnswer::Exceeds { .. }
                | AdminAnswer::Frozen,
            ) => Of::End,
        }
    }
}

impl Book {
    /// Where an answer stands, on the book after what it decided.
    ///
    /// Of a request it tells of the entry that brought the request where it stands: that holds its money, settled, released, expired
    /// or parked it; leases that were extended since count for nothing. Of a renewal it tells of its own entry. Of what an operator
    /// posts under an id, it tells of that posting; of a state that was set before, or of what was not done, of the journal's end.
    #[must_use]
    pub fn position(&self, about: &About<'_>, answer: &Answer, clock: UnixMs) -> Position {
        let now = self.time_at(clock);
        let place = match answer.of() {
            Of::Subject => self.place(about),
            Of::Refusal => Some(self.refused_place(about).unwrap_or(Place {
                seq: self.head.seq,
                time: now,
            })),
            Of::End => None,
        };
        Position {
            place: place.unwrap_or(self.head.place()),
            available: self.available(now),
        }
    }

    /// The entry of what was asked about, as far as it is in view.
    fn place(&self, about: &About<'_>) -> Option<Place> {
        let place = |seq, time| Place { seq, time };
        match about {
            About::Request(id, owner) => {
                let row = self.reservations.get(id);
                let own = row.filter(|row| row.owner == **owner);
                let own = own.and_then(Reservation::place);
                own.or_else(|| self.refused_place(about))
            }
            About::TopUp(reference) => {
                let posted = self.top_ups.get(reference)?;
                Some(place(posted.seq, posted.at))
            }
            About::Grant(id) => {
                let grant = self.grants.get(*id)?;
                Some(place(grant.seq, grant.at))
            }
            About::Correction(id) => {
                let posted = self.corrections.get(*id)?;
                Some(place(posted.seq, posted.at))
            }
            About::Transfer(id) => {
                let posted = self.transfers.get(*id)?;
                Some(place(posted.seq, posted.at))
            }
            About::Book => None,
        }
    }

    /// Where a request was refused, if that is kept and it is its maker who asks.
    fn refused_place(&self, about: &About<'_>) -> Option<Place> {
        let About::Request(id, owner) = about else {
            return None;
        };
        let refused = self.refused.get(id);
        let own = refused.filter(|refused| refused.owner == **owner);
        own.map(Refused::place)
    }
}

impl Head {
    /// The last entry.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place {
            seq: self.seq,
            time: self.time,
        }
    }
}

impl Reservation {
    /// The entry that brought it where it stands.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let (seq, time) = match &self.state {
            State::Open => {
                let hold = self.hold.as_ref()?;
                (hold.seq, hold.granted_at)
            }
            State::Settled(posting) | State::Expired(posting) => (posting.seq, posting.at),
            State::Released(freed) => (freed.seq, freed.at),
            State::Parked(parked) => (parked.seq, parked.at),
        };
        Some(Place { seq, time })
    }
}

impl Refused {
    const fn place(&self) -> Place {
        Place {
            seq: self.seq,
            time: self.at,
        }
    }
}
