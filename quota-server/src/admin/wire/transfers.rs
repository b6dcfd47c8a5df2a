//! Transfers: money between books.

use super::Position;
use serde::{Deserialize, Serialize};

/// `POST tenants/{id}/transfers`: out of this tenant's book. The same id stands for the same transfer, however often it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTransfer {
    /// Chosen by whoever moves it, for good.
    pub id: String,
    /// The tenant that gets it.
    pub to: String,
    /// Decimal, in the currency of both.
    pub amount: String,
    /// For people.
    #[serde(default)]
    pub note: String,
}

/// Money that went from or to another book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its id, the same in both books.
    pub id: String,
    /// `out` or `in`.
    pub direction: String,
    /// The tenant of the other book.
    pub other: String,
    /// What it is in.
    pub currency: String,
    /// How much.
    pub amount: String,
    /// For people.
    pub note: String,
    /// When.
    pub posted_at: String,
    /// Where in this book's journal.
    pub seq: u64,
}

/// A transfer that stands, as the giver has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostedTransfer {
    /// The transfer.
    #[serde(flatten)]
    pub transfer: Transfer,
    /// Whether this call posted it; false if it had been posted before.
    pub posted_now: bool,
    /// Where it stands in the giver's book.
    pub position: Position,
}

/// `GET tenants/{id}/transfers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfers {
    /// All of the tenant's, newest first.
    pub transfers: Vec<Transfer>,
}
