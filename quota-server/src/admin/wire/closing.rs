//! The JSON of closing a tenant.

use serde::{Deserialize, Serialize};

/// `POST tenants/{tenant}/close`. For good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseTenant {
    /// As of a correction: `requested`, `fraud`, `other` and so on.
    pub reason: String,
    /// Who approved it.
    pub approver: String,
    /// For people.
    #[serde(default)]
    pub note: String,
}

/// That a tenant was closed. Its id is never given again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When.
    pub at: String,
    /// Why.
    pub reason: String,
    /// Who approved it.
    pub approver: String,
    /// For people.
    pub note: String,
    /// Where in its journal.
    pub seq: u64,
}
