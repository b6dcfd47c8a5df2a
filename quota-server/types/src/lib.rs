//! Money, prices, tokens, usage and ids: the words that every other crate speaks.
//!
//! No I/O, no clock, no randomness, no floating point. Every value here is valid: it is made by parsing or by checked
//! arithmetic, and what cannot be represented is an error, never a zero.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

pub mod exchange;
mod id;
pub mod key;
pub mod money;
pub mod price;
pub mod request;
pub mod settlement;
pub mod usage;

#[cfg(feature = "decimal")]
pub use exchange::InvalidRate;
pub use exchange::{Exchange, ExchangeRate};
pub use id::{
    CorrectionId, GrantId, InvalidId, KeyId, LimitId, MovementId, PrincipalName, ResellerName,
    ReservationId, TenantId, TransferId,
};
pub use key::{InvalidKey, KeyDigest, KeyText};
pub use money::{Amount, Balance, Currency, Overflow};
pub use price::{Price, Rates, Rounding};
pub use request::{Endpoint, Mode, RequestFacts, Tags};
pub use settlement::{Attempt, EndCause, Settlement, UsageSource};
pub use usage::{TokenClass, Usage};
