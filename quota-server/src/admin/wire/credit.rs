//! What stands beside the balance: grants, overage policies, and the accounts that everything is posted to.

use super::Position;
use serde::{Deserialize, Serialize};

/// `POST tenants/{id}/overage`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetOverage {
    /// `debt`, `credit-line` or `absorb`.
    pub policy: String,
    /// Decimal; with `credit-line` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<String>,
}

/// `POST tenants/{id}/reseller`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetReseller {
    /// Its name; nobody if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reseller: Option<String>,
    /// Its share of what the tenant pays, decimal with at most two digits behind the point; with a reseller only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<String>,
}

/// `POST tenants/{id}/grants`. The same id stands for the same grant, however often it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateGrant {
    /// Chosen by whoever grants it, for good.
    pub id: String,
    /// Decimal, in the tenant's currency.
    pub amount: String,
    /// `paid`, `promotional` or `refund`; `paid` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Lower burns first; 100 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// It pays for these models only; for all if empty.
    #[serde(default)]
    pub models: Vec<String>,
    /// It pays only where these providers alone may serve; wherever if empty.
    #[serde(default)]
    pub providers: Vec<String>,
    /// From the beginning of this day in UTC on; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<String>,
    /// Until the beginning of this day in UTC; for ever if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// For people.
    #[serde(default)]
    pub note: String,
}

/// Credit beside the balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Chosen by whoever granted it.
    pub id: String,
    /// `paid`, `promotional` or `refund`.
    pub kind: String,
    /// Lower burns first.
    pub priority: u8,
    /// It pays for these models only; for all if empty.
    pub models: Vec<String>,
    /// It pays only where these providers alone may serve; wherever if empty.
    pub providers: Vec<String>,
    /// From when on.
    pub starts_at: String,
    /// Until when.
    pub expires_at: Option<String>,
    /// Its end was posted.
    pub expired: bool,
    /// What its money is in.
    pub currency: String,
    /// How much it was.
    pub amount: String,
    /// What is left of it, what is held included.
    pub remaining: String,
    /// What open reservations hold of it.
    pub held: String,
    /// What of its payment was paid back, or taken back by the customer's bank.
    pub taken_back: String,
    /// Where in the journal.
    pub seq: u64,
}

/// `GET tenants/{id}/grants`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// All of the tenant's grants, by id.
    pub grants: Vec<Grant>,
}

/// A grant that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedGrant {
    /// The grant.
    #[serde(flatten)]
    pub grant: Grant,
    /// Whether this call posted it; false if it had been posted before.
    pub posted_now: bool,
    /// Where it stands.
    pub position: Position,
}

/// An account, with the sum of its lines: a debit above zero, a credit below.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its stable name.
    pub account: String,
    /// What it is in.
    pub currency: String,
    /// The sum.
    pub balance: String,
    /// What of it stands in the tenants' books; absent where one book is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<String>,
    /// What of it stands in the house's book; absent where one book is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub house: Option<String>,
}

/// `GET accounts`: a trial balance. All balances of a currency sum to zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// By account and currency.
    pub accounts: Vec<Account>,
}
