//! What the ledger must answer, said a second time and naively: for tests.
//!
//! [`Naive`] is one tenant's book in plain integers: no events, no codec, no journal, nothing of the ledger's code. Only `speak`
//! knows both sides, and puts a [`Step`] into the ledger's words and an answer of the ledger's back into a [`Told`]. What can be asked
//! at random is in `draw`; the same numbers give the same steps.
//!
//! A new command of the ledger's comes in as a [`Step`], gets a file under `naive` that says what it does to a book, and a line in
//! `speak`; then the ledger's own tests and the stores' all ask it. It gets a line in [`Tally`] too, and then it must have been drawn.
//! What gateways may do is judged before a book is asked, by [`Authority`].

mod caller;
mod chance;
mod draw;
mod evidence;
mod limit;
mod naive;
mod order;
mod request;
mod speak;
mod step;
mod told;

pub use caller::{Caller, Gateway, Key};
pub use chance::Chance;
pub use draw::{Draw, Kind};
pub use evidence::{Evidence, Served, Source};
pub use limit::{Each, LimitOrder, Measure, Span, Zone};
pub use naive::{At, Authority, Grant, Judged, Limit, Naive, Row, Standing, Who, end_of};
pub use order::{
    CorrectionOrder, GrantKind, GrantName, GrantOrder, KeyOrder, KeyState, Policy, Remedy,
    TopUpOrder, TransferOrder,
};
pub use request::{Asks, Facts, Request};
pub use speak::{
    PRICES, Spoken, Tally, grant_id, key_digits, limit_id, offer, reservation_id, speak, subject,
    tenant, told,
};
pub use step::{Offered, Rules, Step};
pub use told::Told;
