//! Grants and overage policies through the engine: what is stored is what the ledger decided, and ends are posted by themselves.

use super::fixture::{Fixture, HOLD, START_MS, amount, done, on_both, tenant, used, whole_use};
use crate::engine::LeaseConfig;
use crate::engine::lease::{RECOVERY_WINDOW_MS, TTL_MS};
use ferry_ledger::{Overage, ReserveAnswer, SettleAnswer};

on_both! {
    a_grant_pays_first_survives_a_restart_and_ends_by_itself,
    a_clock_that_runs_ahead_for_a_moment_ends_no_grant,
    a_credit_line_is_lent_lowered_and_owed,
}

/// Grants end while holds stand.
const PATIENT: LeaseConfig = LeaseConfig {
    ttl_ms: TTL_MS,
    margin_ms: 3_600_000,
    outbox_horizon_ms: 1_000,
    recovery_window_ms: RECOVERY_WINDOW_MS,
};

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
    let mut fixture = Fixture::with(1, PATIENT).await;
    let ends_ms = PATIENT.suspension_ms() + 10_000;
    fixture.grant("spring", 3 * HOLD, START_MS + ends_ms).await;
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
        (HOLD, 0, 2 * HOLD),
        "the balance is untouched, and what is free of the grant is there too"
    );
    fixture.clock.pass(ends_ms);
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

async fn a_clock_that_runs_ahead_for_a_moment_ends_no_grant() {
    let fixture = Fixture::with(1, PATIENT).await;
    let year_ms = 365 * 86_400_000;
    fixture.grant("spring", HOLD, START_MS + year_ms).await;
    fixture.clock.pass(PATIENT.suspension_ms());
    fixture.clock.step(year_ms);
    fixture.engine.expire_due().await.unwrap();
    assert_eq!(grants(&fixture).await, format!("spring {HOLD}/0"));
    fixture.clock.pass(PATIENT.suspension_ms());
    fixture.engine.expire_due().await.unwrap();
    assert_eq!(grants(&fixture).await, "spring 0/0, expired");
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
