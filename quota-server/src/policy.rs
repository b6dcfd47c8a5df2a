//! How requests are sized and priced: one rule set for everybody, put together with the price table into offers.
//!
//! An offer is what a reservation pins: versions, candidates, rates, limits, what the model usually writes, and what becomes of a
//! request that nobody ends. It is made for each
//! model when the server starts, made anew when that has been learned, and shared.

use crate::config::Policy;
use crate::learned::Learned;
use crate::price_book::{Model, PriceBook};
use ferry_ledger::{Candidate, ModelLimits, Offer};
use ferry_types::Currency;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// A model's offers, one a currency: which one applies is known once the book is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOffers(Vec<Arc<Offer>>);

impl ModelOffers {
    /// What is offered to whoever pays in this currency.
    #[must_use]
    pub fn in_currency(&self, currency: Currency) -> Option<&Arc<Offer>> {
        self.0.iter().find(|offer| offer.currency == currency)
    }
}

impl From<Arc<Offer>> for ModelOffers {
    fn from(offer: Arc<Offer>) -> Self {
        Self(vec![offer])
    }
}

/// Every model's offers.
#[derive(Debug)]
pub struct Offers {
    by_model: RwLock<HashMap<String, Offered>>,
    policy_version: String,
}

/// A model's offers as of now, and what the next one will pin.
#[derive(Debug)]
struct Offered {
    offers: Arc<ModelOffers>,
    learned: Learned,
}

impl Offers {
    /// Puts prices and policy together.
    #[must_use]
    pub fn new(prices: &PriceBook, policy: &Policy) -> Self {
        let offered = |model: &Model| {
            let offered = Offered {
                offers: Arc::new(offers(model, prices, policy)),
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
    pub fn of(&self, model: &str) -> Option<Arc<ModelOffers>> {
        let by_model = self.by_model.read();
        let by_model = by_model.unwrap_or_else(PoisonError::into_inner);
        by_model.get(model).map(|found| Arc::clone(&found.offers))
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
        let offers = &found.offers.0;
        if offers
            .iter()
            .any(|offer| offer.output_tokens_median != median)
        {
            let learned = |offer: &Arc<Offer>| {
                Arc::new(Offer {
                    output_tokens_median: median,
                    ..Offer::clone(offer)
                })
            };
            found.offers = Arc::new(ModelOffers(offers.iter().map(learned).collect()));
        }
    }

    /// The policy's version.
    #[must_use]
    pub fn policy_version(&self) -> &str {
        &self.policy_version
    }
}

fn offers(model: &Model, prices: &PriceBook, policy: &Policy) -> ModelOffers {
    let offer = |(currency, exchange, customer)| {
        Arc::new(Offer {
            currency,
            exchange,
            customer,
            ..offer(model, prices, policy)
        })
    };
    ModelOffers(prices.prices(model).into_iter().map(offer).collect())
}

fn offer(model: &Model, prices: &PriceBook, policy: &Policy) -> Offer {
    let candidate = Candidate {
        provider: model.provider.clone(),
        model: model.provider_model.clone(),
        aliases: model.aliases.clone(),
        output_limit_field: model.output_limit_field.name().to_owned(),
        cost: model.cost,
    };
    Offer {
        price_version: prices.version.clone(),
        policy_version: policy.version.clone(),
        model: model.name.clone(),
        candidates: vec![candidate],
        currency: prices.currency,
        exchange: None,
        customer: model.price,
        limits: ModelLimits {
            context_tokens_max: model.context_tokens_max,
            output_tokens_max: model.output_tokens_max,
            output_tokens_floor: model.output_tokens_floor,
            choices_max: model.choices_max,
        },
        clamp_ceiling: policy.clamp_output_tokens_max,
        output_tokens_median: 0,
        lifeless: policy.lifeless,
    }
}
