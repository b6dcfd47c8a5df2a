//! A book in one currency, and providers that are paid in another.

use crate::world::{World, offer};
use ferry_ledger::*;
use ferry_types::{Currency, Exchange, ExchangeRate};
use std::sync::Arc;

/// The tenant pays in dollars what was priced in euros.
fn exchanged() -> Offer {
    Offer {
        exchange: Some(Exchange {
            from: Currency::Eur,
            rate: ExchangeRate::from_units(1_100_000_000).expect("a rate"),
        }),
        ..offer()
    }
}

fn told(world: &World) -> Vec<String> {
    let lines = world.moved.iter();
    lines
        .map(|line| format!("{} {} {}", line.account, line.amount, line.currency))
        .collect()
}

#[test]
fn costs_are_in_their_own_currency_and_each_sums_to_zero() {
    let mut world = World::with(200);
    world.offer = Some(Arc::new(exchanged()));
    assert_eq!(
        world.play("reserve, settle counted 4"),
        "settled 18 released 82"
    );
    assert_eq!(
        told(&world),
        [
            "revenue.usage -18 USD",
            "expense.provider_cost 4 EUR",
            "liability.provider_payable:openai -4 EUR",
            "liability.prepaid 18 USD"
        ]
    );
    // Better evidence takes both back, each in its own.
    world.play("settle");
    let of = |currency: Currency| {
        let lines = world.moved.iter().filter(|line| line.currency == currency);
        lines.map(|line| line.amount).sum::<i64>()
    };
    assert_eq!((of(Currency::Usd), of(Currency::Eur)), (0, 0));
    assert!(told(&world).contains(&"expense.provider_cost -4 EUR".to_owned()));
    assert_eq!(
        world.play("request 1, reserve, renew 8, wait 61000, expire"),
        "expired 26"
    );
    assert!(told(&world).contains(&"expense.provider_cost 8 EUR".to_owned()));
}

/// Nothing is priced in another currency: not a request, not a settlement that comes without one.
#[test]
fn an_offer_in_another_currency_is_none() {
    let mut world = World::with(100);
    world.offer = Some(Arc::new(Offer {
        currency: Currency::Vnd,
        ..exchanged()
    }));
    assert_eq!(world.play("reserve"), "refused model_not_found");
    assert_eq!(world.play("request 1, settle"), "settled 0 released 0");
    assert!(world.state().contains("unpriced"), "{}", world.state());
    assert_eq!(
        world.play("shadow, request 2, reserve"),
        "refused model_not_found"
    );
    assert_eq!(world.book.posted.units(), 100);
}
