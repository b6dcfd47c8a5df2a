//! The harness, and the tests that need a whole gateway.
