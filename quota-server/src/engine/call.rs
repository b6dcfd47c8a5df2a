//! What the engine is asked, and what it answers.

use crate::policy::ModelOffers;
use crate::principal::Principal;
use ferry_ledger::{Head, Month, Position, UnixMs};
use ferry_types::{Currency, KeyId, KeyText, TenantId};
use std::sync::Arc;
use std::time::Instant;

/// Reserve, as the transport hands it over.
#[derive(Clone, Debug)]
pub struct ReserveCall {
    /// The gateway, as its credential shows it.
    pub principal: Arc<Principal>,
    /// What it asks.
    pub call: ferry_api::Reserve,
    /// The model's offers as of now; `None` if it is unknown, unpriced or not allowed.
    pub offers: Option<Arc<ModelOffers>>,
    /// After this nobody waits for the answer.
    pub deadline: Option<Instant>,
}

/// One item of Settle, as the transport hands it over.
#[derive(Clone, Debug)]
pub struct SettleCall {
    /// What the gateway says.
    pub call: ferry_api::Settle,
    /// The model's offers as of now, for a reservation that was never seen.
    pub offers: Option<Arc<ModelOffers>>,
}

/// A new tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTenant {
    /// Its id, for good.
    pub tenant: TenantId,
    /// Shown to people.
    pub name: String,
    /// What all its money is in, for good.
    pub currency: Currency,
}

/// A new key, to be shown once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedKey {
    /// Its id.
    pub key: KeyId,
    /// The secret. The server keeps no copy.
    pub text: KeyText,
}

/// A price table, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceTable {
    /// Its version, for good.
    pub version: String,
    /// The file's text.
    pub content: String,
}

/// A durable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered<A> {
    /// The server's clock when the batch was decided.
    pub server_time: UnixMs,
    /// The book after what was decided; `None` if the key is nobody's, or not the gateway's to serve.
    pub book: Option<BookView>,
    /// What the ledger answers.
    pub answer: A,
}

/// What every answer says about its book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookView {
    /// Whose.
    pub tenant: TenantId,
    /// What its money is in.
    pub currency: Currency,
    /// Where the answer stands in it.
    pub position: Position,
    /// The end of its journal.
    pub head: Head,
}

/// The engine could not carry a call out. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// More reservations wait than can be served in time.
    #[error("too many reservations are waiting")]
    Overloaded,
    /// The caller's deadline passed before it was decided.
    #[error("the deadline passed before the request was decided")]
    DeadlinePassed,
    /// The store failed, or too much waits. It may work again later.
    #[error("the store is not available")]
    Unavailable,
    /// The engine has stopped.
    #[error("the server is stopping")]
    Stopped,
    /// The database is not what was acknowledged: nothing is decided.
    #[error("not ready: {0}")]
    Held(String),
    /// There is no such tenant.
    #[error("there is no tenant '{0}'")]
    UnknownTenant(TenantId),
    /// Only a month that is over is sealed.
    #[error("{0} is not over yet in UTC: only a month that is over is sealed")]
    MonthNotOver(Month),
    /// A frozen book that cannot even be read.
    #[error("the book of '{0}' is frozen: `ferry verify` says why")]
    FrozenBook(TenantId),
    /// A frozen book takes no seal.
    #[error(
        "{month} is not sealed: the books of {} are frozen, and `ferry verify` says why. Mend them, or seal the month without them: \
         `ferry seal {month}{}`", quoted(.books), options(.books)
    )]
    FrozenBooks {
        /// The month.
        month: Month,
        /// Which are frozen and do not say that it is sealed.
        books: Vec<TenantId>,
    },
    /// Only frozen books are left out.
    #[error(
        "the book of '{0}' is not frozen: a month is sealed with it; leave only frozen books out"
    )]
    NotFrozen(TenantId),
    /// A seal is for good, with what it covers.
    #[error("{month} is sealed already, {}, and a seal is for good: see `ferry seal --list`", whom(.without))]
    SealedOtherwise {
        /// The month.
        month: Month,
        /// What its seal is without.
        without: Vec<TenantId>,
    },
    /// The version stands for another table.
    #[error("price version '{0}' is known with other content: a changed table needs a new version")]
    PriceVersionTaken(String),
}

/// Names for people.
fn quoted(books: &[TenantId]) -> String {
    let names: Vec<_> = books.iter().map(|book| format!("'{book}'")).collect();
    names.join(", ")
}

/// The options that leave them out.
fn options(books: &[TenantId]) -> String {
    books
        .iter()
        .map(|book| format!(" --without {book}"))
        .collect()
}

fn whom(without: &[TenantId]) -> String {
    if without.is_empty() {
        "for all books".to_owned()
    } else {
        format!("without {}", quoted(without))
    }
}
