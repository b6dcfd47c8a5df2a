//! The JSON of thawing a frozen book.

use serde::{Deserialize, Serialize};

/// `POST tenants/{tenant}/thaw` and `POST house/thaw`: its rows were mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thaw {
    /// As of a correction: `mistake`, `other` and so on.
    pub reason: String,
    /// Who approved it.
    pub approver: String,
    /// For people: what was mended.
    #[serde(default)]
    pub note: String,
}

/// A book that is not frozen. Its place is a [`super::Position`]; that of the house's own book a [`super::Place`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thawed<P> {
    /// Whose.
    pub book: String,
    /// Whether this call thawed it; false if it was not frozen: then nothing was done, and nothing else is told.
    pub thawed_now: bool,
    /// Why it had been frozen.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub frozen_for: Option<String>,
    /// Where its journal says so.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub position: Option<P>,
}

const fn none<T>() -> Option<T> {
    None
}

/// A journal's entry that a frozen book goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThawEntry {
    /// Whose book.
    pub book: String,
    /// When.
    pub at: String,
    /// Where in its journal.
    pub seq: u64,
    /// Why it had been frozen.
    pub frozen_for: String,
    /// Why it goes on.
    pub reason: String,
    /// Who approved it.
    pub approver: String,
    /// For people.
    pub note: String,
}
