//! Where an answer stands in its book. It comes with every answer to what changes a book.

use serde::{Deserialize, Serialize};

/// Where an answer stands in a tenant's book.
///
/// A call that comes again is told the same entry as the first time, and what is available now. What an answer shows beside it is as of
/// when it was read, a little later: by then the book may have gone on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The number of an entry in the tenant's journal: the one that posted what was asked, now or earlier. Where a state was set that the
    /// book was in before, the last entry.
    pub seq: u64,
    /// When that entry was posted.
    pub time: String,
    /// What can be promised of the tenant's money after it: the balance with its credit, less what is held, and what is free of live
    /// grants.
    pub available: String,
    /// What that is in.
    pub currency: String,
}

/// Where an answer stands in the house's book. Nothing is available there: the house has no balance that anybody is promised anything
/// of, and what a provider has in advance is told by the movement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The number of an entry in the house's journal: the one that posted the movement, now or earlier.
    pub seq: u64,
    /// When that entry was posted.
    pub time: String,
}

/// A tenant, its money or its key after something of it was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed<T> {
    /// As it is now.
    #[serde(flatten)]
    pub now: T,
    /// Where the change stands.
    pub position: Position,
}
