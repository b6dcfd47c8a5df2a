//! What the server offers for a request: the prices, versions and limits that a reservation pins.

use crate::lifeless::Lifeless;
use crate::time::UnixMs;
use ferry_types::{Currency, Exchange, Rates};
use std::collections::BTreeSet;

/// What a model takes and gives, beside its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelLimits {
    /// Most tokens of input and output together, for one choice.
    pub context_tokens_max: u64,
    /// Most output tokens of one choice.
    pub output_tokens_max: u64,
    /// A clamped output limit below this is of no use: the request is refused instead.
    pub output_tokens_floor: u64,
    /// Most choices that are priced.
    pub choices_max: u32,
}

/// A provider's model that may serve the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The provider's name in the price table.
    pub provider: String,
    /// The provider's own name of the model.
    pub model: String,
    /// What else it calls that model where it says what it served, such as the name of a dated snapshot.
    pub aliases: BTreeSet<String>,
    /// The field in which this model takes its output limit.
    pub output_limit_field: String,
    /// What the provider takes from us.
    pub cost: Rates,
}

/// One model, priced for one tenant. Immutable: another price is another offer, under another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Version of the price table.
    pub price_version: String,
    /// Version of the policy.
    pub policy_version: String,
    /// The model's name in the price table.
    pub model: String,
    /// In the order of preference; the first stands for a provider that is not listed.
    pub candidates: Vec<Candidate>,
    /// What the customer pays in: the currency of the price, the hold and the charge.
    pub currency: Currency,
    /// What that price was made from, if the table is in another currency. Providers are paid in the table's.
    pub exchange: Option<Exchange>,
    /// What the customer pays.
    pub customer: Rates,
    /// What the model takes and gives.
    pub limits: ModelLimits,
    /// Most output tokens of one choice where the client set no limit.
    pub clamp_ceiling: u64,
    /// What a request to this model writes, as was learned: what is charged where nothing tells. 0 while nothing was learned.
    pub output_tokens_median: u64,
    /// What becomes of a request that never shows life.
    pub lifeless: Lifeless,
}

impl Offer {
    /// What providers are paid in.
    #[must_use]
    pub fn cost_currency(&self) -> Currency {
        self.exchange
            .map_or(self.currency, |exchange| exchange.from)
    }
}

/// The times that the server was configured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long a hold stands, as the gateway counts it from sending.
    pub lease_ms: u64,
    /// How much longer the server lets it stand, so that the holder stops before the grantor frees.
    pub margin_ms: u64,
    /// A settle of a reservation never seen is judged up to this age of its id.
    pub recovery_window_ms: u64,
}

impl Rules {
    /// When the server may end a lease that it gives now.
    #[must_use]
    pub const fn lease_until(&self, now: UnixMs) -> UnixMs {
        now.plus_ms(self.lease_ms).plus_ms(self.margin_ms)
    }
}
