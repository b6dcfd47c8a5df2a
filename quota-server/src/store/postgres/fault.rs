//! What PostgreSQL's errors mean to a batch.

use crate::store::StoreError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Somebody else was faster, or the database wants its transactions in another order: the batch is to be run again.
const CONFLICTS: [SqlState; 5] = [
    SqlState::T_R_SERIALIZATION_FAILURE,
    SqlState::T_R_DEADLOCK_DETECTED,
    // Two servers appended the same entry of a journal, or made the same tenant or key: the second finds what the first wrote.
    SqlState::UNIQUE_VIOLATION,
    // Two servers made the same table at the same time: IF NOT EXISTS does not wait for the other's.
    SqlState::DUPLICATE_TABLE,
    SqlState::DUPLICATE_OBJECT,
];

/// Names what was tried, and sorts out what is to be done.
pub(super) fn failed(action: &'static str) -> impl Fn(Error) -> StoreError + Copy {
    move |error| {
        let conflict = error.code().is_some_and(|code| CONFLICTS.contains(code));
        let gone = is_gone(&error);
        let source = error.into();
        if conflict {
            StoreError::Conflict { action, source }
        } else if gone {
            StoreError::Gone { action, source }
        } else {
            StoreError::Database { action, source }
        }
    }
}

/// Whether there is no connection any more: it broke, or the server ends it (classes 08 and 57P).
pub(super) fn is_gone(error: &Error) -> bool {
    error
        .code()
        .map_or(error.is_closed() || is_io(error), |code| {
            code.code().starts_with("08") || code.code().starts_with("57P")
        })
}

fn is_io(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<std::io::Error>() {
            // What cannot be understood is said to be this, too.
            return error.kind() != std::io::ErrorKind::InvalidData;
        }
        source = cause.source();
    }
    false
}
