//! Closing a tenant through the engine: stored, found again after a restart, sealed with all others, and the same on both stores.

use super::corrections::correct;
use super::fixture::{
    Fixture, HOLD, START_MS, amount, done, gateway, on_both, tenant, used, whole_use,
};
use super::transfers::open_other;
use crate::engine::seal::GRACE_MS;
use crate::engine::{Answered, CreateTenant, EngineError};
use ferry_ledger::{
    AdminAnswer, Closing, GrantKind, GrantScope, IssueGrant, KeyState, Month, Reason, Refusal,
    Remainder, Remedy, ReserveAnswer, SettleAnswer, TenantState, TopUp, TopUpRef, Transfer, UnixMs,
};
use ferry_types::{Currency, Usage};

on_both! {
    a_closed_tenant_takes_nothing_new_and_its_id_stays_taken,
    what_is_in_flight_ends_and_what_it_leaves_is_paid_back,
    a_tenant_with_money_stays_open,
    a_closed_book_is_sealed_like_any_other,
}

fn closing() -> Closing {
    Closing {
        reason: Reason::Requested,
        approver: "anna".into(),
        note: "ticket 9".into(),
    }
}

async fn close(fixture: &Fixture) -> AdminAnswer {
    answer(fixture.engine.close_tenant(tenant(), closing()).await)
}

fn answer(answered: Result<Answered<AdminAnswer>, EngineError>) -> AdminAnswer {
    answered.unwrap().answer
}

fn first() -> TopUpRef {
    TopUpRef {
        source: "bank".into(),
        external_reference: "first".into(),
    }
}

fn order(reference: &str) -> TopUp {
    TopUp {
        amount: amount(HOLD),
        source: "bank".into(),
        external_reference: reference.into(),
        note: String::new(),
    }
}

async fn a_closed_tenant_takes_nothing_new_and_its_id_stays_taken() {
    let mut fixture = Fixture::with_holds(0).await;
    fixture.clock.pass(7);
    done(fixture.engine.close_tenant(tenant(), closing()).await);
    fixture.clock.pass(7);
    done(
        fixture
            .engine
            .set_key_state(tenant(), fixture.key.id(), KeyState::Paused)
            .await,
    );
    fixture.restart().await;
    let engine = &fixture.engine;
    let view = engine.tenant(tenant()).await.unwrap();
    let closed = view.closed.unwrap();
    assert_eq!(view.state, TenantState::Closed);
    assert_eq!(
        (closed.at, closed.closing),
        (UnixMs(START_MS + 7), closing())
    );
    assert_eq!((closed.seq, view.seq), (3, 4));
    let listed = engine.tenants().await.unwrap();
    assert_eq!(listed[0].closed.as_ref().map(|closed| closed.seq), Some(3));

    let again = close(&fixture).await;
    assert!(
        matches!(again, AdminAnswer::Done { changed: false, .. }),
        "{again:?}"
    );
    let create = CreateTenant {
        tenant: tenant(),
        name: "Acme Ltd".into(),
        currency: Currency::Usd,
    };
    assert_eq!(
        answer(engine.create_tenant(create).await),
        AdminAnswer::Closed
    );
    assert_eq!(
        answer(engine.top_up(tenant(), order("late")).await),
        AdminAnswer::Closed
    );
    let resumed = engine.set_tenant_state(tenant(), TenantState::Active).await;
    assert_eq!(answer(resumed), AdminAnswer::Closed);
    let key = engine
        .set_key_state(tenant(), fixture.key.id(), KeyState::Active)
        .await;
    assert_eq!(answer(key), AdminAnswer::Closed);
    let (issued, _) = engine
        .issue_key(tenant(), "late".into(), None)
        .await
        .unwrap();
    assert_eq!(issued.answer, AdminAnswer::Closed);
    assert_eq!(
        engine.keys(tenant()).await.unwrap().len(),
        1,
        "none is listed"
    );
    // The payment was taken by nobody, and another tenant's may have it.
    open_other(&fixture, "other", Currency::Usd).await;
    done(engine.top_up("other".parse().unwrap(), order("late")).await);
    let transfer = Transfer {
        id: "t-1".parse().unwrap(),
        to: tenant(),
        amount: amount(1),
        note: String::new(),
    };
    let transferred = engine.transfer("other".parse().unwrap(), transfer).await;
    assert_eq!(answer(transferred), AdminAnswer::OtherClosed);
    assert_eq!(engine.tenant(tenant()).await.unwrap().seq, 4);
    fixture.assert_clean().await;
}

