//! How requests are sized and priced: one rule set for everybody, put together with the price table into offers.
//!
//! An offer is what a reservation pins: versions, candidates, rates, limits. It is made once for each model when the server
//! starts, and shared.

use crate::config::Policy;
use crate::price_book::{Model, PriceBook};
use ferry_ledger::{Candidate, ModelLimits, Offer};
use std::collections::HashMap;
use std::sync::Arc;

/// Every model's offer.
#[derive(Clone, Debug)]
pub struct Offers {
    by_model: HashMap<String, Arc<Offer>>,
    policy_version: String,
}

impl Offers {
    /// Puts prices and policy together.
    #[must_use]
    pub fn new(prices: &PriceBook, policy: &Policy) -> Self {
        let offer = |model: &Model| (model.name.clone(), Arc::new(offer(model, prices, policy)));
        Self {
            by_model: prices.models().map(offer).collect(),
            policy_version: policy.version.clone(),
        }
    }

    /// What is offered for the model that a client names so; `None` if it is not priced.
    #[must_use]
    pub fn of(&self, model: &str) -> Option<Arc<Offer>> {
        self.by_model.get(model).cloned()
    }

    /// The policy's version.
    #[must_use]
    pub fn policy_version(&self) -> &str {
        &self.policy_version
    }
}

fn offer(model: &Model, prices: &PriceBook, policy: &Policy) -> Offer {
    let candidate = Candidate {
        provider: model.provider.clone(),
        model: model.provider_model.clone(),
        output_limit_field: model.output_limit_field.name().to_owned(),
        cost: model.cost,
    };
    Offer {
        price_version: prices.version.clone(),
        policy_version: policy.version.clone(),
        model: model.name.clone(),
        candidates: vec![candidate],
        customer: model.price,
        limits: ModelLimits {
            context_tokens_max: model.context_tokens_max,
            output_tokens_max: model.output_tokens_max,
            output_tokens_floor: model.output_tokens_floor,
            choices_max: model.choices_max,
        },
        clamp_ceiling: policy.clamp_output_tokens_max,
    }
}
