//! The harness, and the tests that need a whole gateway.
//!
//! What starts a gateway is in `ferry-examples`, which the quickstart and the benches share; here is what only tests need.

pub mod books;
pub mod client;
pub mod pause;
pub mod prices;
pub mod python;
pub mod quota;
pub mod stats;

/// The gateway of `ferry-examples` with this crate's `ferry`, as a builder. For tests and benches of this crate: only
/// they are told where the program is.
#[macro_export]
macro_rules! gateway {
    () => {
        ferry_examples::gateway::Gateway::builder(ferry_examples::gateway::Program::new(env!(
            "CARGO_BIN_EXE_ferry-server"
        )))
    };
}
