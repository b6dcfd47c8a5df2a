//! Months are sealed once they are over, for all books, and stay so.

use super::fixture::{Fixture, HandClock, ON, On, START_MS, amount, done, on_both, tenant};
use crate::engine::seal::GRACE_MS;
use crate::engine::{CreateTenant, EngineError};
use crate::seal::MonthEnd;
use crate::seal::Seal;
use crate::verify::verify;
use ferry_ledger::{Month, TopUp, UnixMs};
use ferry_types::Currency;
use rusqlite::Connection;
use std::sync::Arc;

on_both! {
    a_month_is_sealed_when_it_is_over_and_sealing_again_changes_nothing,
    not_even_a_new_book_begins_in_a_sealed_month,
}

/// The month that every test begins in.
fn month() -> Month {
    "2027-01".parse().unwrap()
}

async fn create(fixture: &Fixture, tenant: &str) {
    let call = CreateTenant {
        tenant: tenant.parse().unwrap(),
        name: tenant.into(),
        currency: Currency::Usd,
    };
    fixture.engine.create_tenant(call).await.unwrap();
}

/// Time passes until the month is over.
fn end_of_month(fixture: &Fixture) {
    let over_ms = month().end().since_ms(UnixMs(START_MS));
    fixture.clock.pass(over_ms + GRACE_MS);
}

async fn seal(fixture: &Fixture) -> Seal {
    fixture.engine.seal_month(month()).await.unwrap()
}

fn set_frozen(fixture: &Fixture, reason: &str) {
    let connection = Connection::open(fixture.database()).unwrap();
    let sql = format!("UPDATE tenants SET frozen = {reason} WHERE tenant = 'second'");
    connection.execute_batch(&sql).unwrap();
}

async fn entries(fixture: &Fixture) -> u64 {
    fixture.engine.tenant(tenant()).await.unwrap().seq
}

async fn a_month_is_sealed_when_it_is_over_and_sealing_again_changes_nothing() {
    let fixture = Fixture::with_holds(3).await;
    create(&fixture, "second").await;
    let early = fixture.engine.seal_month(month()).await;
    assert_eq!(early, Err(EngineError::MonthNotOver(month())));
    fixture
        .clock
        .pass(month().end().since_ms(UnixMs(START_MS)) + GRACE_MS - 1);
    let early = fixture.engine.seal_month(month()).await;
    let why = "a server whose clock is a minute behind is still within the month";
    assert_eq!(early, Err(EngineError::MonthNotOver(month())), "{why}");
    fixture.clock.pass(1);
    create(&fixture, "later").await;
    fixture.top_up(1_000, "in february").await;
    let before = entries(&fixture).await;
    let sealed = seal(&fixture).await;
    assert_eq!(sealed.books, 2, "the third came after the month");
    assert_eq!(entries(&fixture).await, before + 1);
    fixture.clock.pass(1_000);
    assert_eq!(seal(&fixture).await, sealed);
    assert_eq!(entries(&fixture).await, before + 1);
    assert_eq!(fixture.engine.seals().await, Ok(vec![sealed]));
    fixture.assert_clean().await;
}

async fn not_even_a_new_book_begins_in_a_sealed_month() {
    let mut fixture = Fixture::with_holds(3).await;
    end_of_month(&fixture);
    seal(&fixture).await;
    // Somebody sets the clock back into the month, over a restart.
    fixture.clock = Arc::new(HandClock::default());
    fixture.restart().await;
    create(&fixture, "latecomer").await;
    fixture.top_up(1_000, "late").await;
    let view = fixture
        .engine
        .tenant("latecomer".parse().unwrap())
        .await
        .unwrap();
    assert!(view.created_at >= month().end(), "{view:?}");
    fixture.assert_clean().await;
}

#[tokio::test]
async fn a_frozen_book_holds_up_the_seal_and_what_was_sealed_is_not_sealed_twice() {
    let mut fixture = Fixture::with_holds(3).await;
    create(&fixture, "second").await;
    end_of_month(&fixture);
    fixture.close().await;
    set_frozen(&fixture, "'a test'");
    fixture.restart().await;
    let frozen = fixture.engine.seal_month(month()).await;
    assert_eq!(
        frozen,
        Err(EngineError::FrozenBook("second".parse().unwrap()))
    );
    assert_eq!(fixture.engine.seals().await, Ok(Vec::new()));
    let before = entries(&fixture).await;
    fixture.close().await;
    set_frozen(&fixture, "NULL");
    fixture.restart().await;
    assert_eq!(seal(&fixture).await.books, 2);
    assert_eq!(entries(&fixture).await, before);
    fixture.assert_clean().await;
}

#[tokio::test]
async fn verify_makes_every_sealing_hash_again() {
    let fixture = Fixture::with_holds(3).await;
    end_of_month(&fixture);
    fixture.top_up(1_000, "in february").await;
    seal(&fixture).await;
    fixture.close().await;
    let connection = Connection::open(fixture.database()).unwrap();
    for (change, undo, told) in [
        (
            "hash = zeroblob(32)",
            "hash = kept.hash",
            "did not stand like that",
        ),
        (
            "books = books + 1",
            "books = kept.books",
            "another number of books",
        ),
        (
            "sealed_at = sealed_at + 1",
            "sealed_at = kept.sealed_at",
            "not signed",
        ),
    ] {
        let sql = format!(
            "DROP TRIGGER IF EXISTS seals_stay; CREATE TABLE kept AS SELECT * FROM seals; UPDATE seals SET {change}"
        );
        connection.execute_batch(&sql).unwrap();
        let report = verify(&fixture.database().into()).unwrap();
        let what = report.difference.unwrap().what;
        assert!(
            what.starts_with("seals 2027-01: ") && what.contains(told),
            "{what}"
        );
        let sql = format!("UPDATE seals SET {undo} FROM kept; DROP TABLE kept");
        connection.execute_batch(&sql).unwrap();
        assert!(verify(&fixture.database().into()).unwrap().clean);
    }
}

/// A server whose clock is behind by more than it may goes on in a month that another one seals: the month's last entry is the last, and
/// no book begins in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_behind_the_time_posts_into_no_sealed_month() {
    ON.scope(On::Postgres, async {
        let fixture = Fixture::with_holds(3).await;
        let behind = fixture.another_by(&Arc::new(HandClock::default()));
        end_of_month(&fixture);
        let read = fixture
            .engine
            .read(move |reader| reader.month_ends(month()));
        let (_, open) = read.await.unwrap();
        let order = TopUp {
            amount: amount(1_000),
            source: "bank".into(),
            external_reference: "meanwhile".into(),
            note: String::new(),
        };
        done(behind.top_up(tenant(), order).await);
        let before = entries(&fixture).await;
        let of = |ends: &[MonthEnd]| ends.iter().find(|end| end.tenant == tenant()).cloned();
        assert_eq!(of(&open).unwrap().last_seq, before - 1);
        fixture.engine.seal_books(month(), open).await.unwrap();
        assert_eq!(entries(&fixture).await, before, "not the last any more");
        assert_eq!(seal(&fixture).await.books, 1);
        assert_eq!(entries(&fixture).await, before + 1);

        let call = CreateTenant {
            tenant: "latecomer".parse().unwrap(),
            name: "Late Ltd".into(),
            currency: Currency::Usd,
        };
        done(behind.create_tenant(call).await);
        let latecomer = behind.tenant("latecomer".parse().unwrap()).await.unwrap();
        assert_eq!(latecomer.created_at, month().end());
        fixture.assert_clean().await;
    })
    .await;
}