async fn what_is_in_flight_ends_and_what_it_leaves_is_paid_back() {
    let mut fixture = Fixture::with_holds(1).await;
    let (open, _) = fixture.granted().await;
    let before = close(&fixture).await;
    assert!(
        matches!(before, AdminAnswer::Done { changed: true, .. }),
        "{before:?}"
    );
    fixture.restart().await;
    let refused = fixture.reserve(fixture.draw()).await;
    assert_eq!(refused, ReserveAnswer::Refused(Refusal::TenantClosed));
    let gateway = gateway();
    let resolved = fixture.engine.resolve_key(&gateway, fixture.digest()).await;
    assert_eq!(resolved.unwrap().refusal, Some(Refusal::TenantClosed));
    let seen = Usage {
        input_tokens: 100,
        output_tokens: 5,
        ..Usage::default()
    };
    fixture.renew(open, seen).await;
    let settled = fixture.settle(open, used(100, 5)).await;
    assert!(
        matches!(settled, SettleAnswer::Settled { .. }),
        "{settled:?}"
    );
    let left = 5 * 2_000;
    assert_eq!(fixture.balance().await, (left, 0, left));
    correct(&fixture, Remedy::TopUpRefund(first()), left).await;
    assert_eq!(fixture.balance().await, (0, 0, 0));
    // What nothing was held for is recorded too, and written off.
    let settled = fixture.settle(fixture.draw(), whole_use()).await;
    assert!(
        matches!(settled, SettleAnswer::Settled { .. }),
        "{settled:?}"
    );
    assert_eq!(fixture.balance().await.0, -HOLD);
    fixture.assert_clean().await;
}

async fn a_tenant_with_money_stays_open() {
    let fixture = Fixture::with_holds(1).await;
    let order = IssueGrant {
        id: "paid".parse().unwrap(),
        kind: GrantKind::Paid,
        priority: 5,
        scope: GrantScope::default(),
        starts_at: None,
        expires_at: None,
        amount: amount(7),
        note: String::new(),
    };
    done(fixture.engine.issue_grant(tenant(), order).await);
    let remains = |free| {
        let grants = vec![("paid".parse().unwrap(), amount(7))];
        let (free, owed) = (amount(free), amount(0));
        AdminAnswer::Remains(Box::new(Remainder { free, owed, grants }))
    };
    assert_eq!(close(&fixture).await, remains(HOLD));
    correct(&fixture, Remedy::TopUpRefund(first()), HOLD).await;
    assert_eq!(close(&fixture).await, remains(0));
    let view = fixture.engine.tenant(tenant()).await.unwrap();
    assert_eq!((view.state, view.closed), (TenantState::Active, None));
    fixture.assert_clean().await;
}

async fn a_closed_book_is_sealed_like_any_other() {
    let fixture = Fixture::with_holds(0).await;
    done(fixture.engine.close_tenant(tenant(), closing()).await);
    let month: Month = "2027-01".parse().unwrap();
    fixture
        .clock
        .pass(month.end().since_ms(UnixMs(START_MS)) + GRACE_MS);
    let sealed = fixture.engine.seal_month(month).await.unwrap();
    assert_eq!(sealed.books, 1);
    let view = fixture.engine.tenant(tenant()).await.unwrap();
    assert_eq!(
        (view.seq, view.closed.unwrap().seq),
        (4, 3),
        "the seal is an entry"
    );
    fixture.assert_clean().await;
}
