//! The ledger: pure, deterministic decisions about money, and the journal they leave.
//!
//! One [`Book`] a tenant, and the [`House`]'s own. [`decide`] looks at a book and a [`Command`] and says what happens ([`Event`]s) and what to answer;
//! [`Book::apply`] carries an event out and gives the journal's [`Entry`]. The state is the fold of the journal, nothing else:
//! [`verify`] derives it again.
//! No I/O, no clock, no randomness, no floating point; no input, however absurd, panics.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects
    )
)]

pub mod account;
pub mod answer;
mod apply;
mod bill;
pub mod book;
mod closing;
pub mod command;
pub mod correction;
mod decide;
mod difference;
pub mod event;
pub mod flag;
mod funds;
pub mod grant;
pub mod house;
mod in_flight;
pub mod invariant;
pub mod journal;
pub mod lifeless;
pub mod limit;
pub mod month;
pub mod offer;
pub mod overage;
pub mod position;
pub mod refusal;
mod reissue;
pub mod reseller;
pub mod reservation;
pub mod seal;
mod served;
mod sizing;
mod thaw;
pub mod time;
pub mod totals;
pub mod transaction;
pub mod transfer;
pub mod verify;
pub mod zone;

pub use account::Account;
pub use answer::{
    AdminAnswer, Answer, Decision, ExpireAnswer, Granted, ReleaseAnswer, RenewAnswer,
    ReserveAnswer, SettleAnswer,
};
pub use apply::{Misfit, Recorded};
pub use book::{Book, Head, Key, KeyState, PostedTopUp, TenantState, TopUpRef};
pub use closing::{Closing, Remainder};
pub use command::{
    Command, Correct, Expire, IssueGrant, IssueKey, OpenTenant, Release, Renew, Reserve,
    SetKeyState, SetLimit, Settle, TopUp,
};
pub use correction::{Corrected, Correction, PostedCorrection, Reason, Remedy};
pub use decide::{decide, open};
pub use event::{Event, ParkReason, ParkedAfter};
pub use flag::{Flag, Flags};
pub use funds::available;
pub use grant::{Grant, GrantKind, GrantScope, GrantSlice};
pub use house::{House, HouseAnswer, HouseCommand, HouseEvent, HouseVerifier, Move, Movement};
pub use in_flight::IdempotencyKey;
pub use invariant::{Broken, Invariant};
pub use journal::Entry;
pub use journal::codec::InvalidEncoding;
pub use lifeless::Lifeless;
pub use limit::counter::{Counted, Counter, Counts, Subject};
pub use limit::measure::Measure;
pub use limit::reached::LimitReached;
pub use limit::window::{Span, Window};
pub use limit::{Each, LIMITS_MAX, Limit, LimitScope, LimitTerms};
pub use month::{InvalidMonth, Month};
pub use offer::{Candidate, ModelLimits, Offer, Rules};
pub use overage::Overage;
pub use position::{About, Place, Position};
pub use refusal::Refusal;
pub use reissue::Reissued;
pub use reseller::{Reseller, Share};
pub use reservation::{
    Charge, First, Freed, Hold, Owner, ParkedSettlement, Posting, Refused, Reservation, Standing,
    State, StateName,
};
pub use seal::MonthSealed;
pub use thaw::{NotThawed, Thaw, ThawBook};
pub use time::UnixMs;
pub use totals::Totals;
pub use transaction::{Line, Transaction};
pub use transfer::{Direction, PostedTransfer, Transfer, Transferred, transfer};
pub use verify::{Difference, Priced, Prices, Replayed, Verifier};
pub use zone::{InvalidZone, Zone};
