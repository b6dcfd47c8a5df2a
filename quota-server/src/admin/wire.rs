//! The JSON of `/admin/v1`. Money is a decimal string beside its currency, a time is RFC 3339 in UTC.

mod closing;
mod corrections;
mod credit;
mod house;
mod limits;
mod position;
mod proof;
mod thaw;
mod transfers;

pub use closing::{CloseTenant, Closed};
pub use corrections::{Correction, Corrections, CreateCorrection, PostedCorrection};
pub use credit::{
    Account, Accounts, CreateGrant, Grant, Grants, IssuedGrant, SetOverage, SetReseller,
};
pub use house::{CreateMovement, Money, Move, Movement, Movements, PostedMovement};
pub use limits::{Counter, Counters, Limit, LimitScope, Limits, RemovedLimit, SetLimit, SetZone};
pub use position::{Changed, Place, Position};
pub use proof::{
    CheckHeads, Heads, HeadsVerdict, Progress, Seal, SealMonth, SealedWithout, Seals, VerifyLine,
};
pub use thaw::{Thaw, ThawEntry, Thawed};
pub use transfers::{CreateTransfer, PostedTransfer, Transfer, Transfers};

use crate::heads::HeadLine;
use serde::{Deserialize, Serialize};

/// What went wrong, as every answer but the good ones says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// It.
    pub error: FailureText,
}

/// A stable code for programs, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureText {
    /// Such as `unknown_tenant`.
    pub code: String,
    /// What happened, and what to do.
    pub message: String,
}

/// The server itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Version of the price table.
    pub price_version: String,
    /// Currency of the price table.
    pub currency: String,
    /// Version of the policy.
    pub policy_version: String,
    /// Whether it takes new calls.
    pub ready: bool,
    /// Where gateways call.
    pub grpc: String,
    /// Where health and metrics are.
    pub http: String,
    /// The database's file.
    pub database: String,
}

/// `POST tenants`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTenant {
    /// Chosen by the operator, for good.
    pub id: String,
    /// For people; the id if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The price table's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// A tenant with its money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Chosen by the operator.
    pub id: String,
    /// For people.
    pub name: String,
    /// What all its money is in.
    pub currency: String,
    /// `active`, `paused` or `closed`.
    pub state: String,
    /// Where its days and months begin, as limits count them.
    pub zone: String,
    /// What came in less what was charged.
    pub posted: String,
    /// What open reservations hold.
    pub held: String,
    /// What can still be promised: posted and credit, less what is held, and what is free of live grants.
    pub available: String,
    /// How many reservations are open.
    pub open_reservations: u64,
    /// Entries in its journal.
    pub seq: u64,
    /// When it was made.
    pub created_at: String,
    /// When its book last changed.
    pub changed_at: String,
    /// Why nothing is decided in its book any more.
    pub frozen: Option<String>,
    /// When and why it was closed, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
}

/// `GET tenants`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenants {
    /// All of them, by id.
    pub tenants: Vec<Tenant>,
}

/// `GET tenants/{id}/balance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Whose.
    pub tenant: String,
    /// What it is in.
    pub currency: String,
    /// What came in less what was charged.
    pub posted: String,
    /// What open reservations hold.
    pub held: String,
    /// What can still be promised: posted and credit, less what is held, and what is free of live grants.
    pub available: String,
    /// How many reservations are open.
    pub open_reservations: u64,
    /// Entries in the journal so far.
    pub seq: u64,
    /// What happens to charges beyond what is available: `debt`, `credit-line` or `absorb`.
    pub overage: String,
    /// Whoever gets a share of what the tenant pays.
    pub reseller: Option<String>,
    /// That share.
    pub reseller_percent: Option<String>,
    /// How far the balance may be promised below zero; it is counted in what is available.
    pub credit: String,
    /// Credit beside the balance, in the order of ids.
    pub grants: Vec<Grant>,
}

/// `POST tenants/{id}/keys`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// For people.
    #[serde(default)]
    pub label: String,
    /// Ends by itself after so many seconds; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<u64>,
}

/// The only answer that shows a key's secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedKey {
    /// The key.
    pub key: Key,
    /// Its secret, which the server does not keep.
    pub api_key: String,
    /// Where that it was made stands.
    pub position: Position,
}

impl std::fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("CreatedKey");
        shown.field("key", &self.key);
        shown
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// A customer's key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// `key_` and the readable part.
    pub id: String,
    /// Whose.
    pub tenant: String,
    /// For people.
    pub label: String,
    /// `active`, `paused` or `revoked`.
    pub state: String,
    /// When it was issued.
    pub created_at: String,
    /// When it ends by itself.
    pub expires_at: Option<String>,
    /// When it was last used.
    pub last_used_at: Option<String>,
}

/// `GET tenants/{id}/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// All of the tenant's keys.
    pub keys: Vec<Key>,
}

/// `POST tenants/{id}/top-ups`. The same source and reference stand for the same top-up, however often it is sent; of another tenant
/// they are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTopUp {
    /// Decimal.
    pub amount: String,
    /// Checked against the tenant's if present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Where from: a payment provider, a bank; `manual` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The payment's reference there.
    pub external_reference: String,
    /// For people.
    #[serde(default)]
    pub note: String,
}

