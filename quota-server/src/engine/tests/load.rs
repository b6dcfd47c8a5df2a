//! Many at once: exactly what the money affords goes through, whoever asks and in whatever order.

use super::fixture::{Fixture, HOLD, facts, gateway, on_both, principal, tenant, whole_use};
use crate::engine::EngineError;
use ferry_ledger::{Refusal, ReserveAnswer, SettleAnswer};
use ferry_types::KeyDigest;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

on_both! {
    of_a_thousand_requests_exactly_as_many_go_through_as_are_paid_for,
    the_same_request_from_everywhere_is_held_and_charged_once,
    a_refused_item_leaves_the_rest_of_its_batch_alone,
    a_request_that_nobody_waits_for_is_not_decided,
    a_long_batch_of_settlements_is_answered_whole_and_in_order,
}

/// Runs `each` so many times in so many tasks on two threads.
async fn crowd<F, R>(
    tasks: usize,
    each: impl Fn(Arc<Fixture>) -> F,
    fixture: &Arc<Fixture>,
) -> Vec<R>
where
    F: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    let handles: Vec<_> = (0..tasks)
        .map(|_| tokio::spawn(each(Arc::clone(fixture))))
        .collect();
    let mut results = Vec::new();
    for handle in handles {
        results.push(handle.await.unwrap());
    }
    results
}

async fn of_a_thousand_requests_exactly_as_many_go_through_as_are_paid_for() {
    for (tasks, each) in [(64, 16), (500, 2)] {
        let fixture = Arc::new(Fixture::with_holds(100).await);
        let admitted = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&admitted);
        let request = move |fixture: Arc<Fixture>| {
            let admitted = Arc::clone(&counted);
            async move {
                for _ in 0..each {
                    let id = fixture.draw();
                    match fixture.reserve(id).await {
                        ReserveAnswer::Granted(_) => {
                            admitted.fetch_add(1, Ordering::SeqCst);
                            let settled = fixture.settle(id, whole_use()).await;
                            assert!(matches!(settled, SettleAnswer::Settled { .. }));
                        }
                        ReserveAnswer::Refused(Refusal::InsufficientFunds { .. }) => {}
                        ReserveAnswer::Refused(_)
                        | ReserveAnswer::Ended(_)
                        | ReserveAnswer::Conflict { .. }
                        | ReserveAnswer::Denied => panic!("neither granted nor out of money"),
                    }
                    let (posted, held, available) = fixture.balance().await;
                    assert!(posted >= 0 && available >= 0 && held <= posted);
                }
            }
        };
        crowd(tasks, request, &fixture).await;
        assert_eq!(admitted.load(Ordering::SeqCst), 100, "{tasks} tasks");
        assert_eq!(fixture.balance().await, (0, 0, 0));
        fixture.assert_clean().await;
    }
}

async fn the_same_request_from_everywhere_is_held_and_charged_once() {
    let fixture = Arc::new(Fixture::with_holds(3).await);
    let id = fixture.draw();
    let same = move |fixture: Arc<Fixture>| async move {
        let reserved = fixture.reserve(id).await;
        let settled = fixture.settle(id, whole_use()).await;
        (reserved, settled)
    };
    let answers = crowd(64, same, &fixture).await;
    assert!(answers.iter().all(|(_, settled)| *settled == answers[0].1));
    assert_eq!(fixture.balance().await, (2 * HOLD, 0, 2 * HOLD));
    fixture.assert_clean().await;
}

async fn a_refused_item_leaves_the_rest_of_its_batch_alone() {
    let fixture = Fixture::with_holds(3).await;
    let (first, _) = fixture.granted().await;
    let (second, _) = fixture.granted().await;
    let mut strange = fixture.settle_call(fixture.draw(), whole_use());
    strange.call.caller.key_digest = KeyDigest::from_bytes(&[9; 32]).unwrap();
    let calls = vec![
        fixture.settle_call(first, whole_use()),
        strange,
        fixture.settle_call(second, whole_use()),
    ];
    let answers = fixture.engine.settle(&gateway(), calls).await.unwrap();
    let charged = |at: usize| matches!(answers[at].answer, SettleAnswer::Settled { charged, .. } if charged.units() == HOLD);
    assert!(charged(0) && charged(2));
    assert_eq!(answers[1].answer, SettleAnswer::Denied);
    assert_eq!(answers[1].book, None);
    assert_eq!(fixture.engine.metrics().unknown_keys.get(), 1);
    let other = principal("other");
    let (third, _) = fixture.granted().await;
    let call = fixture.settle_call(third, whole_use());
    let denied = fixture.engine.settle(&other, vec![call]).await.unwrap();
    assert_eq!(denied[0].answer, SettleAnswer::Denied);
    fixture.assert_clean().await;
}

async fn a_request_that_nobody_waits_for_is_not_decided() {
    let fixture = Fixture::with_holds(3).await;
    let mut call = fixture.reserve_call(fixture.draw());
    call.deadline = Some(Instant::now());
    let late = fixture.engine.reserve(call).await;
    assert_eq!(late, Err(EngineError::DeadlinePassed));
    assert_eq!(fixture.balance().await, (3 * HOLD, 0, 3 * HOLD));
    assert_eq!(fixture.engine.metrics().reserves_late.get(), 1);
}

async fn a_long_batch_of_settlements_is_answered_whole_and_in_order() {
    let fixture = Fixture::with_holds(1_000).await;
    let calls = (0..600).map(|_| fixture.settle_call(fixture.draw(), whole_use()));
    let answers = fixture
        .engine
        .settle(&gateway(), calls.collect())
        .await
        .unwrap();
    let seqs: Vec<_> = answers
        .iter()
        .map(|answered| match answered.answer {
            SettleAnswer::Settled { seq, .. } => seq,
            SettleAnswer::Conflict { .. }
            | SettleAnswer::Parked
            | SettleAnswer::Denied
            | SettleAnswer::Frozen => 0,
        })
        .collect();
    let first = seqs[0];
    assert_eq!(seqs, (first..first + 600).collect::<Vec<_>>());
    assert_eq!(fixture.balance().await.0, 400 * HOLD);
    assert_eq!(
        fixture.engine.settle(&gateway(), Vec::new()).await,
        Ok(Vec::new())
    );
    let view = fixture.engine.tenant(tenant()).await.unwrap();
    assert_eq!(answers[599].book.as_ref().unwrap().head.seq, view.seq);
    assert_eq!(facts().choices, 1);
}
