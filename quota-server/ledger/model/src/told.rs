//! What is answered, in plain numbers.

/// An answer. Where the ledger says more, for people, that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The request may go on.
    Granted {
        /// What is held.
        units: i64,
        /// The output limit that it buys.
        limit: i64,
        /// Lower than asked for.
        clamped: bool,
        /// For how long.
        lease_ms: u64,
        /// It is in shadow mode.
        shadow: bool,
    },
    /// It may not, by the name of the reason.
    Refused(&'static str),
    /// It is over, by the name of its state.
    Ended(&'static str),
    /// The same id stands for something else.
    Conflict,
    /// It is somebody else's.
    Denied,
    /// There is none.
    NotFound,
    /// Its lease stands.
    Renewed {
        /// For so long.
        lease_ms: u64,
        /// Tokens of output that are held for.
        limit: i64,
    },
    /// It was charged.
    Settled {
        /// So much.
        charged: i64,
        /// So much of what was held was not needed.
        released: i64,
        /// Where in the journal.
        seq: u64,
    },
    /// It is kept for a person.
    Parked,
    /// Nothing is held and nothing is charged.
    Released,
    /// Its lease had run out, and so much was charged.
    Expired(i64),
    /// Its lease stands.
    NotDue,
    /// It is not open.
    NotOpen,
    /// It was done, now or earlier.
    Done {
        /// Where in the journal.
        seq: u64,
        /// Now.
        changed: bool,
    },
    /// A grant that would end before it begins.
    NeverValid,
    /// More than can be moved or put right: so much can.
    Exceeds(i64),
    /// Nothing is no amount.
    OutOfRange,
    /// There is no such key.
    UnknownKey,
    /// A revoked key stays revoked.
    Revoked,
    /// There is no such grant.
    UnknownGrant,
    /// Nobody paid for this grant.
    NotPaidFor,
    /// There is no such request, or nothing was charged for it.
    UnknownRequest,
    /// There is no such payment.
    UnknownTopUp,
    /// The payment was credited to another tenant.
    CreditedElsewhere,
    /// There is no such entry.
    UnknownEntry,
    /// Nothing of this request's is kept for a person.
    NotParked,
    /// The book takes nothing any more, or something that no model knows of.
    Unexpected,
}
