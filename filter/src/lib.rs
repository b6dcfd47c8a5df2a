//! The wasm shell of the filter: Envoy calls it, the core decides.
