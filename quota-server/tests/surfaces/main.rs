//! The server's surfaces as a gateway, an operator and a platform meet them: a real `ferry` process, its sockets, its command
//! line.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets what it did not expect fails, and says what it met"
)]

mod accept_loss;
mod authority;
mod backup;
mod closing;
mod command_line;
mod conversation;
mod corrections;
mod credit;
mod currencies;
mod disk;
mod drain;
mod ferry;
mod gateway;
mod heads;
mod house;
mod learned;
mod limits;
mod migrate;
mod position;
mod probes;
mod quota;
mod refusals;
mod thaw;
mod tls;
mod transfers;