/// A top-up that is posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUp {
    /// Whose.
    pub tenant: String,
    /// How much.
    pub amount: String,
    /// What it is in.
    pub currency: String,
    /// Where from.
    pub source: String,
    /// The payment's reference there.
    pub external_reference: String,
    /// Whether this call posted it; false if it had been posted before.
    pub posted_now: bool,
    /// Where it stands.
    pub position: Position,
    /// The head of the journal with this top-up in it, signed: `ferry verify --receipts` tells whether it still holds.
    pub receipt: HeadLine,
}

/// A reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The request's id.
    pub id: String,
    /// Whose.
    pub tenant: String,
    /// The customer's key.
    pub key: String,
    /// The gateway that made it.
    pub principal: String,
    /// `open`, `settled`, `released`, `expired`.
    pub state: String,
    /// Kept for a person to judge.
    pub parked: bool,
    /// What its money is in.
    pub currency: String,
    /// What was held.
    pub reserved: Option<String>,
    /// What was charged, once it has ended.
    pub charged: Option<String>,
    /// The model that was asked for.
    pub model: Option<String>,
    /// When it was granted.
    pub granted_at: Option<String>,
    /// While it is open: when the server may end it.
    pub lease_until: Option<String>,
}

/// `GET reservations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservations {
    /// Newest first.
    pub reservations: Vec<Reservation>,
}

/// Tokens by class; the classes are disjoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Read anew.
    pub input_tokens: u64,
    /// Read from the provider's cache.
    pub cached_input_tokens: u64,
    /// Written into the provider's cache.
    pub cache_write_tokens: u64,
    /// Audio read.
    pub audio_input_tokens: u64,
    /// Text written.
    pub output_tokens: u64,
    /// Thought.
    pub reasoning_tokens: u64,
    /// Audio written.
    pub audio_output_tokens: u64,
}

/// What the customer said about a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags {
    /// `x-ferry-feature`.
    pub feature: String,
    /// `x-ferry-environment`.
    pub environment: String,
    /// `x-ferry-end-user`.
    pub end_user: String,
    /// `x-ferry-session`.
    pub session: String,
    /// `x-ferry-agent`.
    pub agent: String,
}

/// One request: what was asked, what was served, what it cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// The request's id.
    pub request_id: String,
    /// Whose.
    pub tenant: String,
    /// The customer's key.
    pub key: String,
    /// The key's label.
    pub key_label: String,
    /// The gateway that settled it.
    pub principal: String,
    /// `settled` or `expired`.
    pub state: String,
    /// When the request began.
    pub created_at: String,
    /// When it was charged.
    pub posted_at: String,
    /// Where in the tenant's journal.
    pub seq: u64,
    /// What was asked of the provider.
    pub endpoint: String,
    /// Name of Envoy's route.
    pub route: String,
    /// `enforce` or `shadow`.
    pub mode: String,
    /// The answer was to be streamed.
    pub stream: bool,
    /// What the customer said about it.
    pub tags: Tags,
    /// The model that was asked for.
    pub model_requested: String,
    /// The model that served it; empty if none did.
    pub model_served: String,
    /// The provider of the last attempt; empty if there was none.
    pub provider: String,
    /// What is billed.
    pub usage: Usage,
    /// Where that comes from: `reported`, `counted`, `estimated`, `unreadable`, `none`.
    pub source: Option<String>,
    /// Why it ended; absent if its lease ran out.
    pub cause: Option<String>,
    /// The client's HTTP status.
    pub status: u32,
    /// From the request's headers to its end.
    pub latency_ms: u64,
    /// What its money is in.
    pub currency: String,
    /// What was held.
    pub reserved: Option<String>,
    /// What the customer was charged.
    pub charged: String,
    /// What was held and not needed.
    pub released: String,
    /// The part that was not charged, left to a person.
    pub suspended: String,
    /// What the providers take.
    pub cost: String,
    /// What that is in, here and in the attempts.
    pub cost_currency: String,
    /// Charged less cost; below zero where it costs more than it brings, absent where they are in different currencies.
    pub margin: Option<String>,
    /// Version of the price table.
    pub price_version: String,
    /// Version of the policy.
    pub policy_version: String,
    /// What is to be known about it.
    pub flags: Vec<String>,
    /// Every try, in order.
    pub attempts: Vec<Attempt>,
}

/// One try at one provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The provider's name in the price table.
    pub provider: String,
    /// The model as the provider reported it.
    pub model: String,
    /// HTTP status; 0 if no answer began.
    pub status: u32,
    /// What it used.
    pub usage: Usage,
    /// Where that comes from.
    pub source: String,
    /// The provider's own request id.
    pub provider_request_id: String,
    /// The service tier that was served.
    pub service_tier: String,
    /// From the attempt's start to its end.
    pub latency_ms: u64,
    /// Time to the first byte of the answer's body.
    pub first_byte_ms: Option<u64>,
    /// What the provider takes for it.
    pub cost: String,
}

/// `GET usage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecords {
    /// Newest first.
    pub usage: Vec<UsageRecord>,
}

/// `GET verify`: every balance derived from its journal again, and compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Nothing differs.
    pub clean: bool,
    /// Books looked at.
    pub books: u64,
    /// Journal entries replayed.
    pub entries: u64,
    /// The first difference found, in a sentence.
    pub difference: Option<String>,
    /// What was taken on trust, where only a part was asked for.
    #[serde(default)]
    pub trusted: Option<String>,
    /// Months whose seals are without some books, which were frozen then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<SealedWithout>,
    /// Books that had been frozen and went on, by the entries that say so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thawed: Vec<ThawEntry>,
}
