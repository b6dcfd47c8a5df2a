//! A payment is credited once, over all tenants: in one batch, in two, and by two servers at the same moment.

use super::fixture::{Fixture, HOLD, ON, On, amount, on_both, tenant};
use super::transfers::open_other;
use crate::engine::Engine;
use ferry_ledger::{AdminAnswer, TopUp};
use ferry_types::{Currency, TenantId};

on_both! {
    a_payment_is_credited_to_one_tenant_only,
    of_two_credits_at_the_same_moment_one_counts,
}

fn other() -> TenantId {
    "other".parse().unwrap()
}

fn payment(units: i64, reference: &str) -> TopUp {
    TopUp {
        amount: amount(units),
        source: "bank".into(),
        external_reference: reference.into(),
        note: String::new(),
    }
}

async fn told(engine: &Engine, tenant: TenantId, order: TopUp) -> AdminAnswer {
    engine.top_up(tenant, order).await.unwrap().answer
}

fn elsewhere(tenant: TenantId) -> AdminAnswer {
    AdminAnswer::CreditedElsewhere { tenant }
}

async fn a_payment_is_credited_to_one_tenant_only() {
    let mut fixture = Fixture::with_holds(1).await;
    open_other(&fixture, "other", Currency::Usd).await;
    for _ in 0..2 {
        // Whatever it comes to: it is the payment that was credited.
        for units in [HOLD, 1] {
            let order = payment(units, "first");
            let answer = told(&fixture.engine, other(), order).await;
            assert_eq!(answer, elsewhere(tenant()));
        }
        let again = told(&fixture.engine, tenant(), payment(HOLD, "first")).await;
        assert!(
            matches!(again, AdminAnswer::Done { changed: false, .. }),
            "{again:?}"
        );
        fixture.restart().await;
    }
    let of_other_source = TopUp {
        source: "card".into(),
        ..payment(5, "first")
    };
    let new = told(&fixture.engine, other(), of_other_source).await;
    assert!(
        matches!(new, AdminAnswer::Done { changed: true, .. }),
        "{new:?}"
    );
    let view = fixture.engine.tenant(other()).await.unwrap();
    assert_eq!(view.posted.units(), 5);
    assert_eq!(fixture.balance().await, (HOLD, 0, HOLD));
    fixture.assert_clean().await;
}

/// Asks two engines, or one twice, to credit the same payments to two tenants, and says that each was credited once.
async fn race(fixture: &Fixture, [here, there]: [&Engine; 2]) {
    open_other(fixture, "other", Currency::Usd).await;
    for number in 0..20 {
        let order = payment(7, &format!("p-{number}"));
        let (one, two) = tokio::join!(
            told(here, tenant(), order.clone()),
            told(there, other(), order.clone()),
        );
        let is_done =
            |answer: &AdminAnswer| matches!(answer, AdminAnswer::Done { changed: true, .. });
        let well = (is_done(&one) && two == elsewhere(tenant()))
            || (is_done(&two) && one == elsewhere(other()));
        assert!(well, "{one:?}, {two:?}");
    }
    let view = fixture.engine.tenant(other()).await.unwrap();
    let (posted, ..) = fixture.balance().await;
    assert_eq!(posted + view.posted.units(), 20 * 7);
    fixture.assert_clean().await;
}

async fn of_two_credits_at_the_same_moment_one_counts() {
    let fixture = Fixture::with_holds(0).await;
    race(&fixture, [&fixture.engine, &fixture.engine]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_servers_credits_at_the_same_moment_one_counts() {
    ON.scope(On::Postgres, async {
        let fixture = Fixture::with_holds(0).await;
        let another = fixture.another();
        race(&fixture, [&fixture.engine, &another]).await;
    })
    .await;
}
