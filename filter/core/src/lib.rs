//! The filter without its host: events in, effects out.
//!
//! Nothing here knows of Envoy, a clock, randomness or I/O: what they give comes in with an event, what is to be done goes out
//! as an effect. Nothing here panics: a trap would stop billing for every stream of a worker.

#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects
    )
)]

pub mod attempts;
pub mod clock;
pub mod config;
pub mod converse;
pub mod effect;
pub mod endpoint;
pub mod estimate;
pub mod exchange;
pub mod guard;
pub mod headers;
pub mod json;
pub mod key;
pub mod known_keys;
pub mod metrics;
pub mod models;
pub mod outbox;
pub mod reply;
pub mod request;
pub mod tags;
pub mod usage;
pub mod worker;

/// Full name of the quota service, for the host's gRPC calls.
pub const QUOTA_SERVICE: &str = ferry_api::method::SERVICE;
