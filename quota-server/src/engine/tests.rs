//! The engine on a real SQLite file in a temporary folder.

mod accepted_loss;
mod authority;
mod basics;
pub(crate) mod cluster;
mod conformance;
pub(crate) mod corrections;
mod crash;
mod expiry;
mod failover;
mod failure;
pub(crate) mod fixture;
mod grants;
mod history;
pub(crate) mod house;
mod idempotency;
mod keys;
mod load;
mod lost_commit;
mod migrate;
mod retention;
mod schedules;
mod seal;
mod servers;
mod storms;
mod torn;
pub(crate) mod transfers;
mod unreadable;
