//! A request's life, each call twice, and what is found after a restart.

use super::fixture::{Fixture, HOLD, on_both, tenant, used, whole_use};
use crate::store::view::{ReservationQuery, UsageQuery};
use ferry_ledger::{Flag, ReleaseAnswer, RenewAnswer, ReserveAnswer, SettleAnswer, StateName};
use ferry_types::Usage;

on_both! {
    a_request_is_held_charged_and_freed,
    every_call_may_come_twice_and_after_a_restart,
    what_was_charged_is_on_record,
    what_a_provider_names_and_nobody_knows_is_flagged_on_record,
}

async fn a_request_is_held_charged_and_freed() {
    let fixture = Fixture::with_holds(3).await;
    let (first, granted) = fixture.granted().await;
    assert_eq!(granted.reserved.units(), HOLD);
    assert_eq!(fixture.balance().await, (3 * HOLD, HOLD, 2 * HOLD));

    let half = used(50, 5);
    let settled = fixture.settle(first, half).await;
    assert!(matches!(
        settled,
        SettleAnswer::Settled { charged, released, .. }
            if charged.units() == HOLD / 2 && released.units() == HOLD / 2
    ));
    let (second, _) = fixture.granted().await;
    assert_eq!(fixture.release(second).await, ReleaseAnswer::Released);
    assert_eq!(
        fixture.balance().await,
        (3 * HOLD - HOLD / 2, 0, 3 * HOLD - HOLD / 2)
    );
}

async fn every_call_may_come_twice_and_after_a_restart() {
    let mut fixture = Fixture::with_holds(5).await;
    let (settled, _) = fixture.granted().await;
    let (released, _) = fixture.granted().await;
    let (open, _) = fixture.granted().await;
    let seen = Usage {
        output_tokens: 3,
        ..Usage::default()
    };
    let mut posted = Vec::new();
    for _ in 0..2 {
        posted.push(fixture.settle(settled, whole_use()).await);
        assert_eq!(fixture.release(released).await, ReleaseAnswer::Released);
        assert!(matches!(
            fixture.renew(open, seen).await,
            RenewAnswer::Renewed { .. }
        ));
        let again = fixture.reserve(open).await;
        assert!(
            matches!(again, ReserveAnswer::Granted(granted) if granted.reserved.units() == HOLD)
        );
        let ended = fixture.reserve(settled).await;
        assert_eq!(ended, ReserveAnswer::Ended(StateName::Settled));
        assert_eq!(fixture.balance().await, (4 * HOLD, HOLD, 3 * HOLD));
        fixture.restart().await;
    }
    assert_eq!(posted[0], posted[1]);
    let other = fixture.settle(settled, used(1, 1)).await;
    assert!(
        matches!(other, SettleAnswer::Conflict { field } if field.contains("usage")),
        "names the field"
    );
}

async fn what_was_charged_is_on_record() {
    let fixture = Fixture::with_holds(2).await;
    let (id, _) = fixture.granted().await;
    let open = ReservationQuery {
        open_only: true,
        limit: 10,
        ..ReservationQuery::default()
    };
    let held = fixture.engine.reservations(open.clone()).await.unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].id, held[0].reserved.unwrap().units()), (id, HOLD));
    fixture.settle(id, whole_use()).await;
    assert_eq!(fixture.engine.reservations(open).await.unwrap(), []);

    let by_request = UsageQuery {
        request: Some(id),
        limit: 10,
        ..UsageQuery::default()
    };
    let by_tenant = UsageQuery {
        tenant: Some(tenant()),
        limit: 10,
        ..UsageQuery::default()
    };
    let records = fixture.engine.usage(by_request).await.unwrap();
    assert_eq!(fixture.engine.usage(by_tenant).await.unwrap(), records);
    let record = &records[0];
    assert_eq!(
        (record.charged.units(), record.cost.units()),
        (HOLD, HOLD / 2)
    );
    assert_eq!(
        (record.key_label.as_str(), record.model_served.as_str()),
        ("main", "small-2026")
    );
    assert_eq!(record.attempts.len(), 1);
    assert_eq!(record.attempts[0].provider_request_id, "req_1");
    assert_eq!(record.price_version, "2026-01");
}

async fn what_a_provider_names_and_nobody_knows_is_flagged_on_record() {
    let fixture = Fixture::with_holds(4).await;
    for (model, tier, expected) in [
        ("small-2026", "default", vec![]),
        ("large-2026", "default", vec![Flag::UnknownModel]),
        ("small-2026", "priority", vec![Flag::UnknownTier]),
    ] {
        let (id, _) = fixture.granted().await;
        let mut served = whole_use();
        served.attempts[0].model = model.into();
        served.attempts[0].service_tier = tier.into();
        fixture.settle(id, served).await;
        let records = fixture.records().await;
        let record = records.iter().find(|record| record.id == id).unwrap();
        assert_eq!(record.flags, expected, "{model} {tier}");
        assert_eq!(record.charged.units(), HOLD, "{model} {tier}");
        assert_eq!(record.attempts[0].service_tier, tier);
    }
    fixture.assert_clean().await;
}
