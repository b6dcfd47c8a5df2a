//! What a gateway may do: its scope, its role, and how much it may settle that nothing was held for.

use super::fixture::{Fixture, HOLD, gateway, on_both, principal, tenant, used, whole_use};
use crate::engine::{Answered, Engine};
use crate::principal::{Principal, Role, Scope};
use ferry_ledger::{Flag, Refusal, ReleaseAnswer, RenewAnswer, ReserveAnswer, SettleAnswer};
use ferry_types::{ReservationId, Settlement, Usage};
use std::sync::Arc;

on_both! {
    a_gateway_serves_its_scope_and_nobody_else,
    another_gateway_cannot_end_a_reservation_and_a_recovery_principal_can,
    settlements_that_nothing_was_held_for_are_capped_an_hour,
    what_is_suspended_is_counted_by_currency,
}

/// What one principal gets for the three calls that end or extend a reservation.
struct Ends {
    renew: RenewAnswer,
    settle: SettleAnswer,
    release: ReleaseAnswer,
}

fn one<A>(answered: Result<Vec<Answered<A>>, crate::engine::EngineError>) -> A {
    answered.unwrap().pop().unwrap().answer
}

async fn settle(
    fixture: &Fixture,
    by: &Arc<Principal>,
    id: ReservationId,
    what: Settlement,
) -> SettleAnswer {
    one(fixture
        .engine
        .settle(by, vec![fixture.settle_call(id, what)])
        .await)
}

async fn release(fixture: &Fixture, by: &Arc<Principal>, id: ReservationId) -> ReleaseAnswer {
    let caller = fixture.caller();
    let call = ferry_api::Release { id, caller };
    one(fixture.engine.release(by, vec![call]).await)
}

async fn ends(fixture: &Fixture, by: &Arc<Principal>, id: ReservationId) -> Ends {
    let renew = ferry_api::Renew {
        id,
        caller: fixture.caller(),
        usage: Usage::default(),
        output_tokens_target: 0,
    };
    Ends {
        renew: one(fixture.engine.renew(by, vec![renew]).await),
        settle: settle(fixture, by, id, whole_use()).await,
        release: release(fixture, by, id).await,
    }
}

fn scoped(role: Role, scope: Scope) -> Arc<Principal> {
    Arc::new(Principal {
        role,
        scope,
        ..Principal::clone(&principal("scoped"))
    })
}

fn of_another_tenant() -> Scope {
    Scope {
        tenants: Some(["other".parse().unwrap()].into()),
        routes: None,
    }
}

fn of_another_route() -> Scope {
    Scope {
        tenants: None,
        routes: Some(["elsewhere".to_owned()].into()),
    }
}

fn of_ours() -> Scope {
    Scope {
        tenants: Some([tenant()].into()),
        routes: Some(["openai".to_owned()].into()),
    }
}

async fn reserve(fixture: &Fixture, by: &Arc<Principal>) -> Answered<ReserveAnswer> {
    let mut call = fixture.reserve_call(fixture.draw());
    call.principal = Arc::clone(by);
    fixture.engine.reserve(call).await.unwrap()
}

fn counted(engine: &Engine, name: &str) -> u64 {
    let mut registry = prometheus_client::registry::Registry::default();
    engine.metrics().register(&mut registry);
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |rest| rest.trim().parse().unwrap())
}

async fn a_gateway_serves_its_scope_and_nobody_else() {
    let fixture = Fixture::with_holds(4).await;
    for scope in [of_another_tenant(), of_another_route()] {
        let outside = scoped(Role::Gateway, scope);
        let answered = reserve(&fixture, &outside).await;
        let refused = ReserveAnswer::Refused(Refusal::GatewayOutOfScope);
        assert_eq!(answered.answer, refused);
        assert_eq!(answered.book, None, "it is not told of a balance");
        let settled = settle(&fixture, &outside, fixture.draw(), whole_use()).await;
        assert_eq!(settled, SettleAnswer::Denied);
    }
    let inside = scoped(Role::Gateway, of_ours());
    let granted = reserve(&fixture, &inside).await.answer;
    assert!(matches!(granted, ReserveAnswer::Granted(_)), "{granted:?}");
    let outside = scoped(Role::Gateway, of_another_tenant());
    let resolved = fixture.engine.resolve_key(&outside, fixture.digest());
    let resolved = resolved.await.unwrap();
    assert_eq!(
        (resolved.owner, resolved.refusal),
        (None, Some(Refusal::GatewayOutOfScope))
    );
    let name = "calls_out_of_scope_total{principal=\"scoped\"}";
    assert_eq!(counted(&fixture.engine, name), 5);
    assert_eq!(fixture.balance().await, (4 * HOLD, HOLD, 3 * HOLD));
}

