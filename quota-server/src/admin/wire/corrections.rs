//! Corrections: what people put right.

use super::Position;
use serde::{Deserialize, Serialize};

/// `POST tenants/{id}/corrections`. The same id stands for the same correction, however often it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateCorrection {
    /// Chosen by whoever corrects, for good.
    pub id: String,
    /// `refund`, `top_up_refund`, `chargeback`, `grant_refund`, `grant_chargeback`, `write_off`, `charge`, `suspense_charge`,
    /// `suspense_waiver`, `parked_accepted` or `parked_discarded`.
    pub remedy: String,
    /// The request that it corrects; of all but top-ups, grants and debt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The source of the top-up that it corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The payment's reference there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_reference: Option<String>,
    /// The grant whose payment it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// The entry as of which debt is written off; the newest if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// Decimal, in the tenant's currency; absent for a parked settlement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// `duplicate`, `wrong_price`, `wrong_usage`, `provider_fault`, `goodwill`, `fraud`, `dispute`, `bad_debt`, `requested` or
    /// `other`.
    pub reason: String,
    /// Who approved it.
    pub approver: String,
    /// For people.
    #[serde(default)]
    pub note: String,
}

/// Something that a person put right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// Its id.
    pub id: String,
    /// What was put right.
    pub remedy: String,
    /// What it corrects: a request's id, `source/reference` of a top-up, a grant's id, or an entry's number.
    pub corrects: String,
    /// What its money is in.
    pub currency: String,
    /// How much; 0 for a parked settlement, whose charge is an entry of its own.
    pub amount: String,
    /// What of it was written off, by the tenant's overage policy.
    pub absorbed: String,
    /// The grants that it issued, since those that had paid have ended.
    pub grants: Vec<String>,
    /// Why.
    pub reason: String,
    /// Who approved it.
    pub approver: String,
    /// For people.
    pub note: String,
    /// When.
    pub posted_at: String,
    /// Where in the journal.
    pub seq: u64,
}

/// A correction that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostedCorrection {
    /// The correction.
    #[serde(flatten)]
    pub correction: Correction,
    /// Whether this call posted it; false if it had been posted before.
    pub posted_now: bool,
    /// Where it stands.
    pub position: Position,
}

/// `GET tenants/{id}/corrections`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrections {
    /// All of the tenant's, newest first.
    pub corrections: Vec<Correction>,
}
