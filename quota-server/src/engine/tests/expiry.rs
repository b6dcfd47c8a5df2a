//! What nobody settles ends by itself, but not while gateways may be about to settle it.

use super::fixture::{Fixture, HOLD, offers_by, on_both, whole_use};
use ferry_ledger::{Lifeless, ReleaseAnswer, ReserveAnswer, SettleAnswer, StateName};
use ferry_types::{ReservationId, Usage};

on_both! {
    an_overdue_hold_is_freed_and_a_late_settle_still_charges,
    what_showed_life_is_charged_by_its_last_sign,
    what_never_showed_life_is_charged_where_that_was_pinned,
    nothing_expires_for_a_while_after_a_start_or_a_step_of_the_clock,
}

async fn an_overdue_hold_is_freed_and_a_late_settle_still_charges() {
    let fixture = Fixture::with_holds(2).await;
    let (id, _) = fixture.granted().await;
    fixture.clock.pass(fixture.lease.suspension_ms());
    assert_eq!(fixture.engine.expire_due().await, Ok(1));
    assert_eq!(fixture.balance().await, (2 * HOLD, 0, 2 * HOLD));
    assert_eq!(
        fixture.reserve(id).await,
        ReserveAnswer::Ended(StateName::Expired)
    );
    let settled = fixture.settle(id, whole_use()).await;
    assert!(matches!(settled, SettleAnswer::Settled { charged, .. } if charged.units() == HOLD));
    assert_eq!(fixture.balance().await, (HOLD, 0, HOLD));
    assert_eq!(fixture.engine.metrics().expired.get(), 1);
    assert_eq!(fixture.engine.metrics().expired_lifeless.get(), 1);
}

async fn what_showed_life_is_charged_by_its_last_sign() {
    let fixture = Fixture::with_holds(2).await;
    let (id, _) = fixture.granted().await;
    let seen = Usage {
        input_tokens: 100,
        output_tokens: 5,
        ..Usage::default()
    };
    fixture.renew(id, seen).await;
    fixture.clock.pass(fixture.lease.suspension_ms());
    assert_eq!(fixture.engine.expire_due().await, Ok(1));
    assert_eq!(
        fixture.balance().await.0,
        2 * HOLD - (100 * 1_000 + 5 * 2_000)
    );
    assert_eq!(fixture.engine.metrics().expired.get(), 1);
    assert_eq!(fixture.engine.metrics().expired_lifeless.get(), 0);
}

async fn what_never_showed_life_is_charged_where_that_was_pinned() {
    let mut fixture = Fixture::with_holds(4).await;
    let ids: Vec<_> = (0..3).map(|_| fixture.draw()).collect();
    for id in &ids {
        let mut call = fixture.reserve_call(*id);
        call.offers = offers_by(Lifeless::Charge);
        let answered = fixture.engine.reserve(call).await.unwrap();
        assert!(matches!(answered.answer, ReserveAnswer::Granted(_)));
    }
    let (released, _) = fixture.granted().await;
    // Another server ends them, which knows of no such policy.
    fixture.restart().await;
    fixture.clock.pass(fixture.lease.suspension_ms());
    assert_eq!(fixture.engine.expire_due().await, Ok(4));
    // The input's estimate is all that is known of each of the three.
    let guess = 100 * 1_000;
    let after = 4 * HOLD - 3 * guess;
    assert_eq!(fixture.balance().await, (after, 0, after));
    assert_eq!(fixture.engine.metrics().expired_lifeless.get(), 4);
    let [trued_up, taken_back, left] = ids[..] else {
        panic!("three of them");
    };
    let settled = fixture.settle(trued_up, whole_use()).await;
    assert!(matches!(settled, SettleAnswer::Settled { charged, .. } if charged.units() == HOLD));
    assert_eq!(fixture.release(taken_back).await, ReleaseAnswer::Released);
    assert_eq!(fixture.balance().await.0, 4 * HOLD - HOLD - guess);
    let flags = async |id: ReservationId| {
        let records = fixture.records().await;
        let record = records.iter().find(|record| record.id == id)?;
        Some(
            record
                .flags
                .iter()
                .map(|flag| flag.name())
                .collect::<Vec<_>>(),
        )
    };
    let expected = Some(vec!["provisional", "lifeless"]);
    assert_eq!(flags(left).await, expected);
    assert_eq!(
        flags(trued_up).await,
        Some(vec!["after_expiry", "lifeless"])
    );
    assert_eq!(flags(released).await, Some(vec!["lifeless"]));
    assert_eq!(flags(taken_back).await, None);
    fixture.assert_clean().await;
}

async fn nothing_expires_for_a_while_after_a_start_or_a_step_of_the_clock() {
    let mut fixture = Fixture::with_holds(2).await;
    let (id, _) = fixture.granted().await;
    let wait_ms = fixture.lease.suspension_ms();
    let check = async |fixture: &Fixture, why: &str| {
        fixture.clock.pass(wait_ms - 1);
        assert_eq!(fixture.engine.expire_due().await, Ok(0), "{why}");
        assert_eq!(fixture.balance().await.1, HOLD, "{why}");
    };
    fixture.clock.pass(10 * wait_ms);
    fixture.restart().await;
    check(&fixture, "after a start").await;
    fixture.clock.step(10 * wait_ms);
    assert_eq!(fixture.engine.expire_due().await, Ok(0));
    check(&fixture, "after a step").await;
    fixture.clock.pass(1);
    assert_eq!(fixture.engine.expire_due().await, Ok(1));
    let ended = ReserveAnswer::Ended(StateName::Expired);
    assert_eq!(fixture.reserve(id).await, ended);
}
