//! Administration: JSON under `/admin/v1`, on a listener of its own, and its client.
//!
//! Whatever changes state goes through here to the one engine; the command line is a client like any other. Who may connect
//! to the Unix socket, or has the operator's token, may do everything: nothing else stands in front of the money.

mod asked;
mod client;
mod closing;
mod corrections;
mod credit;
mod failure;
mod heads;
mod house;
mod limits;
mod routes;
mod seals;
mod thaw;
mod transfers;
mod verify;
mod view;
pub mod wire;

pub use client::{Client, ClientError, InvalidServer, Show};
pub(crate) use heads::heads_verdict;
pub(crate) use routes::{AdminState, router};
pub(crate) use view::verdict;
