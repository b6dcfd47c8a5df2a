//! Idempotency keys in flight, as the store keeps them: taken by one request, free when that has ended.

use super::fixture::{Fixture, HOLD, on_both, tenant, whole_use};
use ferry_ledger::{Refusal, ReserveAnswer};
use ferry_types::{KeyDigest, Mode, ReservationId};
use std::sync::Arc;

on_both! {
    a_key_is_free_when_its_request_has_ended_however_it_ends,
    of_many_at_once_one_is_granted,
    another_customers_key_and_shadow_mode_are_in_nobodys_way,
}

/// A request under this idempotency key.
struct Under {
    id: ReservationId,
    byte: u8,
    mode: Mode,
    key: KeyDigest,
}

impl Under {
    fn new(fixture: &Fixture, byte: u8) -> Self {
        Self {
            id: fixture.draw(),
            byte,
            mode: Mode::Enforce,
            key: fixture.digest(),
        }
    }

    async fn ask(&self, fixture: &Fixture) -> ReserveAnswer {
        let mut call = fixture.reserve_call(self.id);
        call.call.caller.key_digest = self.key;
        call.call.facts.mode = self.mode;
        call.call.facts.idempotency_key_digest = Some([self.byte; 32]);
        fixture.engine.reserve(call).await.unwrap().answer
    }

    async fn granted(&self, fixture: &Fixture) {
        let answer = self.ask(fixture).await;
        assert!(matches!(answer, ReserveAnswer::Granted(_)), "{answer:?}");
    }

    async fn in_use(&self, fixture: &Fixture) {
        let in_use = ReserveAnswer::Refused(Refusal::IdempotencyKeyInUse);
        assert_eq!(self.ask(fixture).await, in_use);
    }
}

async fn a_key_is_free_when_its_request_has_ended_however_it_ends() {
    let mut fixture = Fixture::with_holds(9).await;
    // A neighbour that stays open all the time is in nobody's way.
    Under::new(&fixture, 2).granted(&fixture).await;
    for end in ["settle", "release", "expire"] {
        let first = Under::new(&fixture, 1);
        first.granted(&fixture).await;
        let second = Under::new(&fixture, 1);
        second.in_use(&fixture).await;
        fixture.restart().await;
        Under::new(&fixture, 1).in_use(&fixture).await;
        // The first one again is still the first one, and the refused one still refused.
        first.granted(&fixture).await;
        match end {
            "settle" => drop(fixture.settle(first.id, whole_use()).await),
            "release" => drop(fixture.release(first.id).await),
            _ => {
                fixture.clock.pass(fixture.lease.suspension_ms());
                // The neighbour's lease is over too.
                assert_eq!(fixture.engine.expire_due().await, Ok(2));
            }
        }
        second.in_use(&fixture).await;
        let third = Under::new(&fixture, 1);
        third.granted(&fixture).await;
        fixture.settle(third.id, whole_use()).await;
    }
    // Charged are the third of each round, and the first of the round that it settled in.
    assert_eq!(fixture.balance().await, (5 * HOLD, 0, 5 * HOLD));
    fixture.assert_clean().await;
}

async fn of_many_at_once_one_is_granted() {
    let fixture = Arc::new(Fixture::with_holds(64).await);
    // All of them wait in the writer's queue before any is answered: most come in one batch.
    let asked: Vec<_> = (0..64)
        .map(|n| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move { Under::new(&fixture, n % 2).ask(&fixture).await })
        })
        .collect();
    let mut granted = 0;
    for answer in asked {
        let answer = answer.await.unwrap();
        if matches!(answer, ReserveAnswer::Granted(_)) {
            granted += 1;
        } else {
            let in_use = ReserveAnswer::Refused(Refusal::IdempotencyKeyInUse);
            assert_eq!(answer, in_use);
        }
    }
    assert_eq!(granted, 2, "one under each key");
    assert_eq!(fixture.balance().await.1, 2 * HOLD);
    fixture.assert_clean().await;
}

async fn another_customers_key_and_shadow_mode_are_in_nobodys_way() {
    let fixture = Fixture::with_holds(9).await;
    let (_, issued) = fixture
        .engine
        .issue_key(tenant(), "second".into(), None)
        .await
        .unwrap();
    let shadow = |fixture: &Fixture| Under {
        mode: Mode::Shadow,
        ..Under::new(fixture, 1)
    };
    shadow(&fixture).granted(&fixture).await;
    Under::new(&fixture, 1).granted(&fixture).await;
    shadow(&fixture).granted(&fixture).await;
    let other = || Under {
        key: issued.text.digest(crate::key_directory::sha256),
        ..Under::new(&fixture, 1)
    };
    other().granted(&fixture).await;
    other().in_use(&fixture).await;
    Under::new(&fixture, 1).in_use(&fixture).await;
    fixture.assert_clean().await;
}
