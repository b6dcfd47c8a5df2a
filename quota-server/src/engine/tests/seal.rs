//! Months are sealed once they are over, for all books, and stay so.

use super::cluster::{Cluster, execute};
use super::fixture::{Fixture, HandClock, ON, On, START_MS, amount, done, on_both, tenant};
use super::migrate::moved;
use crate::engine::seal::GRACE_MS;
use crate::engine::{CreateTenant, EngineError};
use crate::seal::MonthEnd;
use crate::seal::Seal;
use crate::verify::{VerifyReport, verify};
use ferry_ledger::{Month, TopUp, UnixMs};
use ferry_types::{Currency, TenantId};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::sync::Arc;

on_both! {
    a_month_is_sealed_when_it_is_over_and_sealing_again_changes_nothing,
    not_even_a_new_book_begins_in_a_sealed_month,
    a_month_is_sealed_without_a_frozen_book_and_says_so_for_good,
    only_a_frozen_book_is_left_out_and_each_is_named,
    a_frozen_book_that_cannot_be_read_is_named_and_can_be_left_out,
    seals_of_the_first_schema_hold,
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

fn second() -> TenantId {
    "second".parse().unwrap()
}

/// What somebody does to a closed database by hand.
fn by_hand(fixture: &Fixture, sql: &str) {
    match fixture.url() {
        Some(url) => execute(&url, sql).unwrap(),
        None => Connection::open(fixture.database())
            .unwrap()
            .execute_batch(sql)
            .unwrap(),
    }
}

fn set_frozen(fixture: &Fixture, reason: &str) {
    let sql = format!("UPDATE tenants SET frozen = {reason} WHERE tenant = 'second'");
    by_hand(fixture, &sql);
}

/// A server on which a second book was frozen after its month was over.
async fn with_a_frozen_book() -> Fixture {
    let mut fixture = Fixture::with_holds(3).await;
    create(&fixture, "second").await;
    end_of_month(&fixture);
    fixture.close().await;
    set_frozen(&fixture, "'a test'");
    fixture.restart().await;
    fixture
}

async fn seal_without(fixture: &Fixture, without: &[&str]) -> Result<Seal, EngineError> {
    let without = without.iter().map(|tenant| tenant.parse().unwrap());
    let (engine, without) = (&fixture.engine, without.collect());
    engine.seal_month_without(month(), without).await
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

/// A frozen book that is left out, and what comes of it: the month stays without it, and the next one tells of all its entries.
async fn a_month_is_sealed_without_a_frozen_book_and_says_so_for_good() {
    let mut fixture = with_a_frozen_book().await;
    let sealed = seal_without(&fixture, &["second"]).await.unwrap();
    assert_eq!((sealed.books, &sealed.without), (1, &[second()].into()));
    assert_eq!(
        seal_without(&fixture, &["second"]).await,
        Ok(sealed.clone())
    );
    // Who asks for nothing in particular is told what stands; who asks for something else is refused.
    assert_eq!(seal(&fixture).await, sealed);
    let other = seal_without(&fixture, &["acme"]).await;
    let otherwise = EngineError::SealedOtherwise {
        month: month(),
        without: vec![second()],
    };
    assert_eq!(other, Err(otherwise));
    fixture.assert_clean().await;

    // It is mended, and goes on: not in the month that is sealed, whatever the clock says.
    fixture.close().await;
    set_frozen(&fixture, "NULL");
    fixture.clock = Arc::new(HandClock::default());
    fixture.restart().await;
    let order = TopUp {
        amount: amount(1_000),
        source: "bank".into(),
        external_reference: "mended".into(),
        note: String::new(),
    };
    done(fixture.engine.top_up(second(), order).await);
    let mended = fixture.engine.tenant(second()).await.unwrap();
    assert!(mended.changed_at >= month().end(), "{mended:?}");
    assert_eq!(
        seal_without(&fixture, &["second"]).await,
        Ok(sealed.clone())
    );
    assert_eq!(fixture.engine.seals().await, Ok(vec![sealed.clone()]));
    fixture.assert_clean().await;
    let next: Month = "2027-02".parse().unwrap();
    fixture
        .clock
        .pass(next.end().since_ms(UnixMs(START_MS)) + GRACE_MS);
    let of_all = fixture.engine.seal_month(next).await.unwrap();
    assert_eq!((of_all.books, of_all.without.len()), (2, 0));
    assert_eq!(fixture.engine.seals().await, Ok(vec![sealed, of_all]));
    fixture.close().await;
    let without = report(&fixture).without;
    assert_eq!(without, [(month(), [second()].into())]);
}

async fn only_a_frozen_book_is_left_out_and_each_is_named() {
    let mut fixture = with_a_frozen_book().await;
    for (without, error) in [
        (vec!["acme", "second"], EngineError::NotFrozen(tenant())),
        (
            vec!["nobody", "second"],
            EngineError::UnknownTenant("nobody".parse().unwrap()),
        ),
    ] {
        assert_eq!(seal_without(&fixture, &without).await, Err(error));
    }
    fixture.close().await;
    by_hand(&fixture, "UPDATE tenants SET frozen = 'a test'");
    fixture.restart().await;
    let frozen = seal_without(&fixture, &["second"]).await;
    let books = vec![tenant()];
    let month = month();
    assert_eq!(frozen, Err(EngineError::FrozenBooks { month, books }));
    assert_eq!(fixture.engine.seals().await, Ok(Vec::new()));
    let none = seal_without(&fixture, &["second", "acme"]).await.unwrap();
    assert_eq!((none.books, none.without.len()), (0, 2));
    fixture.assert_clean().await;
}

/// A book may be frozen since nobody can read it: then nothing of it is read, and where it is not left out it is named.
async fn a_frozen_book_that_cannot_be_read_is_named_and_can_be_left_out() {
    let mut fixture = with_a_frozen_book().await;
    fixture.close().await;
    by_hand(&fixture, "DELETE FROM journal WHERE tenant = 'second'");
    fixture.restart().await;
    let books = vec![second()];
    let month = month();
    let frozen = fixture.engine.seal_month(month).await;
    assert_eq!(frozen, Err(EngineError::FrozenBooks { month, books }));
    let sealed = seal_without(&fixture, &["second"]).await.unwrap();
    assert_eq!(sealed.books, 1);
}

/// A database that no server has opened since the update is read, verified and moved as it is, and brought up to date when one does.
async fn seals_of_the_first_schema_hold() {
    let mut fixture = Fixture::with_holds(3).await;
    end_of_month(&fixture);
    let sealed = seal(&fixture).await;
    fixture.close().await;
    let version = match fixture.url() {
        Some(_) => "UPDATE meta SET value = '1' WHERE name = 'schema'",
        None => "PRAGMA user_version = 1",
    };
    let later = "DROP TABLE counters; DROP TABLE limits; ALTER TABLE tenants DROP COLUMN zone";
    let first = format!("{later}; ALTER TABLE seals DROP COLUMN without; {version}");
    by_hand(&fixture, &first);
    let found = report(&fixture);
    assert!(found.clean, "{found:?}");
    if fixture.url().is_none() {
        let cluster = Cluster::shared();
        moved(&fixture.database(), &cluster.database()).unwrap();
        by_hand(&fixture, "DELETE FROM meta WHERE name = 'moved_to'");
    }
    fixture.restart().await;
    assert_eq!(fixture.engine.seals().await, Ok(vec![sealed]));
    fixture.assert_clean().await;
}

fn report(fixture: &Fixture) -> VerifyReport {
    let place = fixture.place();
    let look = move || verify(&place).unwrap();
    std::thread::scope(|scope| scope.spawn(look).join().unwrap())
}

#[tokio::test]
async fn a_frozen_book_holds_up_the_seal_and_what_was_sealed_is_not_sealed_twice() {
    let mut fixture = with_a_frozen_book().await;
    let frozen = fixture.engine.seal_month(month()).await;
    assert_eq!(
        frozen,
        Err(EngineError::FrozenBooks {
            month: month(),
            books: vec![second()]
        })
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
    let fixture = with_a_frozen_book().await;
    fixture.top_up(1_000, "in february").await;
    seal_without(&fixture, &["second"]).await.unwrap();
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
        // Who is left out is as much under the hash as who is not.
        (
            "without = ''",
            "without = kept.without",
            "another number of books",
        ),
        (
            "without = 'acme,second'",
            "without = kept.without",
            "another number of books",
        ),
        (
            "without = 'acme'",
            "without = kept.without",
            "did not stand like that",
        ),
        (
            "without = 'nobody,second'",
            "without = kept.without",
            "did not stand like that",
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
            .read(move |reader| reader.month_ends(month(), &BTreeSet::new()));
        let open = read.await.unwrap().open;
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
