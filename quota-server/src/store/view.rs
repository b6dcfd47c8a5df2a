//! What reports show: rows of the projections as a reader finds them. Nothing here decides anything.

use ferry_ledger::house::PostedMovement;
use ferry_ledger::{
    Closing, Counter, Flag, Grant, KeyState, Limit, Overage, PostedCorrection, PostedTransfer,
    Reseller, StateName, Subject, TenantState, UnixMs, Zone,
};
use ferry_types::{
    Amount, Balance, CorrectionId, Currency, EndCause, Endpoint, GrantId, KeyId, LimitId, Mode,
    MovementId, PrincipalName, ReservationId, Tags, TenantId, TransferId, Usage, UsageSource,
};

/// A tenant with its money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantView {
    /// Its id.
    pub tenant: TenantId,
    /// Shown to people.
    pub name: String,
    /// What all its money is in.
    pub currency: Currency,
    /// Whether it may spend.
    pub state: TenantState,
    /// Where its days and months begin.
    pub zone: Zone,
    /// What came in less what was charged.
    pub posted: Balance,
    /// What open reservations hold.
    pub held: Amount,
    /// What can still be promised: see [`ferry_ledger::Book::available`].
    pub available: Balance,
    /// How many reservations are open.
    pub open_reservations: u64,
    /// Entries in its journal.
    pub seq: u64,
    /// When it was made.
    pub created_at: UnixMs,
    /// Time of the last entry.
    pub changed_at: UnixMs,
    /// Why nothing is decided in its book any more.
    pub frozen: Option<String>,
    /// When and why it was closed, if it was.
    pub closed: Option<ClosedView>,
    /// What happens to charges beyond what is available.
    pub overage: Overage,
    /// Whoever gets a share of what it pays.
    pub reseller: Option<Reseller>,
}

/// That a tenant was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedView {
    /// When.
    pub at: UnixMs,
    /// Where in the journal.
    pub seq: u64,
    /// Why, and who approved it.
    pub closing: Closing,
}

/// A grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantView {
    /// Its id.
    pub id: GrantId,
    /// As it stands.
    pub grant: Grant,
}

/// A limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitView {
    /// Its id.
    pub id: LimitId,
    /// As it stands.
    pub limit: Limit,
    /// What its only counter says; nothing if it counts apart.
    pub whole: Counter,
}

/// A limit with all its counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountersView {
    /// The limit.
    pub limit: LimitView,
    /// What it has counted.
    pub counters: Vec<(Subject, Counter)>,
}

/// Something that a person put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrectionView {
    /// Its id.
    pub id: CorrectionId,
    /// As it was posted.
    pub posted: PostedCorrection,
}

/// Money that went from or to another book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferView {
    /// Its id.
    pub id: TransferId,
    /// As it was posted.
    pub posted: PostedTransfer,
}

/// Something that happened in the house's book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovementView {
    /// Its id.
    pub id: MovementId,
    /// As it was posted.
    pub posted: PostedMovement,
}

/// An account, with the sum of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// Its stable name.
    pub account: String,
    /// What it is in.
    pub currency: Currency,
    /// The sum: a debit above zero.
    pub balance: Balance,
    /// What of it stands in the house's book; the rest stands in the tenants'.
    pub of_house: Balance,
}

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyView {
    /// Whose.
    pub tenant: TenantId,
    /// Its id.
    pub key: KeyId,
    /// Shown to people.
    pub label: String,
    /// Whether it may be used.
    pub state: KeyState,
    /// When it was issued.
    pub created_at: UnixMs,
    /// When it ends by itself.
    pub expires_at: Option<UnixMs>,
    /// When it last came with a request that was decided; a little late at times.
    pub last_used_at: Option<UnixMs>,
}

/// A reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationView {
    /// Whose.
    pub tenant: TenantId,
    /// Its id, which is the request's.
    pub id: ReservationId,
    /// The gateway that made it.
    pub principal: PrincipalName,
    /// The customer's key.
    pub key: KeyId,
    /// Where it stands.
    pub state: StateName,
    /// It is kept for a person to judge.
    pub parked: bool,
    /// What its money is in.
    pub currency: Currency,
    /// What was held; `None` if it was never granted.
    pub reserved: Option<Amount>,
    /// What was charged, once it has ended.
    pub charged: Option<Amount>,
    /// The model that was asked for.
    pub model: Option<String>,
    /// When it was granted.
    pub granted_at: Option<UnixMs>,
    /// While it is open: when the server may end it.
    pub lease_until: Option<UnixMs>,
}

/// Which reservations to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReservationQuery {
    /// Of this tenant only.
    pub tenant: Option<TenantId>,
    /// Only what holds money now.
    pub open_only: bool,
    /// At most so many, newest first.
    pub limit: usize,
}

/// Which usage records to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageQuery {
    /// Of this tenant only.
    pub tenant: Option<TenantId>,
    /// Of this request only.
    pub request: Option<ReservationId>,
    /// At most so many, newest first.
    pub limit: usize,
}

/// One request: what was asked, what was served, what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageView {
    /// Whose.
    pub tenant: TenantId,
    /// The request's id.
    pub id: ReservationId,
    /// The gateway that settled it.
    pub principal: PrincipalName,
    /// The customer's key.
    pub key: KeyId,
    /// The key's label.
    pub key_label: String,
    /// `settled` or `expired`.
    pub state: StateName,
    /// When the request began, as its id says.
    pub created_at: UnixMs,
    /// When it was charged.
    pub posted_at: UnixMs,
    /// Where in the tenant's journal.
    pub seq: u64,
    /// What was asked of the provider.
    pub endpoint: Endpoint,
    /// Name of Envoy's route.
    pub route: String,
    /// Whether the decision bound.
    pub mode: Mode,
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
    /// Where the last attempt's usage comes from.
    pub source: Option<UsageSource>,
    /// Why it ended; `None` if its lease ran out.
    pub cause: Option<EndCause>,
    /// The client's HTTP status; 0 if its lease ran out.
    pub status: u32,
    /// From the request's headers to its end.
    pub latency_ms: u64,
    /// What its money is in.
    pub currency: Currency,
    /// What was held.
    pub reserved: Option<Amount>,
    /// What the usage comes to at the customer's price.
    pub priced: Amount,
    /// The part of it that was not charged, left to a person.
    pub suspended: Amount,
    /// What the customer was charged.
    pub charged: Amount,
    /// What was held and not needed.
    pub released: Amount,
    /// What the providers take.
    pub cost: Amount,
    /// What that is in; all else is in the tenant's currency.
    pub cost_currency: Currency,
    /// Version of the price table; empty if no price was known.
    pub price_version: String,
    /// Version of the policy; empty if no price was known.
    pub policy_version: String,
    /// What is to be known about it.
    pub flags: Vec<Flag>,
    /// Every try, in order.
    pub attempts: Vec<AttemptView>,
}

/// One try at one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptView {
    /// The provider's name in the price table.
    pub provider: String,
    /// The model as the provider reported it.
    pub model: String,
    /// HTTP status; 0 if no answer began.
    pub status: u32,
    /// What it used, as the gateway said.
    pub usage: Usage,
    /// Where that comes from.
    pub source: UsageSource,
    /// The provider's own request id.
    pub provider_request_id: String,
    /// The service tier that was served.
    pub service_tier: String,
    /// From the attempt's start to its end.
    pub latency_ms: u64,
    /// Time to the first byte of the answer's body.
    pub first_byte_ms: Option<u64>,
    /// What the provider takes for it.
    pub cost: Amount,
}
