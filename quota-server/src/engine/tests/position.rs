//! Where answers stand: which entry each tells of, when that was posted, and what is available after it. The same again is told the
//! same entry, from memory or from the store, and what is available by then.

use super::fixture::{Fixture, HOLD, START_MS, amount, gateway, on_both, tenant, used, whole_use};
use super::transfers::open_other;
use crate::engine::lease::RECOVERY_WINDOW_MS;
use crate::engine::{Answered, Engine, SettleCall};
use ferry_ledger::{
    Correct, Correction, GrantKind, GrantScope, IssueGrant, KeyState, Overage, Position, Reason,
    Remedy, TenantState, TopUp, TopUpRef, Transfer,
};
use ferry_types::{Currency, ReservationId, Usage, UsageSource};
use std::sync::Arc;

on_both! {
    each_call_of_a_gateway_tells_its_own_entry,
    the_same_again_tells_the_same_entry_after_a_restart,
    what_ends_by_itself_or_is_left_to_a_person_has_its_entry,
    a_refusal_tells_when_it_was_refused,
    of_many_at_once_all_are_told_one_entry,
    what_operators_post_tells_its_entry_once_and_again,
}

/// Entries with which the fixture's book begins: its opening, its key, its top-up.
const FIRST: u64 = 3;

/// The entry's number, milliseconds after the beginning, and what is available.
type At = (u64, u64, i64);

fn at<A>(answered: &Answered<A>) -> At {
    let Position { place, available } = answered.book.as_ref().unwrap().position;
    (place.seq, place.time.0 - START_MS, available.units())
}

/// A gateway's calls, which take a millisecond each.
struct Calls(Fixture);

impl Calls {
    async fn with_holds(holds: i64) -> Self {
        Self(Fixture::with_holds(holds).await)
    }

    async fn reserve(&self, id: ReservationId) -> At {
        self.0.clock.pass(1);
        let answered = self.0.engine.reserve(self.0.reserve_call(id)).await;
        at(&answered.unwrap())
    }

    async fn renew(&self, id: ReservationId) -> At {
        self.0.clock.pass(1);
        let call = ferry_api::Renew {
            id,
            caller: self.0.caller(),
            usage: Usage::default(),
            output_tokens_target: 0,
        };
        let answered = self.0.engine.renew(&gateway(), vec![call]).await;
        at(&answered.unwrap()[0])
    }

    async fn settle(&self, id: ReservationId, call: SettleCall) -> At {
        assert_eq!(call.call.id, id);
        self.0.clock.pass(1);
        let answered = self.0.engine.settle(&gateway(), vec![call]).await;
        at(&answered.unwrap()[0])
    }

    async fn settle_whole(&self, id: ReservationId) -> At {
        self.settle(id, self.0.settle_call(id, whole_use())).await
    }

    async fn release(&self, id: ReservationId) -> At {
        self.0.clock.pass(1);
        let caller = self.0.caller();
        let call = ferry_api::Release { id, caller };
        let answered = self.0.engine.release(&gateway(), vec![call]).await;
        at(&answered.unwrap()[0])
    }
}

async fn each_call_of_a_gateway_tells_its_own_entry() {
    let calls = Calls::with_holds(5).await;
    let [one, two] = [calls.0.draw(), calls.0.draw()];
    assert_eq!(calls.reserve(one).await, (FIRST + 1, 1, 4 * HOLD));
    assert_eq!(calls.renew(one).await, (FIRST + 2, 2, 4 * HOLD));
    assert_eq!(calls.reserve(two).await, (FIRST + 3, 3, 3 * HOLD));
    assert_eq!(calls.release(two).await, (FIRST + 4, 4, 4 * HOLD));
    // Estimated first, and reported later: an entry of its own, whose place is told from then on.
    let mut guess = used(100, 5);
    guess.attempts[0].source = UsageSource::Estimated;
    let guess = calls.0.settle_call(one, guess);
    let left = 5 * HOLD - 110_000;
    assert_eq!(calls.settle(one, guess.clone()).await, (FIRST + 5, 5, left));
    assert_eq!(calls.settle(one, guess).await, (FIRST + 5, 5, left));
    assert_eq!(calls.settle_whole(one).await, (FIRST + 6, 7, 4 * HOLD));
    assert_eq!(calls.settle_whole(one).await, (FIRST + 6, 7, 4 * HOLD));
    calls.0.assert_clean().await;
}

