//! The quota-and-ledger server, and ferry, its command line.

pub mod admin;
pub mod backup;
pub mod cli;
pub mod config;
pub mod document;
mod draining;
mod durable_file;
pub mod engine;
pub mod grpc;
pub mod heads;
mod hex;
mod http;
pub mod key_directory;
pub mod learned;
pub mod listener;
pub mod metrics;
pub mod migrate;
pub mod policy;
pub mod price_book;
pub mod principal;
pub mod seal;
pub mod serve;
pub mod store;
pub mod timestamp;
pub mod verify;

/// What whoever runs the server gives out memory with. What callers ask for the writer gives back, which costs the system's own
/// allocator a sixth of the writer's time.
pub use mimalloc::MiMalloc as Allocator;
