//! What a provider says that it served, beside what it was sent.
//!
//! Every attempt is charged as the candidate that was sent: a name that nobody knows moves no price, in either direction, and is
//! flagged for a person to look at. A name that is not told is none that nobody knows.

use crate::flag::{Flag, Flags};
use crate::offer::{Candidate, Offer};
use ferry_types::Attempt;

/// Service tiers that cost what the table says, as one does that is not named.
const BASE_TIERS: [&str; 2] = ["auto", "default"];

/// Whether a service tier, asked for or served, is one that the table's prices are for.
pub(crate) fn is_base_tier(tier: &str) -> bool {
    tier.is_empty() || BASE_TIERS.contains(&tier)
}

/// The candidate that an attempt counts as, and what is to be known of the names that it tells.
pub(crate) fn served<'a>(offer: &'a Offer, attempt: &Attempt) -> (Option<&'a Candidate>, Flags) {
    let named = |candidate: &&Candidate| candidate.provider == attempt.provider;
    let listed = offer.candidates.iter().find(named);
    let candidate = listed.or_else(|| offer.candidates.first());
    let is_known = |model: &str| {
        // In shadow mode the provider is sent what the customer wrote.
        model.is_empty()
            || model == offer.model
            || candidate.is_some_and(|sent| sent.model == model || sent.aliases.contains(model))
    };
    let flags = Flags::NONE
        .with_if(listed.is_none(), Flag::UnknownProvider)
        .with_if(!is_known(&attempt.model), Flag::UnknownModel)
        .with_if(!is_base_tier(&attempt.service_tier), Flag::UnknownTier);
    (candidate, flags)
}
