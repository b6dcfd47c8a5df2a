//! The JSON of limits. What is limited in money is a decimal string in the tenant's currency, all else a number in a string.

use serde::{Deserialize, Serialize};

/// `POST tenants/{tenant}/limits`: sets a limit, or changes the bound of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetLimit {
    /// Chosen by the operator.
    pub id: String,
    /// What is counted: `requests`, `input_tokens`, `output_tokens`, `tokens` or `money`.
    pub measure: String,
    /// How long, before it begins anew: `minute` and `hour` of UTC, `day`, `week` from Monday on and `month` in the tenant's zone,
    /// `lifetime`; or `at_once`, what is in flight.
    pub span: String,
    /// The most that each counter lets through. Nothing lets nothing through.
    pub bound: String,
    /// What it applies to; everything that is said must be so.
    #[serde(default)]
    pub scope: LimitScope,
    /// What it counts apart: `key`, `model`, `feature`, `environment` or `end_user`; all together if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
    /// Most of these that are counted apart; the rest is counted together. 1,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subjects_max: Option<u32>,
}

/// What a limit applies to; everything if nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitScope {
    /// A key's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// A model of the price table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// As in `x-ferry-feature`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    /// As in `x-ferry-environment`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// As in `x-ferry-end-user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_user: Option<String>,
}

/// A limit, and what it has counted in its present window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Chosen by the operator.
    pub id: String,
    /// What is counted.
    pub measure: String,
    /// How long.
    pub span: String,
    /// The most that each counter lets through.
    pub bound: String,
    /// What that is in, if it is money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// What it applies to.
    pub scope: LimitScope,
    /// What it counts apart; all together if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
    /// Most of these that are counted apart.
    pub subjects_max: u32,
    /// How many of these anything counts for now.
    pub subjects: u64,
    /// When its present window began; absent if it has none, or if nothing came in it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_start: Option<String>,
    /// When that ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_end: Option<String>,
    /// What its only counter says; absent if it counts apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<Counter>,
}

/// What was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// For whom: a key, an end user and so on; absent for all that do not say, or came when there were too many, and where all is
    /// counted together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What counts against the bound.
    pub counted: String,
    /// What of that requests in flight hold.
    pub held: String,
    /// What is left.
    pub left: String,
}

/// `GET tenants/{tenant}/limits`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// All of them, by id.
    pub limits: Vec<Limit>,
}

/// `GET tenants/{tenant}/limits/{limit}/counters`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// The limit.
    pub limit: Limit,
    /// Its counters, those with the least left first.
    pub counters: Vec<Counter>,
}

/// `POST tenants/{tenant}/limits/{limit}/remove`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedLimit {
    /// Which.
    pub id: String,
    /// Whether it was there.
    pub removed_now: bool,
}

/// `POST tenants/{tenant}/zone`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetZone {
    /// Of the IANA database, such as `Europe/Berlin`.
    pub zone: String,
}
