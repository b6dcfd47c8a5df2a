//! One of every refusal.

use super::DRAWN;
use crate::world::{amount, owner};
use ferry_ledger::*;
use ferry_types::{Balance, Currency};

/// Every refusal, in the order of precedence.
pub fn refusals() -> Vec<Refusal> {
    let currency = Currency::Usd;
    vec![
        Refusal::UnknownKey,
        Refusal::GatewayOutOfScope,
        Refusal::KeyRevoked,
        Refusal::KeyExpired,
        Refusal::KeyPaused,
        Refusal::TenantClosed,
        Refusal::TenantPaused,
        Refusal::BookFrozen,
        Refusal::ClockSkew,
        Refusal::ModelNotFound {
            model: "gpt-9".into(),
        },
        Refusal::TooManyChoices {
            choices: 9,
            choices_max: 4,
        },
        Refusal::ServiceTierNotPriced {
            tier: "flex".into(),
        },
        Refusal::AudioNotPriced,
        Refusal::ContextLengthExceeded {
            input_tokens_min: 1_001,
            context_tokens_max: 1_000,
        },
        Refusal::IdempotencyKeyInUse,
        Refusal::TenantInDebt {
            owed: amount(5_000_000),
            currency,
        },
        Refusal::LimitReached(Box::new(super::second::reached())),
        Refusal::InsufficientFunds {
            available: Balance::from_units(-7),
            affordable_output_tokens: Some(12),
            currency,
        },
    ]
}

pub fn refused() -> Vec<Refused> {
    refusals()
        .into_iter()
        .map(|refusal| Refused {
            owner: owner("edge"),
            facts_digest: [0xcd; 32],
            facts_marks: [0xce; 15],
            refusal,
            at: UnixMs(DRAWN),
            seq: 0,
        })
        .collect()
}
