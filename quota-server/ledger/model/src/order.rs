//! What operators ask of a book, and what a person puts right, in plain numbers.

use crate::caller::Key;
use crate::request::Request;
use core::cmp::Ordering;

/// What becomes of what nothing covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// It is owed.
    #[default]
    Debt,
    /// So much may be promised on credit.
    Credit(i64),
    /// It is written off.
    Absorb,
}

/// Money that comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopUpOrder {
    /// Its number is its reference.
    pub number: u64,
    /// How much.
    pub units: i64,
}

/// Where a grant's money comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantKind {
    /// It was paid for.
    Paid,
    /// It was given.
    Promotional,
    /// It stands for charges given back.
    Refund,
}

impl GrantKind {
    /// The ledger's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Promotional => "promotional",
            Self::Refund => "refund",
        }
    }
}

/// What a grant is called. The order is that of the names as they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantName {
    /// In the place of one that had ended before it got back what it had paid for a request: which, from 1.
    After {
        /// The request.
        request: Request,
        /// Of its grants.
        part: usize,
    },
    /// Of a correction's, in the place of one that had ended: which, from 1.
    InsteadOf {
        /// The correction's number.
        correction: u64,
        /// Of its grants.
        part: usize,
    },
    /// An operator ordered it, by this number.
    Ordered(u64),
}

impl Ord for GrantName {
    fn cmp(&self, other: &Self) -> Ordering {
        // Only parts are not written with a fixed width.
        let key = |name: &Self| match *name {
            Self::After { request, part } => {
                (0, request.drawn_ms, request.number, part.to_string())
            }
            Self::InsteadOf { correction, part } => (1, 0, correction, part.to_string()),
            Self::Ordered(number) => (2, 0, number, String::new()),
        };
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for GrantName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Whether a customer's key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It may.
    Active,
    /// It may not, for now.
    Paused,
    /// Never again.
    Revoked,
}

/// A key of the tenant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyOrder {
    /// Which.
    pub key: Key,
    /// Called otherwise than most are.
    pub other: bool,
    /// When it ends by itself.
    pub ends_ms: Option<u64>,
}

/// Credit with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantOrder {
    /// What it is called.
    pub name: GrantName,
    /// Where its money comes from.
    pub kind: GrantKind,
    /// Lower burns first.
    pub priority: u8,
    /// How many models it is for, ours the first of them; 0 stands for all.
    pub models: u8,
    /// How many providers it is for, ours the first of them; 0 stands for all.
    pub providers: u8,
    /// It is for models of which ours is none.
    pub elsewhere: bool,
    /// From when on; at once, if it does not say.
    pub starts_ms: Option<u64>,
    /// Until when.
    pub ends_ms: Option<u64>,
    /// How much.
    pub units: i64,
}

/// What a person puts right, and what it corrects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// A charge goes back to what had paid for it.
    Refund(Request),
    /// A payment, by its number, goes back to the customer.
    TopUpRefund(u64),
    /// The customer's bank took a payment back.
    Chargeback(u64),
    /// The payment for a grant goes back to the customer.
    GrantRefund(GrantName),
    /// The customer's bank took the payment for a grant back.
    GrantChargeback(GrantName),
    /// Nobody will pay the debt that stood after this entry.
    WriteOff(u64),
    /// A request was charged too little.
    Charge(Request),
    /// What lies in suspense is charged after all.
    SuspenseCharge(Request),
    /// What lies in suspense is not charged.
    SuspenseWaiver(Request),
    /// What was kept for a person is posted as it came.
    Accept(Request),
    /// What was kept for a person is not charged.
    Discard(Request),
}

/// A correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorrectionOrder {
    /// Its number is its id.
    pub number: u64,
    /// What is put right.
    pub remedy: Remedy,
    /// How much.
    pub units: i64,
    /// Approved by somebody else than most are.
    pub other: bool,
}

/// Money for another book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferOrder {
    /// Its number is its id, in all books.
    pub number: u64,
    /// Which book.
    pub to: usize,
    /// How much.
    pub units: i64,
}
