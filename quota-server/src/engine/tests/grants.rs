//! Grants and overage policies through the engine: what is stored is what the ledger decided, and ends are posted by themselves.

use super::fixture::{Fixture, HOLD, START_MS, amount, done, on_both, tenant, used, whole_use};
use ferry_ledger::{Overage, ReserveAnswer, SettleAnswer};

on_both! {
    a_grant_pays_first_survives_a_restart_and_ends_by_itself,
    a_credit_line_is_lent_lowered_and_owed,
}

/// "grant remaining/held, expired" of each grant.
async fn grants(fixture: &Fixture) -> String {
    let grants = fixture.engine.grants(tenant()).await.unwrap();
    let told = grants.iter().map(|found| {
        let grant = &found.grant;
        let over = if grant.expired { ", expired" } else { "" };
        let (remaining, held) = (grant.remaining.units(), grant.held.units());
        format!("{} {remaining}/{held}{over}", found.id)
    });
    told.collect::<Vec<_>>().join("; ")
}

async fn a_grant_pays_first_survives_a_restart_and_ends_by_itself() {
    let mut fixture = Fixture::with_holds(1).await;
    fixture.grant("spring", 3 * HOLD, START_MS + 10_000).await;
    let (spent, _) = fixture.granted().await;
    let (kept, _) = fixture.granted().await;
    assert_eq!(
        grants(&fixture).await,
        format!("spring {}/{}", 3 * HOLD, 2 * HOLD)
    );
    fixture.settle(spent, whole_use()).await;
    fixture.restart().await;
    assert_eq!(
        grants(&fixture).await,
        format!("spring {}/{HOLD}", 2 * HOLD)
    );
    assert_eq!(
        fixture.balance().await,
        (HOLD, 0, HOLD),
        "the balance is untouched"
    );
    fixture.clock.pass(10_000);
    // Its time is over, posted or not: the next request holds the balance.
    let (third, _) = fixture.granted().await;
    assert_eq!(fixture.balance().await, (HOLD, HOLD, 0));
    fixture.release(third).await;
    fixture.engine.expire_due().await.unwrap();
    assert_eq!(
        grants(&fixture).await,
        format!("spring {HOLD}/{HOLD}, expired")
    );
    // What was held at the end is honoured; what comes back has lapsed.
    let settled = fixture.settle(kept, used(10, 1)).await;
    assert!(matches!(settled, SettleAnswer::Settled { charged, .. } if charged.units() == 12_000));
    assert_eq!(grants(&fixture).await, "spring 0/0, expired");
    let accounts = fixture.engine.accounts(Some(tenant())).await.unwrap();
    let sum: i64 = accounts.iter().map(|found| found.balance.units()).sum();
    assert_eq!(sum, 0, "{accounts:?}");
    let of = |name: &str| {
        accounts
            .iter()
            .find(|found| found.account == name)
            .unwrap()
            .balance
            .units()
    };
    assert_eq!(of("revenue.usage"), -(HOLD + 12_000));
    assert_eq!(
        of("expense.promotion"),
        HOLD + 12_000,
        "what lapsed was no expense"
    );
    fixture.assert_clean().await;
}

async fn a_credit_line_is_lent_lowered_and_owed() {
    let fixture = Fixture::with_holds(1).await;
    let set = |to| fixture.engine.set_overage(tenant(), to);
    done(set(Overage::CreditLine(amount(HOLD))).await);
    assert_eq!(fixture.balance().await, (HOLD, 0, 2 * HOLD));
    let (first, _) = fixture.granted().await;
    let (second, _) = fixture.granted().await;
    // Lowering a line always posts: what it was lent for is honoured, and nothing new is promised.
    done(set(Overage::Debt).await);
    assert_eq!(fixture.balance().await, (HOLD, 2 * HOLD, -HOLD));
    let refused = fixture.reserve(fixture.draw()).await;
    assert!(matches!(refused, ReserveAnswer::Refused(_)), "{refused:?}");
    for id in [first, second] {
        fixture.settle(id, whole_use()).await;
    }
    assert_eq!(fixture.balance().await, (-HOLD, 0, -HOLD));
    fixture.assert_clean().await;
}
