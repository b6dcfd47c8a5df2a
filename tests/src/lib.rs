//! The harness, and the tests that need a whole gateway.
//!
//! What starts a gateway is in `ferry-examples`, which the quickstart and the benches share; here is what only tests need.

pub mod python;
