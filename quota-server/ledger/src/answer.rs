//! What a book answers, per call.

use crate::closing::Remainder;
use crate::event::Event;
use crate::offer::Offer;
use crate::refusal::Refusal;
use crate::reservation::{Refused, StateName};
use crate::time::UnixMs;
use ferry_types::{Amount, Mode, ReservationId, TenantId};
use std::sync::Arc;

/// What is to be done, and what to answer once it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<A = Answer> {
    /// To be applied and written, in order; none if nothing changes.
    pub events: Vec<Event>,
    /// A refusal to be kept beside the journal; see [`crate::Book::remember`].
    pub refused: Option<(ReservationId, Refused)>,
    /// What to answer.
    pub answer: A,
}

/// An answer to any command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To what an operator asks.
    Admin(AdminAnswer),
    /// To Reserve.
    Reserve(ReserveAnswer),
    /// To Renew.
    Renew(RenewAnswer),
    /// To Settle.
    Settle(SettleAnswer),
    /// To Release.
    Release(ReleaseAnswer),
    /// To Expire.
    Expire(ExpireAnswer),
}

/// To what an operator asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminAnswer {
    /// Done, now or earlier, at this place in the journal.
    Done {
        /// The entry; of a state that was set before, the journal's end.
        seq: u64,
        /// Whether this call did it.
        changed: bool,
    },
    /// The same id or reference stands for something else.
    Conflict {
        /// The first field that differs.
        field: &'static str,
    },
    /// The id is that of the house's own book.
    Reserved,
    /// The tenant is closed, for good.
    Closed,
    /// The tenant of the other book is closed: it takes no money any more.
    OtherClosed,
    /// Money is left: the tenant is not closed with it.
    Remains(Box<Remainder>),
    /// The tenant has as many limits as there may be.
    TooManyLimits {
        /// So many.
        most: usize,
    },
    /// There is no such grant.
    UnknownGrant,
    /// It would end before it begins, or has ended already.
    NeverValid,
    /// Nobody paid for this grant: there is no payment to take back.
    NotPaidFor,
    /// There is no such key.
    UnknownKey,
    /// A revoked key stays revoked.
    Revoked,
    /// The balance would leave the range of what can be stored, or the amount is nothing.
    AmountOutOfRange,
    /// Only a month that is over is sealed.
    MonthNotOver,
    /// There is no such request, or nothing was charged for it.
    UnknownRequest,
    /// There is no such top-up.
    UnknownTopUp,
    /// The payment was credited to another tenant.
    CreditedElsewhere {
        /// To this one.
        tenant: TenantId,
    },
    /// There is no such entry.
    UnknownEntry,
    /// The other book is in another currency.
    OtherCurrency,
    /// No settle of this request is kept for a person.
    NotParked,
    /// More than there is to move.
    Exceeds {
        /// So much can.
        most: Amount,
    },
    /// The book is frozen.
    Frozen,
}

/// To Reserve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReserveAnswer {
    /// The request may go on.
    Granted(Granted),
    /// It may not.
    Refused(Refusal),
    /// The reservation is over; it does not admit a request.
    Ended(StateName),
    /// The id is known with other content.
    Conflict {
        /// The first field that differs.
        field: String,
    },
    /// Another principal's or key's reservation.
    Denied,
}

/// The request may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// What it is priced by: versions, candidates, limits.
    pub offer: Arc<Offer>,
    /// Output tokens per choice that were priced.
    pub output_tokens_max: u64,
    /// The limit is lower than what the client asked for, or it asked for none.
    pub clamped: bool,
    /// How long the hold stands, counted from when the gateway sent the call.
    pub lease_ms: u64,
    /// Whether the decision binds.
    pub mode: Mode,
    /// How much is held. In shadow mode: what would have been.
    pub reserved: Amount,
}

/// To Renew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewAnswer {
    /// The lease stands, counted from when the gateway sent the call.
    Renewed {
        /// For how long.
        lease_ms: u64,
        /// Output tokens per choice that are held for: the target, unless the money did not suffice.
        output_tokens_max: u64,
    },
    /// The reservation is over.
    Ended(StateName),
    /// There is no such reservation.
    NotFound,
    /// Another principal's or key's reservation.
    Denied,
    /// The book is frozen.
    Frozen,
}

/// To Settle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleAnswer {
    /// Posted, now or earlier.
    Settled {
        /// What the customer was charged.
        charged: Amount,
        /// How much of what was held was not needed.
        released: Amount,
        /// Where in the journal.
        seq: u64,
    },
    /// It was settled with other content; `charged`, if the balance has no room for what would be given back.
    Conflict {
        /// The first field that differs.
        field: String,
    },
    /// Too old to be judged: kept for a person, neither granted nor charged.
    Parked,
    /// Another principal's or key's reservation, or a key that this tenant does not have.
    Denied,
    /// The book is frozen.
    Frozen,
}

/// To Release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseAnswer {
    /// Nothing is held, nothing is charged.
    Released,
    /// It was settled: something was sent to a provider. Or the balance has no room for what would be given back.
    Conflict,
    /// Another principal's or key's reservation, or a key that this tenant does not have.
    Denied,
    /// The book is frozen.
    Frozen,
}

/// To Expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpireAnswer {
    /// Its lease had run out.
    Expired {
        /// What the last evidence was charged.
        charged: Amount,
    },
    /// Its lease stands.
    NotDue {
        /// Until then.
        lease_until: UnixMs,
    },
    /// It is not open.
    NotOpen,
    /// The book is frozen.
    Frozen,
}

impl<A> Decision<A> {
    /// Nothing changes.
    pub(crate) const fn answer(answer: A) -> Self {
        Self {
            events: Vec::new(),
            refused: None,
            answer,
        }
    }

    /// One thing happens.
    pub(crate) fn event(event: Event, answer: A) -> Self {
        Self {
            events: vec![event],
            refused: None,
            answer,
        }
    }

    /// The same with another answer.
    pub(crate) fn map<B>(self, to: impl FnOnce(A) -> B) -> Decision<B> {
        Decision {
            events: self.events,
            refused: self.refused,
            answer: to(self.answer),
        }
    }
}
