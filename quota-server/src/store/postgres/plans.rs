//! How PostgreSQL is to find a batch's rows: by their keys, whatever it thinks of the tables.
//!
//! A prepared statement's plan is kept. One that was made while a table was young reads the whole table, which was right then, and
//! goes on doing so when millions of rows are in it, until statistics are taken that make it plan afresh. What a batch asks for is
//! always a few keys among many rows.

use super::link::Link;
use crate::store::StoreError;
use tokio_postgres::error::SqlState;

/// Each but the last makes a way that reads more than what was asked for the last resort. Taking that one seems so dear then that
/// its machine code would be compiled first, for longer than any batch takes: hence the last. A relative that does not know one is
/// left as it is.
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
                Err(error) if error.code() == Some(&SqlState::UNDEFINED_OBJECT) => {}
                set => set?,
            }
        }
        Ok(())
    })
}
