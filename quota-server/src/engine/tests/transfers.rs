//! Transfers through the engine: both books or none, once, and the same on both stores.

use super::fixture::{Fixture, HOLD, amount, done, on_both, tenant};
use crate::engine::{CreateTenant, EngineError};
use ferry_ledger::{AdminAnswer, Transfer};
use ferry_types::{Currency, TenantId};

on_both! {
    money_moves_once_and_as_far_as_it_is_free,
    what_cannot_move_moves_in_neither_book,
}

fn other() -> TenantId {
    "other".parse().unwrap()
}

fn order(units: i64) -> Transfer {
    Transfer {
        id: "t-1".parse().unwrap(),
        to: other(),
        amount: amount(units),
        note: "for May".into(),
    }
}

pub(crate) async fn open_other(fixture: &Fixture, name: &str, currency: Currency) {
    let call = CreateTenant {
        tenant: name.parse().unwrap(),
        name: name.into(),
        currency,
    };
    done(fixture.engine.create_tenant(call).await);
}

/// A little goes to another book.
pub(crate) async fn some(fixture: &Fixture) {
    open_other(fixture, "other", Currency::Usd).await;
    done(fixture.engine.transfer(tenant(), order(1)).await);
}

async fn answer(fixture: &Fixture, order: Transfer) -> AdminAnswer {
    fixture
        .engine
        .transfer(tenant(), order)
        .await
        .unwrap()
        .answer
}

async fn posted(fixture: &Fixture, of: TenantId) -> i64 {
    fixture.engine.tenant(of).await.unwrap().posted.units()
}

async fn money_moves_once_and_as_far_as_it_is_free() {
    let mut fixture = Fixture::with_holds(3).await;
    open_other(&fixture, "other", Currency::Usd).await;
    fixture.granted().await;
    let beyond = answer(&fixture, order(2 * HOLD + 1)).await;
    assert_eq!(
        beyond,
        AdminAnswer::Exceeds {
            most: amount(2 * HOLD)
        }
    );
    done(fixture.engine.transfer(tenant(), order(2 * HOLD - 5)).await);
    fixture.restart().await;
    let again = answer(&fixture, order(2 * HOLD - 5)).await;
    assert!(
        matches!(again, AdminAnswer::Done { changed: false, .. }),
        "{again:?}"
    );
    let another = answer(&fixture, order(1)).await;
    assert_eq!(another, AdminAnswer::Conflict { field: "amount" });
    assert_eq!(fixture.balance().await, (HOLD + 5, HOLD, 5));
    assert_eq!(posted(&fixture, other()).await, 2 * HOLD - 5);
    let back = Transfer {
        to: tenant(),
        ..order(7)
    };
    let same_id = fixture.engine.transfer(other(), back).await.unwrap().answer;
    assert_eq!(same_id, AdminAnswer::Conflict { field: "direction" });
    let accounts = fixture.engine.accounts(None).await.unwrap();
    let between = accounts.iter().find(|found| found.account == "transfer");
    assert_eq!(
        between.map(|found| found.balance.units()),
        Some(0),
        "{accounts:?}"
    );
    fixture.assert_clean().await;
}

async fn what_cannot_move_moves_in_neither_book() {
    let fixture = Fixture::with_holds(1).await;
    let nobody = fixture.engine.transfer(tenant(), order(1)).await;
    assert_eq!(nobody, Err(EngineError::UnknownTenant(other())));
    open_other(&fixture, "other", Currency::Usd).await;
    open_other(&fixture, "pho", Currency::Vnd).await;
    let itself = Transfer {
        to: tenant(),
        ..order(1)
    };
    assert_eq!(
        answer(&fixture, itself).await,
        AdminAnswer::Conflict { field: "to" }
    );
    let foreign = Transfer {
        to: "pho".parse().unwrap(),
        ..order(1)
    };
    assert_eq!(answer(&fixture, foreign).await, AdminAnswer::OtherCurrency);
    assert_eq!(
        answer(&fixture, order(0)).await,
        AdminAnswer::AmountOutOfRange
    );
    let poor = fixture
        .engine
        .transfer(
            other(),
            Transfer {
                to: tenant(),
                ..order(1)
            },
        )
        .await;
    assert_eq!(
        poor.unwrap().answer,
        AdminAnswer::Exceeds { most: amount(0) }
    );
    assert_eq!(fixture.balance().await, (HOLD, 0, HOLD));
    assert_eq!(posted(&fixture, other()).await, 0);
    fixture.assert_clean().await;
}
