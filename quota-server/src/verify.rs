//! `verify`: derives everything again from the journals, and compares it with what the tables say.

use ferry_types::TenantId;
use std::path::Path;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// Everything agrees.
    pub clean: bool,
    /// Books looked at.
    pub tenants: u64,
    /// Entries of journals looked at.
    pub entries: u64,
    /// The first thing that does not agree.
    pub difference: Option<Difference>,
}

/// Something that does not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In whose book; `None` if it belongs to none.
    pub tenant: Option<TenantId>,
    /// The journal's entry, if it is one.
    pub seq: Option<u64>,
    /// What, where, what was expected and what was found.
    pub what: String,
}

/// The database could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] crate::store::OpenError),
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The verification was broken off.
    #[error("the verification was broken off")]
    Stopped,
}

/// Verifies a database, whether a server has it open or not.
///
/// # Errors
/// [`VerifyError`] if it cannot be read. What does not agree is in the report, and no error.
pub fn verify(database: &Path) -> Result<VerifyReport, VerifyError> {
    let _reader = crate::store::sqlite::SqliteReader::open(database)?;
    Err(VerifyError::Stopped)
}
