//! The quota-and-ledger server, and ferry, its command line.

pub mod config;
pub mod document;
pub mod engine;
pub mod grpc;
pub mod key_directory;
pub mod listener;
pub mod metrics;
pub mod policy;
pub mod price_book;
pub mod principal;
pub mod store;
pub mod timestamp;
pub mod verify;
