//! How PostgreSQL is to find a batch's rows: by their keys, whatever it thinks of the tables.
//!
//! A prepared statement's plan is kept. One that was made while a table was young reads the whole table, which was right then, and
//! goes on doing so when millions of rows are in it, until statistics are taken that make it plan afresh. What a batch asks for is
//! always a few keys among many rows.

use super::link::Link;
use crate::store::StoreError;
use tokio_postgres::error::SqlState;

/// Each but the last makes a way that reads more than what was asked for the last resort. Taking that one seems so dear then that
/// its machine code would be compiled first, for longer than any batch takes: hence the last.
const BY_KEY: [&str; 4] = [
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET jit = off",
];

/// For as long as the connection lives.
pub(super) fn by_key(link: &Link) -> Result<(), StoreError> {
    link.run("set how rows are found", async |link| {
        for setting in BY_KEY {
            match link.batch(setting).await {
                Err(error) if error.code().is_some_and(is_without) => {}
                set => set?,
            }
        }
        Ok(())
    })
}

/// A relative that has no such setting is left as it is: it says that it does not know it, or, as CockroachDB does of most settings of
/// PostgreSQL's planner, that it does not support it.
fn is_without(said: &SqlState) -> bool {
    [SqlState::UNDEFINED_OBJECT, SqlState::FEATURE_NOT_SUPPORTED].contains(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_setting_that_is_not_there_is_passed_over() {
        for (code, passed_over) in [
            ("42704", true),
            ("0A000", true),
            ("42501", false),
            ("57P01", false),
        ] {
            assert_eq!(
                is_without(&SqlState::from_code(code)),
                passed_over,
                "{code}"
            );
        }
    }
}
