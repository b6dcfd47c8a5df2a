//! A book that is found broken within a batch: the rest of the batch is decided as if it had not been there.

use super::fixture::{Fixture, HOLD, amount, done, gateway, offers, on_both, tenant, whole_use};
use super::transfers::open_other;
use super::unreadable::forge;
use crate::engine::job::{Ask, Op, Who};
use crate::engine::lanes::Lane;
use crate::engine::{ThawAnswer, ThawCall};
use crate::key_directory::sha256;
use crate::principal::Principal;
use ferry_ledger::{AdminAnswer, Answer, Command, Reason, SettleAnswer, TopUp};
use ferry_types::{Currency, KeyDigest, ReservationId, TenantId};
use std::sync::Arc;

on_both! {
    a_payment_to_a_book_that_breaks_is_credited_to_the_next,
    what_a_book_that_breaks_had_settled_does_not_count_for_its_gateway,
    a_book_that_is_broken_although_it_is_frozen_says_nothing,
}

fn other() -> TenantId {
    "other".parse().unwrap()
}

/// A server on which acme's book breaks once this request is settled; another tenant's key.
async fn ailing() -> (Fixture, ReservationId, KeyDigest) {
    let mut fixture = Fixture::with_holds(3).await;
    open_other(&fixture, "other", Currency::Usd).await;
    let issued = fixture.engine.issue_key(other(), "main".into(), None).await;
    let key = issued.unwrap().1.text.digest(sha256);
    let (id, _) = fixture.granted().await;
    fixture.close().await;
    forge(
        &fixture,
        "UPDATE tenants SET held = 1 WHERE tenant = 'acme'",
    )
    .await;
    fixture.engine = fixture.another();
    (fixture, id, key)
}

/// Somebody mends acme's rows, and its book goes on.
async fn mend(fixture: &Fixture) {
    let sql = format!("UPDATE tenants SET held = {HOLD} WHERE tenant = 'acme'");
    forge(fixture, &sql).await;
    let call = ThawCall {
        reason: Reason::Other,
        approver: "anna".into(),
        note: String::new(),
    };
    let thawed = fixture.engine.thaw(tenant(), call).await.unwrap();
    assert!(matches!(thawed, ThawAnswer::Done { .. }), "{thawed:?}");
}

/// Asks all of it in one batch.
async fn together<const N: usize>(fixture: &Fixture, ops: [Op; N]) -> [Answer; N] {
    let asked = fixture.engine.ask(Lane::Settlement, ops.into(), None);
    let answers = asked.await.unwrap().into_iter();
    let answers: Vec<_> = answers.map(|answered| answered.answer).collect();
    answers.try_into().unwrap()
}

fn payment() -> TopUp {
    TopUp {
        amount: amount(HOLD),
        source: "bank".into(),
        external_reference: "twice".into(),
        note: String::new(),
    }
}

fn top_up(tenant: TenantId) -> Op {
    Op {
        who: Who::Operator(tenant),
        ask: Ask::Command(Command::TopUp(payment())),
    }
}

fn settle(by: &Arc<Principal>, key: KeyDigest, id: ReservationId) -> Op {
    Op {
        who: Who::key(Arc::clone(by), key),
        ask: Ask::Settle {
            id,
            settlement: whole_use(),
            offers: offers(),
        },
    }
}

async fn a_payment_to_a_book_that_breaks_is_credited_to_the_next() {
    let (fixture, id, _) = ailing().await;
    let [first, broken, second] = together(
        &fixture,
        [
            top_up(tenant()),
            settle(&gateway(), fixture.digest(), id),
            top_up(other()),
        ],
    )
    .await;
    assert_eq!(first, Answer::Admin(AdminAnswer::Frozen));
    assert_eq!(broken, Answer::Settle(SettleAnswer::Frozen));
    let credited = AdminAnswer::Done {
        seq: 3,
        changed: true,
    };
    assert_eq!(second, Answer::Admin(credited));
    assert_eq!(fixture.engine.metrics().books_frozen.get(), 1);
    let view = fixture.engine.tenant(other()).await.unwrap();
    assert_eq!(view.posted.units(), HOLD);
    mend(&fixture).await;
    let late = fixture.engine.top_up(tenant(), payment()).await.unwrap();
    let elsewhere = AdminAnswer::CreditedElsewhere { tenant: other() };
    assert_eq!(late.answer, elsewhere);
    fixture.settle(id, whole_use()).await;
    fixture.assert_clean().await;
}

async fn what_a_book_that_breaks_had_settled_does_not_count_for_its_gateway() {
    let (fixture, id, key) = ailing().await;
    done(fixture.engine.top_up(other(), payment()).await);
    let by = Arc::new(Principal {
        unreserved_settles_per_hour_max: 1,
        ..Principal::clone(&gateway())
    });
    let own = fixture.digest();
    let [first, broken, second, third] = together(
        &fixture,
        [
            settle(&by, own, fixture.draw()),
            settle(&by, own, id),
            settle(&by, key, fixture.draw()),
            settle(&by, key, fixture.draw()),
        ],
    )
    .await;
    for frozen in [first, broken] {
        assert_eq!(frozen, Answer::Settle(SettleAnswer::Frozen));
    }
    let is_posted = matches!(second, Answer::Settle(SettleAnswer::Settled { .. }));
    assert!(is_posted, "{second:?}");
    assert_eq!(third, Answer::Settle(SettleAnswer::Parked));
    mend(&fixture).await;
    fixture.assert_clean().await;
}

/// A payment is said to be credited by an entry that is not there: nobody is told of it, however often it is asked.
async fn a_book_that_is_broken_although_it_is_frozen_says_nothing() {
    let fixture = Fixture::with_holds(3).await;
    open_other(&fixture, "other", Currency::Usd).await;
    forge(&fixture, "UPDATE top_ups SET seq = 99").await;
    let first = TopUp {
        amount: amount(3 * HOLD),
        external_reference: "first".into(),
        ..payment()
    };
    for _ in 0..2 {
        let (told, credited) = tokio::join!(
            fixture.engine.top_up(tenant(), first.clone()),
            fixture.engine.top_up(other(), payment()),
        );
        assert_eq!(told.unwrap().answer, AdminAnswer::Frozen);
        let credited = credited.unwrap().answer;
        assert!(matches!(credited, AdminAnswer::Done { seq: 2, .. }));
    }
    let view = fixture.engine.tenant(tenant()).await.unwrap();
    assert!(
        view.frozen
            .is_some_and(|why| why.contains("not in the journal"))
    );
}