async fn another_gateway_cannot_end_a_reservation_and_a_recovery_principal_can() {
    let fixture = Fixture::with_holds(4).await;
    let (id, _) = fixture.granted().await;
    for stranger in [
        principal("other"),
        scoped(Role::Recovery, of_another_tenant()),
        scoped(Role::Recovery, of_another_route()),
    ] {
        let Ends {
            renew,
            settle,
            release,
        } = ends(&fixture, &stranger, id).await;
        assert_eq!(renew, RenewAnswer::Denied);
        assert_eq!(settle, SettleAnswer::Denied);
        assert_eq!(release, ReleaseAnswer::Denied);
    }
    let recovery = scoped(Role::Recovery, of_ours());
    let Ends {
        renew,
        settle: settled,
        release: released,
    } = ends(&fixture, &recovery, id).await;
    assert!(matches!(renew, RenewAnswer::Renewed { .. }), "{renew:?}");
    assert!(matches!(settled, SettleAnswer::Settled { charged, .. } if charged.units() == HOLD));
    assert_eq!(released, ReleaseAnswer::Conflict);
    // What it said stands as if the owner had said it: the owner gets the same answer.
    assert_eq!(fixture.settle(id, whole_use()).await, settled);
    let (other, _) = fixture.granted().await;
    assert_eq!(
        release(&fixture, &recovery, other).await,
        ReleaseAnswer::Released
    );
    // It replays an access log: what was never seen is its own. It never reserves.
    let unseen = settle(&fixture, &recovery, fixture.draw(), used(10, 1)).await;
    assert!(matches!(unseen, SettleAnswer::Settled { .. }), "{unseen:?}");
    let refused = ReserveAnswer::Refused(Refusal::GatewayOutOfScope);
    assert_eq!(reserve(&fixture, &recovery).await.answer, refused);
    let name = "reservations_recovered_total{principal=\"scoped\"}";
    assert_eq!(counted(&fixture.engine, name), 2);
    let records = fixture.records().await;
    let record = records.iter().find(|record| record.id == id).unwrap();
    assert!(record.flags.contains(&Flag::Recovered), "{record:?}");
    assert_eq!(record.principal.as_str(), "scoped");
    fixture.assert_clean().await;
}

/// A stolen token can settle what was never reserved: it takes a tenant into debt as far as the cap goes, and no further.
async fn settlements_that_nothing_was_held_for_are_capped_an_hour() {
    let fixture = Fixture::with_holds(10).await;
    let capped = Arc::new(Principal {
        unreserved_settles_per_hour_max: 2,
        ..Principal::clone(&gateway())
    });
    let forged = || settle(&fixture, &capped, fixture.draw(), whole_use());
    for _ in 0..2 {
        let settled = forged().await;
        assert!(
            matches!(settled, SettleAnswer::Settled { .. }),
            "{settled:?}"
        );
    }
    for _ in 0..5 {
        assert_eq!(forged().await, SettleAnswer::Parked);
    }
    // A release beforehand does not help, nor does another tenant's cap matter.
    let id = fixture.draw();
    assert_eq!(
        release(&fixture, &capped, id).await,
        ReleaseAnswer::Released
    );
    assert_eq!(
        settle(&fixture, &capped, id, whole_use()).await,
        SettleAnswer::Parked
    );
    assert_eq!(fixture.balance().await, (8 * HOLD, 0, 8 * HOLD));
    // What was reserved is settled whatever the cap, and the next hour begins anew.
    let (id, _) = fixture.granted().await;
    let settled = settle(&fixture, &capped, id, whole_use()).await;
    assert!(
        matches!(settled, SettleAnswer::Settled { .. }),
        "{settled:?}"
    );
    fixture.clock.pass(3_600_000);
    assert!(matches!(forged().await, SettleAnswer::Settled { .. }));
    assert_eq!(counted(&fixture.engine, "settlements_parked_total"), 6);
    assert_eq!(
        counted(
            &fixture.engine,
            "settlements_unreserved_total{principal=\"gateway\"}"
        ),
        3
    );
    fixture.assert_clean().await;
}

async fn what_is_suspended_is_counted_by_currency() {
    let fixture = Fixture::with_holds(2).await;
    let (id, _) = fixture.granted().await;
    fixture.settle(id, used(9_000_000, 0)).await;
    let record = fixture.records().await.pop().unwrap();
    let counted = counted(&fixture.engine, "suspended_units_total{currency=\"USD\"}");
    assert!(counted > 0);
    assert_eq!(counted, record.suspended.units().unsigned_abs());
}
