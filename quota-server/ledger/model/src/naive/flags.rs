//! What is to be known about a charge, by the names that people read.

use super::price::{Billed, Price};
use crate::evidence::{Evidence, Served, Source};
use crate::request::Facts;
use std::collections::BTreeSet;

/// Names of flags.
pub type Flags = BTreeSet<&'static str>;

/// Where a request came from, which stays with it when better evidence replaces its charge.
pub(super) const HISTORY: [&str; 6] = [
    "unreserved",
    "after_refusal",
    "after_release",
    "after_expiry",
    "lifeless",
    "adjusted",
];

/// What the evidence tells, and how it was priced.
pub(super) fn of_evidence(evidence: Evidence, billed: &Billed, price: &Price) -> Flags {
    let provisional = match evidence.source {
        Source::Estimated | Source::Unreadable | Source::Counted => true,
        Source::Nothing | Source::Reported => false,
    };
    let all = [
        ("provisional", provisional),
        ("shadow", billed.shadow),
        ("offline", billed.facts == Facts::Offline),
        ("unpriced", !billed.priced),
        ("suspended", price.suspended > 0),
        ("out_of_range", price.out_of_range),
    ];
    let mut flags: Flags = { all }
        .into_iter()
        .filter_map(|(name, set)| set.then_some(name))
        .collect();
    // Without a price nobody has looked who served it.
    if billed.priced {
        flags.extend(match evidence.served {
            Served::AsSent => None,
            Served::OtherModel => Some("unknown_model"),
            Served::OtherTier => Some("unknown_tier"),
            Served::OtherProvider => Some("unknown_provider"),
        });
    }
    flags
}
