//! Keys, tenants and price tables: what an operator does holds from the next request on.

use super::fixture::{Fixture, done, gateway, on_both, prices, tenant, whole_use};
use crate::engine::{CreateTenant, EngineError};
use ferry_ledger::{
    AdminAnswer, KeyState, Refusal, ReserveAnswer, SettleAnswer, TenantState, UnixMs,
};
use ferry_types::{Currency, KeyDigest};

on_both! {
    a_key_may_be_used_as_long_as_its_state_says_so,
    a_paused_tenant_and_an_ended_key_are_refused,
    a_key_that_nobody_made_is_refused_and_counted,
    keys_are_listed_without_secrets_and_with_their_last_use,
    the_same_again_changes_nothing_and_something_else_is_a_conflict,
}

async fn a_key_may_be_used_as_long_as_its_state_says_so() {
    let fixture = Fixture::with_holds(5).await;
    let engine = &fixture.engine;
    let key = fixture.key.id();
    let (before, _) = fixture.granted().await;
    for (to, refusal) in [
        (KeyState::Paused, Some(Refusal::KeyPaused)),
        (KeyState::Active, None),
        (KeyState::Revoked, Some(Refusal::KeyRevoked)),
    ] {
        done(engine.set_key_state(tenant(), key.clone(), to).await);
        let resolved = engine
            .resolve_key(&gateway(), fixture.digest())
            .await
            .unwrap();
        assert_eq!(resolved.refusal, refusal, "{to:?}");
        assert_eq!(resolved.owner.unwrap().key, key);
        match (fixture.reserve(fixture.draw()).await, refusal) {
            (ReserveAnswer::Granted(_), None) => {}
            (ReserveAnswer::Refused(told), Some(expected)) => assert_eq!(told, expected),
            (other, _) => panic!("{to:?}: {other:?}"),
        }
    }
    let again = engine.set_key_state(tenant(), key, KeyState::Active).await;
    assert_eq!(again.unwrap().answer, AdminAnswer::Revoked);
    // What was granted before is charged all the same.
    let settled = fixture.settle(before, whole_use()).await;
    assert!(matches!(settled, SettleAnswer::Settled { .. }));
    fixture.assert_clean().await;
}

async fn a_paused_tenant_and_an_ended_key_are_refused() {
    let fixture = Fixture::with_holds(5).await;
    done(
        fixture
            .engine
            .set_tenant_state(tenant(), TenantState::Paused)
            .await,
    );
    let refused = fixture.reserve(fixture.draw()).await;
    assert_eq!(refused, ReserveAnswer::Refused(Refusal::TenantPaused));
    done(
        fixture
            .engine
            .set_tenant_state(tenant(), TenantState::Active)
            .await,
    );

    let now = fixture
        .engine
        .resolve_key(&gateway(), fixture.digest())
        .await
        .unwrap()
        .server_time;
    let ends = UnixMs(now.0 + 1_000);
    let issued = fixture
        .engine
        .issue_key(tenant(), "short".into(), Some(ends))
        .await;
    let (_, issued) = issued.unwrap();
    let digest = issued.text.digest(crate::key_directory::sha256);
    assert_eq!(
        fixture
            .engine
            .resolve_key(&gateway(), digest)
            .await
            .unwrap()
            .refusal,
        None
    );
    fixture.clock.pass(1_000);
    let resolved = fixture
        .engine
        .resolve_key(&gateway(), digest)
        .await
        .unwrap();
    assert_eq!(resolved.refusal, Some(Refusal::KeyExpired));
}

async fn a_key_that_nobody_made_is_refused_and_counted() {
    let fixture = Fixture::with_holds(5).await;
    let digest = KeyDigest::from_bytes(&[9; 32]).unwrap();
    let mut call = fixture.reserve_call(fixture.draw());
    call.call.caller.key_digest = digest;
    let answered = fixture.engine.reserve(call).await.unwrap();
    assert_eq!(answered.answer, ReserveAnswer::Refused(Refusal::UnknownKey));
    assert_eq!(answered.book, None);
    let resolved = fixture
        .engine
        .resolve_key(&gateway(), digest)
        .await
        .unwrap();
    assert_eq!(
        (resolved.owner, resolved.refusal),
        (None, Some(Refusal::UnknownKey))
    );
    assert_eq!(fixture.engine.metrics().unknown_keys.get(), 2);
}

async fn keys_are_listed_without_secrets_and_with_their_last_use() {
    let mut fixture = Fixture::with_holds(5).await;
    fixture.clock.pass(5_000);
    let (_, _) = fixture.granted().await;
    fixture.engine.expire_due().await.unwrap();
    let keys = fixture.engine.keys(tenant()).await.unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(
        (keys[0].key.clone(), keys[0].label.as_str()),
        (fixture.key.id(), "main")
    );
    assert_eq!(
        keys[0].last_used_at,
        Some(UnixMs(keys[0].created_at.0 + 5_000))
    );
    fixture.restart().await;
    assert_eq!(fixture.engine.keys(tenant()).await.unwrap(), keys);
    let secret = fixture.key.reveal().as_bytes();
    for file in ["ferry.db", "ferry.db-wal", "ferry.db.peppers"] {
        let Ok(bytes) = std::fs::read(fixture.folder.path().join(file)) else {
            continue;
        };
        let digest = fixture.digest();
        let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        assert!(!holds(secret) && !holds(digest.as_bytes()), "{file}");
    }
}

async fn the_same_again_changes_nothing_and_something_else_is_a_conflict() {
    let fixture = Fixture::with_holds(5).await;
    let create = |name: &str, currency| CreateTenant {
        tenant: tenant(),
        name: name.into(),
        currency,
    };
    for (call, expected) in [
        (
            create("Acme Ltd", Currency::Usd),
            AdminAnswer::Done {
                seq: 3,
                changed: false,
            },
        ),
        (
            create("Other", Currency::Usd),
            AdminAnswer::Conflict { field: "name" },
        ),
        (
            create("Acme Ltd", Currency::Eur),
            AdminAnswer::Conflict { field: "currency" },
        ),
    ] {
        let answered = fixture.engine.create_tenant(call).await.unwrap();
        assert_eq!(answered.answer, expected);
    }
    assert_eq!(fixture.engine.record_price_table(prices()).await, Ok(()));
    let mut changed = prices();
    changed.content.push('\n');
    let taken = fixture.engine.record_price_table(changed).await;
    assert_eq!(taken, Err(EngineError::PriceVersionTaken("2026-01".into())));

    let nobody: ferry_types::TenantId = "nobody".parse().unwrap();
    let unknown = EngineError::UnknownTenant(nobody.clone());
    let paused = fixture
        .engine
        .set_tenant_state(nobody.clone(), TenantState::Paused)
        .await;
    assert_eq!(paused, Err(unknown.clone()));
    assert_eq!(fixture.engine.tenant(nobody).await, Err(unknown));
}
