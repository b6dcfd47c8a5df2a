//! How much a request needs held, and which output limit that buys.
//!
//! Strict where the client set a limit: the bound or nothing. Clamp where it did not: the largest limit that the money
//! affords, up to the policy's ceiling. What is held is what is written into the request.

use crate::offer::Offer;
use crate::refusal::Refusal;
use crate::served::is_base_tier;
use ferry_types::{Amount, Balance, Currency, Mode, RequestFacts};

/// The longest token of any vocabulary that is priced (o200k_base has one of 128 blanks).
const BYTES_PER_TOKEN_MAX: u64 = 128;
const PER_PRICE: i128 = ferry_types::price::UNITS_PER_PRICE;

/// What is held, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The money.
    pub reserved: Amount,
    /// Output tokens per choice.
    pub output_tokens_max: u64,
    /// The limit is lower than what the client asked for, or it asked for none.
    pub clamped: bool,
}

/// The most that the input can count, as far as it can be told.
#[must_use]
pub fn input_bound(facts: &RequestFacts, offer: &Offer) -> u64 {
    let context = offer.limits.context_tokens_max;
    if facts.input_unbounded {
        context
    } else {
        facts.input_tokens_max.min(context)
    }
}

/// The least output limit per choice that a request can go on with.
pub(crate) fn needed(facts: &RequestFacts, offer: &Offer) -> u64 {
    let limits = &offer.limits;
    match facts.output_tokens_max {
        Some(asked) => asked.min(limits.output_tokens_max),
        None => limits.output_tokens_floor.min(wanted(facts, offer)),
    }
}

/// What a request needs, if it can be had; `room` is the largest output limit per choice that limits leave room for.
///
/// # Errors
/// [`Refusal::InsufficientFunds`] if it cannot.
pub fn size(
    facts: &RequestFacts,
    offer: &Offer,
    (available, room): (Balance, u64),
    currency: Currency,
) -> Result<Size, Refusal> {
    let limits = &offer.limits;
    let affordable = affordable(facts, offer, available);
    let insufficient = || Refusal::InsufficientFunds {
        available,
        affordable_output_tokens: affordable
            .map(|tokens| tokens.min(limits.output_tokens_max))
            .filter(|tokens| *tokens > 0),
        currency,
    };
    let (limit, clamped) = match facts.output_tokens_max {
        Some(asked) => {
            let limit = asked.min(limits.output_tokens_max);
            (limit, limit < asked)
        }
        None => {
            let wanted = wanted(facts, offer).min(room);
            let limit = affordable.ok_or_else(insufficient)?.min(wanted);
            if limit < limits.output_tokens_floor.min(wanted) {
                return Err(insufficient());
            }
            (limit, true)
        }
    };
    let reserved = bound(facts, offer, limit).ok_or_else(insufficient)?;
    if reserved.to_balance() > available {
        return Err(insufficient());
    }
    Ok(Size {
        reserved,
        output_tokens_max: limit,
        clamped,
    })
}

/// What a request would need if money were no object: for the record of shadow mode. A hold beyond what can be stored is
/// recorded as the most that can, never as nothing.
#[must_use]
pub fn would_be(facts: &RequestFacts, offer: &Offer) -> Size {
    let most = offer.limits.output_tokens_max;
    let (limit, clamped) = match facts.output_tokens_max {
        Some(asked) => (asked.min(most), asked > most),
        None => (wanted(facts, offer), true),
    };
    Size {
        reserved: bound(facts, offer, limit).unwrap_or(Amount::MAX),
        output_tokens_max: limit,
        clamped,
    }
}

/// The limit of a request that has none, if money were no object.
fn wanted(facts: &RequestFacts, offer: &Offer) -> u64 {
    let limits = &offer.limits;
    // The bound on the input is a multiple of what it counts: only the estimate says how much room is left. It may be
    // wrong, so it lowers the limit to the floor at most, and never refuses.
    let room = limits
        .context_tokens_max
        .saturating_sub(facts.input_tokens_estimate)
        .max(limits.output_tokens_floor);
    offer.clamp_ceiling.min(limits.output_tokens_max).min(room)
}

/// Whether the request is one that can be priced.
///
/// # Errors
/// The first [`Refusal`] that applies.
pub fn supported(facts: &RequestFacts, offer: &Offer) -> Result<(), Refusal> {
    let limits = &offer.limits;
    if facts.choices > limits.choices_max {
        return Err(Refusal::TooManyChoices {
            choices: facts.choices,
            choices_max: limits.choices_max,
        });
    }
    if !is_base_tier(&facts.service_tier) {
        return Err(Refusal::ServiceTierNotPriced {
            tier: facts.service_tier.clone(),
        });
    }
    if facts.output_audio && offer.customer.audio_output.is_none() {
        return Err(Refusal::AudioNotPriced);
    }
    let input_tokens_min = facts
        .input_tokens_max
        .checked_div(BYTES_PER_TOKEN_MAX)
        .unwrap_or(0);
    if input_tokens_min > limits.context_tokens_max {
        return Err(Refusal::ContextLengthExceeded {
            input_tokens_min,
            context_tokens_max: limits.context_tokens_max,
        });
    }
    Ok(())
}

fn choices(facts: &RequestFacts) -> u64 {
    u64::from(facts.choices.max(1))
}

/// The most that the request can cost with this output limit; `None` if that cannot be stored.
#[must_use]
pub fn bound(facts: &RequestFacts, offer: &Offer, limit: u64) -> Option<Amount> {
    let output = limit.checked_mul(choices(facts))?;
    offer.customer.bound(input_bound(facts, offer), output).ok()
}

/// The largest output limit per choice whose bound is available; `None` if the input alone is not.
pub(crate) fn affordable(facts: &RequestFacts, offer: &Offer, available: Balance) -> Option<u64> {
    let input = bound(facts, offer, 0)?;
    let rest = available.to_amount()?.minus(input)?;
    let price = i128::from(offer.customer.dearest_output().amount().units());
    // ceil(price × tokens / 1,000,000) ≤ rest, exactly if tokens ≤ floor(rest × 1,000,000 / price).
    let tokens = i128::from(rest.units())
        .checked_mul(PER_PRICE)?
        .checked_div(price)
        .map_or(u64::MAX, |tokens| u64::try_from(tokens).unwrap_or(u64::MAX));
    tokens.checked_div(choices(facts))
}

/// Whether the decision on these facts binds.
#[must_use]
pub fn binds(facts: &RequestFacts) -> bool {
    match facts.mode {
        Mode::Enforce => true,
        Mode::Shadow => false,
    }
}
