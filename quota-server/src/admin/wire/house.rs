//! The house's own book: what it pays, what invoices say otherwise, what it exchanges.

use super::Place;
use crate::heads::HeadLine;
use serde::{Deserialize, Serialize};

/// `POST house/movements`. The same id stands for the same movement, however often it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateMovement {
    /// Chosen by whoever posts it, for good.
    pub id: String,
    /// What money goes where.
    #[serde(rename = "move")]
    pub what: Move,
    /// The day in UTC on which it happened; just now if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
    /// Who approved it.
    pub approver: String,
    /// For people.
    #[serde(default)]
    pub note: String,
}

/// What money goes where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Move {
    /// A provider gets what it is owed.
    Pay {
        /// Its name in the price tables.
        provider: String,
        /// How much.
        money: Money,
    },
    /// A provider gets money before it is owed any.
    Prepay {
        /// Its name in the price tables.
        provider: String,
        /// How much.
        money: Money,
    },
    /// What a provider is owed is paid by what it has in advance.
    SetOff {
        /// Its name in the price tables.
        provider: String,
        /// How much.
        money: Money,
    },
    /// A reseller gets what it is owed.
    PayReseller {
        /// Its name.
        reseller: String,
        /// How much.
        money: Money,
    },
    /// A provider's invoice says something else than what had accrued.
    Variance {
        /// Its name in the price tables.
        provider: String,
        /// By how much.
        money: Money,
        /// `beyond` what had accrued, or `below` it.
        deviation: String,
    },
    /// It turned out what a variance was, or a part of it.
    Resolve {
        /// The id of the variance.
        variance: String,
        /// How much of it.
        money: Money,
        /// `provider_cost` or `rounding`.
        cause: String,
    },
    /// Money of one currency buys another.
    Exchange {
        /// What it costs.
        sold: Money,
        /// What it brings.
        bought: Money,
    },
    /// A movement was a mistake: the opposite of what it moved moves, once.
    Reverse {
        /// Its id.
        movement: String,
        /// As of a correction: `mistake`, `duplicate`, `wrong_price` and so on.
        reason: String,
        /// What it moved. Need not be said; never absent in answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undone: Option<Box<Self>>,
    },
}

/// An amount with its currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Decimal.
    pub amount: String,
    /// Of what; if absent, what the variance is in that is resolved, and else the price table's. Never absent in answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// Something that happened in the house's book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Its id.
    pub id: String,
    /// What money went where.
    #[serde(rename = "move")]
    pub what: Move,
    /// Of a variance: how much of it is still to be resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unresolved: Option<String>,
    /// The id of the movement that took it back, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversed_by: Option<String>,
    /// When it happened.
    pub occurred_at: String,
    /// Who approved it.
    pub approver: String,
    /// For people.
    pub note: String,
    /// When it was posted.
    pub posted_at: String,
    /// Where in the house's journal.
    pub seq: u64,
}

/// A movement that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostedMovement {
    /// The movement.
    #[serde(flatten)]
    pub movement: Movement,
    /// Whether this call posted it; false if it had been posted before.
    pub posted_now: bool,
    /// Where it stands.
    pub position: Place,
    /// The head of the house's journal with it, signed: `ferry verify --receipts` tells whether it still holds.
    pub receipt: HeadLine,
}

/// `GET house/movements`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movements {
    /// All of them, newest first.
    pub movements: Vec<Movement>,
}