async fn the_same_again_tells_the_same_entry_after_a_restart() {
    let mut calls = Calls::with_holds(5).await;
    let [open, settled, released, unseen] = [(); 4].map(|()| calls.0.draw());
    let of_open = calls.reserve(open).await;
    for id in [settled, released] {
        calls.reserve(id).await;
    }
    let of_settled = calls.settle_whole(settled).await;
    let of_released = calls.release(released).await;
    let of_unseen = calls.release(unseen).await;
    let seqs = [of_open, of_settled, of_released, of_unseen].map(|(seq, ..)| seq);
    assert_eq!(seqs, [FIRST + 1, FIRST + 4, FIRST + 5, FIRST + 6]);
    // The lease is half over: the same again begins it anew, by an entry that is not what the answer tells of.
    calls.0.clock.pass(calls.0.lease.ttl_ms / 2);
    calls.0.top_up(7, "later").await;
    calls.0.restart().await;
    let now = 3 * HOLD + 7;
    let same = |(seq, ms, _): At| (seq, ms, now);
    for _ in 0..2 {
        assert_eq!(calls.reserve(open).await, same(of_open));
        assert_eq!(calls.settle_whole(settled).await, same(of_settled));
        assert_eq!(calls.release(released).await, same(of_released));
        assert_eq!(calls.release(unseen).await, same(of_unseen));
    }
    let view = calls.0.engine.tenant(tenant()).await.unwrap();
    assert_eq!(view.seq, FIRST + 8, "a top-up and a renewal came after");
    // Whoever asks something else of what has ended is told its end.
    for (id, end) in [
        (settled, of_settled),
        (released, of_released),
        (unseen, of_unseen),
    ] {
        assert_eq!(calls.reserve(id).await, same(end), "ended");
        assert_eq!(calls.renew(id).await, same(end), "ended");
    }
    assert_eq!(calls.release(settled).await, same(of_settled), "a conflict");
    let other = calls.0.settle_call(settled, used(1, 1));
    assert_eq!(calls.settle(settled, other).await, same(of_settled));
    calls.0.assert_clean().await;
}

async fn what_ends_by_itself_or_is_left_to_a_person_has_its_entry() {
    let mut calls = Calls::with_holds(5).await;
    let id = calls.0.draw();
    calls.reserve(id).await;
    let long_ago = ReservationId::new(START_MS - 2 * RECOVERY_WINDOW_MS, [7; 10]);
    assert_eq!(
        calls.settle_whole(long_ago).await,
        (FIRST + 2, 2, 4 * HOLD),
        "parked"
    );
    let wait = calls.0.lease.suspension_ms();
    calls.0.clock.pass(wait);
    assert_eq!(calls.0.engine.expire_due().await, Ok(1));
    calls.0.restart().await;
    assert_eq!(
        calls.reserve(id).await,
        (FIRST + 3, 2 + wait, 5 * HOLD),
        "its lease ran out"
    );
    assert_eq!(
        calls.settle_whole(long_ago).await,
        (FIRST + 2, 2, 5 * HOLD),
        "parked still"
    );
    let late = calls.settle_whole(id).await;
    assert_eq!(late, (FIRST + 4, 5 + wait, 4 * HOLD));
    assert_eq!(calls.reserve(id).await, late);
    calls.0.assert_clean().await;
}

async fn a_refusal_tells_when_it_was_refused() {
    let mut calls = Calls::with_holds(1).await;
    let [first, poor] = [calls.0.draw(), calls.0.draw()];
    calls.reserve(first).await;
    assert_eq!(calls.reserve(poor).await, (FIRST + 1, 2, 0));
    calls.0.top_up(5 * HOLD, "later").await;
    calls.0.restart().await;
    // It stays refused as of then; what is available is told as of now.
    assert_eq!(calls.reserve(poor).await, (FIRST + 1, 2, 5 * HOLD));
    assert_eq!(calls.release(poor).await, (FIRST + 1, 2, 5 * HOLD));
    let mut other = calls.0.reserve_call(poor);
    other.call.facts.route = "elsewhere".into();
    let conflict = calls.0.engine.reserve(other).await.unwrap();
    assert_eq!(at(&conflict), (FIRST + 1, 2, 5 * HOLD));
    // What is not kept is refused anew each time.
    let skewed = ReservationId::new(START_MS - 3_600_000, [9; 10]);
    assert_eq!(calls.reserve(skewed).await, (FIRST + 2, 5, 5 * HOLD));
    assert_eq!(calls.reserve(skewed).await, (FIRST + 2, 6, 5 * HOLD));
}

