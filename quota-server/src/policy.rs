//! How requests are sized and priced: one rule set for everybody, put together with the price table into offers.
//!
//! An offer is what a reservation pins: versions, candidates, rates, limits, and what the model usually writes. It is made for each
//! model when the server starts, made anew when that has been learned, and shared.

use crate::config::Policy;
use crate::learned::Learned;
use crate::price_book::{Model, PriceBook};
use ferry_ledger::{Candidate, ModelLimits, Offer};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Every model's offer.
#[derive(Debug)]
pub struct Offers {
    by_model: RwLock<HashMap<String, Offered>>,
    policy_version: String,
}

/// A model's offer as of now, and what the next one will pin.
#[derive(Debug)]
struct Offered {
    offer: Arc<Offer>,
    learned: Learned,
}

impl Offers {
    /// Puts prices and policy together.
    #[must_use]
    pub fn new(prices: &PriceBook, policy: &Policy) -> Self {
        let offered = |model: &Model| {
            let offered = Offered {
                offer: Arc::new(offer(model, prices, policy)),
                learned: Learned::default(),
            };
            (model.name.clone(), offered)
        };
        Self {
            by_model: RwLock::new(prices.models().map(offered).collect()),
            policy_version: policy.version.clone(),
        }
    }

    /// What is offered for the model that a client names so; `None` if it is not priced.
    #[must_use]
    pub fn of(&self, model: &str) -> Option<Arc<Offer>> {
        let by_model = self.by_model.read();
        let by_model = by_model.unwrap_or_else(PoisonError::into_inner);
        by_model.get(model).map(|found| Arc::clone(&found.offer))
    }

    /// Learns what a request to a model wrote, as its provider reported it; later offers pin what is usual.
    pub fn learn(&self, model: &str, output_tokens: u64) {
        let mut by_model = self
            .by_model
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(found) = by_model.get_mut(model) else {
            return;
        };
        found.learned.report(output_tokens);
        let Some(median) = found.learned.median() else {
            return;
        };
        if found.offer.output_tokens_median != median {
            found.offer = Arc::new(Offer {
                output_tokens_median: median,
                ..Offer::clone(&found.offer)
            });
        }
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
        output_tokens_median: 0,
    }
}
