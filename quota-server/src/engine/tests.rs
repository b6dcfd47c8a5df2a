//! The engine on a real SQLite file in a temporary folder.

mod basics;
mod expiry;
pub(crate) mod fixture;