async fn of_many_at_once_all_are_told_one_entry() {
    let fixture = Arc::new(Fixture::with_holds(9).await);
    let id = fixture.draw();
    // All of them wait in the writer's queue before any is answered: most come in one batch.
    let asked = |kind: u64| {
        let tasks = (0..32).map(move |_| kind);
        let tasks = tasks.map(|kind| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move {
                let (engine, gateway) = (&fixture.engine, gateway());
                if kind == 0 {
                    let answered = engine.reserve(fixture.reserve_call(id)).await;
                    return at(&answered.unwrap());
                }
                let call = fixture.settle_call(id, whole_use());
                at(&engine.settle(&gateway, vec![call]).await.unwrap()[0])
            })
        });
        tasks.collect::<Vec<_>>()
    };
    for (kind, seq) in [(0, FIRST + 1), (1, FIRST + 2)] {
        for told in asked(kind) {
            assert_eq!(told.await.unwrap(), (seq, 0, 8 * HOLD));
        }
    }
    fixture.assert_clean().await;
}

/// What an operator asks, each of its own kind, in an order in which it can be done.
async fn operate(engine: &Engine, calls: &Calls, kind: usize) -> At {
    calls.0.clock.pass(1);
    let order = |id: &str, remedy| Correct {
        id: id.parse().unwrap(),
        correction: Correction {
            remedy,
            amount: amount(3),
            reason: Reason::Other,
            approver: "anna".into(),
            note: String::new(),
        },
        offer: None,
    };
    let answered = match kind {
        0 => {
            let top_up = TopUp {
                amount: amount(10),
                source: "bank".into(),
                external_reference: "second".into(),
                note: String::new(),
            };
            engine.top_up(tenant(), top_up).await
        }
        1 => {
            let grant = IssueGrant {
                id: "spring".parse().unwrap(),
                kind: GrantKind::Paid,
                priority: 1,
                scope: GrantScope::default(),
                starts_at: None,
                expires_at: None,
                amount: amount(20),
                note: String::new(),
            };
            engine.issue_grant(tenant(), grant).await
        }
        2 => {
            let paid = TopUpRef {
                source: "bank".into(),
                external_reference: "second".into(),
            };
            let order = order("c-1", Remedy::TopUpRefund(paid));
            engine.correct(tenant(), order).await
        }
        _ => {
            let transfer = Transfer {
                id: "t-1".parse().unwrap(),
                to: "other".parse().unwrap(),
                amount: amount(2),
                note: String::new(),
            };
            engine.transfer(tenant(), transfer).await
        }
    };
    at(&answered.unwrap())
}

async fn what_operators_post_tells_its_entry_once_and_again() {
    let mut calls = Calls::with_holds(1).await;
    open_other(&calls.0, "other", Currency::Usd).await;
    let available = [10, 30, 27, 25].map(|more| HOLD + more);
    let mut told = Vec::new();
    for (kind, (seq, available)) in (FIRST + 1..).zip(available).enumerate() {
        let ms = kind as u64 + 1;
        told.push(operate(&calls.0.engine, &calls, kind).await);
        assert_eq!(told[kind], (seq, ms, available));
    }
    calls.0.restart().await;
    for (kind, (seq, ms, _)) in told.into_iter().enumerate() {
        let again = operate(&calls.0.engine, &calls, kind).await;
        assert_eq!(again, (seq, ms, HOLD + 25), "again, kind {kind}");
    }
    // What sets a state has no id to be found by: where the book was in it before, the journal's end is told.
    let engine = calls.0.engine.clone();
    let key = calls.0.key.id();
    let pause = || engine.set_tenant_state(tenant(), TenantState::Paused);
    let lend = || engine.set_overage(tenant(), Overage::CreditLine(amount(5)));
    let stop = || engine.set_key_state(tenant(), key.clone(), KeyState::Paused);
    let end = FIRST + 4;
    assert_eq!(at(&pause().await.unwrap()), (end + 1, 8, HOLD + 25));
    assert_eq!(at(&pause().await.unwrap()), (end + 1, 8, HOLD + 25));
    assert_eq!(at(&lend().await.unwrap()), (end + 2, 8, HOLD + 30));
    assert_eq!(at(&stop().await.unwrap()), (end + 3, 8, HOLD + 30));
    assert_eq!(at(&pause().await.unwrap()), (end + 3, 8, HOLD + 30));
    calls.0.assert_clean().await;
}
