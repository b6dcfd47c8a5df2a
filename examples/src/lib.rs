//! The quickstart, the provider simulator, and what starts a whole gateway on one machine.
//!
//! Everything here is for one machine and for loopback. The quickstart, the end-to-end tests and the benches share it, so that
//! what a newcomer sees is what is tested and measured.

pub mod envoy;
pub mod failing_disk;
pub mod folder;
pub mod gateway;
pub mod platform;
pub mod postgres;
pub mod process;
pub mod progress;
pub mod python;
pub mod simulator;
pub mod toolchain;
pub mod wait;
pub mod wheel;
pub mod workspace;
