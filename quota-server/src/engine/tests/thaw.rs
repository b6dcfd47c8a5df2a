//! A frozen book goes on once its rows are mended: not before, only as it was verified, and once.

use super::cluster::execute;
use super::failure::{IN_THE_WAY, LOSES_ANSWER, ailing};
use super::fixture::{Fixture, HOLD, ON, On, START_MS, on_both, tenant, whole_use};
use super::unreadable::forge;
use crate::engine::job::Job;
use crate::engine::lanes::Lane;
use crate::engine::{Engine, EngineError, ThawAnswer, ThawCall};
use crate::verify::Thawed;
use ferry_ledger::{
    Head, NotThawed, Reason, Refusal, ReserveAnswer, SettleAnswer, ThawBook, UnixMs,
};
use ferry_types::TenantId;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

on_both! {
    a_broken_book_goes_on_once_its_rows_are_mended,
    a_book_that_could_not_be_read_goes_on_once_it_can_be,
    a_book_whose_journal_went_on_behind_its_end_goes_on_without_that,
    what_a_server_has_in_memory_of_the_book_is_read_again,
    a_book_goes_on_only_where_it_was_verified,
    the_houses_book_goes_on_too,
}

const FREED_MORE: &str = "more is freed than is held";

fn call() -> ThawCall {
    ThawCall {
        reason: Reason::Mistake,
        approver: "anna".into(),
        note: "held was edited by hand".into(),
    }
}

async fn thaw(engine: &Engine, book: TenantId) -> ThawAnswer {
    engine.thaw(book, call()).await.unwrap()
}

/// What differs, by which the book stays frozen.
async fn difference(fixture: &Fixture) -> String {
    let answer = thaw(&fixture.engine, tenant()).await;
    let ThawAnswer::Differs(difference) = answer else {
        panic!("it does not differ: {answer:?}");
    };
    let refused = fixture.reserve(fixture.draw()).await;
    assert_eq!(refused, ReserveAnswer::Refused(Refusal::BookFrozen));
    difference.to_string()
}

/// Thaws the tenant's book; gives what it had been frozen for, and its journal's end.
async fn thawed(fixture: &Fixture) -> (String, Head) {
    let answer = thaw(&fixture.engine, tenant()).await;
    let ThawAnswer::Done {
        frozen_for,
        head,
        book,
    } = answer
    else {
        panic!("not thawed: {answer:?}");
    };
    let view = fixture.engine.tenant(tenant()).await.unwrap();
    assert_eq!((view.frozen, view.seq), (None, head.seq));
    let book = book.unwrap();
    assert_eq!(book.position.available, view.available);
    assert_eq!((book.head, book.position.place), (head, head.place()));
    let heads = fixture.engine.changed_heads().take();
    assert_eq!(heads.get(&tenant()), Some(&head), "it is exported");
    (frozen_for, head)
}

/// Requests go on, and all is as the journal says.
async fn goes_on(fixture: &Fixture) {
    let (id, _) = fixture.granted().await;
    let settled = fixture.settle(id, whole_use()).await;
    let is_charged =
        matches!(settled, SettleAnswer::Settled { charged, .. } if charged.units() == HOLD);
    assert!(is_charged, "{settled:?}");
    fixture.assert_clean().await;
}

/// A book that froze by a request that ends, since less is held than it held.
async fn broken() -> Fixture {
    let mut fixture = Fixture::with_holds(3).await;
    let (id, _) = fixture.granted().await;
    fixture.close().await;
    forge(&fixture, "UPDATE tenants SET held = 1").await;
    fixture.engine = fixture.another();
    assert_eq!(fixture.settle(id, whole_use()).await, SettleAnswer::Frozen);
    fixture
}

async fn a_broken_book_goes_on_once_its_rows_are_mended() {
    let mut fixture = broken().await;
    let told = difference(&fixture).await;
    assert_eq!(
        told,
        format!("tenant 'acme', tenants: held is 1, but the journal says {HOLD}")
    );
    forge(&fixture, &format!("UPDATE tenants SET held = {HOLD}")).await;
    let (frozen_for, head) = thawed(&fixture).await;
    assert!(frozen_for.contains(FREED_MORE), "{frozen_for}");
    goes_on(&fixture).await;
    let view = fixture.engine.tenant(tenant()).await.unwrap();
    assert_eq!(thaw(&fixture.engine, tenant()).await, ThawAnswer::NotFrozen);
    assert_eq!(fixture.engine.tenant(tenant()).await.unwrap(), view);
    fixture.restart().await;
    goes_on(&fixture).await;
    let report = fixture.engine.verify().await.unwrap();
    let [
        Thawed {
            tenant,
            place,
            thaw,
        },
    ] = &report.thawed[..]
    else {
        panic!("{report:?}");
    };
    assert_eq!((tenant, *place), (&super::fixture::tenant(), head.place()));
    assert_eq!(thaw.frozen_for, frozen_for);
    assert_eq!(
        (thaw.reason, thaw.approver.as_str()),
        (Reason::Mistake, "anna")
    );
}

async fn a_book_that_could_not_be_read_goes_on_once_it_can_be() {
    let mut fixture = Fixture::with_holds(2).await;
    fixture.grant("spring", HOLD, START_MS + 86_400_000).await;
    forge(&fixture, "CREATE TABLE kept AS SELECT content FROM grants").await;
    let broken = match fixture.url() {
        Some(_) => "UPDATE grants SET content = '\\x01'",
        None => "UPDATE grants SET content = x'01'",
    };
    forge(&fixture, broken).await;
    fixture.restart().await;
    let refused = fixture.reserve(fixture.draw()).await;
    assert_eq!(refused, ReserveAnswer::Refused(Refusal::BookFrozen));
    let told = difference(&fixture).await;
    assert!(told.starts_with("tenant 'acme', grants 'spring'"), "{told}");
    forge(
        &fixture,
        "UPDATE grants SET content = (SELECT content FROM kept); DROP TABLE kept",
    )
    .await;
    thawed(&fixture).await;
    // The grant burns first.
    goes_on(&fixture).await;
    assert_eq!(fixture.balance().await, (2 * HOLD, 0, 2 * HOLD));
}

async fn a_book_whose_journal_went_on_behind_its_end_goes_on_without_that() {
    let fixture = Fixture::with_holds(2).await;
    let (id, _) = fixture.granted().await;
    forge(
        &fixture,
        "INSERT INTO journal (tenant, seq, time, kind, content, previous_hash, hash) \
         SELECT tenant, seq + 1, time, kind, content, previous_hash, hash FROM journal \
         WHERE tenant = 'acme' ORDER BY seq DESC LIMIT 1",
    )
    .await;
    assert_eq!(fixture.settle(id, whole_use()).await, SettleAnswer::Frozen);
    let told = difference(&fixture).await;
    assert!(told.starts_with("tenant 'acme', entry 5"), "{told}");
    forge(
        &fixture,
        "DELETE FROM journal WHERE seq > (SELECT seq FROM tenants)",
    )
    .await;
    let (frozen_for, head) = thawed(&fixture).await;
    assert_eq!(frozen_for, "the journal goes on behind the book's end");
    assert_eq!(head.seq, 5);
    goes_on(&fixture).await;
}

async fn what_a_server_has_in_memory_of_the_book_is_read_again() {
    let fixture = Fixture::with_holds(3).await;
    let (id, _) = fixture.granted().await;
    forge(&fixture, "UPDATE tenants SET frozen = 'a test'").await;
    let (frozen_for, _) = thawed(&fixture).await;
    assert_eq!(frozen_for, "a test");
    fixture.settle(id, whole_use()).await;
    goes_on(&fixture).await;
    assert_eq!(fixture.balance().await, (HOLD, 0, HOLD));
}

/// What the writer says to somebody who has verified a book up to there.
async fn order(engine: &Engine, verified: Head) -> Result<ThawAnswer, EngineError> {
    let ThawCall {
        reason,
        approver,
        note,
    } = call();
    let order = Box::new(ThawBook {
        reason,
        approver,
        note,
        verified,
    });
    let (answer, answered) = oneshot::channel();
    let book = tenant();
    let job = Job::Thaw {
        book,
        order,
        answer,
    };
    engine.put(Lane::Settlement, job)?;
    answered.await.unwrap()
}

async fn a_book_goes_on_only_where_it_was_verified() {
    let fixture = Fixture::with_holds(3).await;
    let verified = fixture.engine.heads().await.unwrap()[&tenant()];
    fixture.granted().await;
    forge(&fixture, "UPDATE tenants SET frozen = 'a test'").await;
    let moved = order(&fixture.engine, verified).await;
    assert_eq!(moved, Ok(NotThawed::Moved.into()));
    let view = fixture.engine.tenant(tenant()).await.unwrap();
    assert_eq!((view.frozen.as_deref(), view.seq), (Some("a test"), 4));
    let (_, head) = thawed(&fixture).await;
    let again = order(&fixture.engine, head).await;
    assert_eq!(again, Ok(ThawAnswer::NotFrozen));
    let nobody: TenantId = "nobody".parse().unwrap();
    let unknown = fixture.engine.thaw(nobody.clone(), call()).await;
    assert_eq!(unknown, Err(EngineError::UnknownTenant(nobody)));
    goes_on(&fixture).await;
}

async fn the_houses_book_goes_on_too() {
    let fixture = Fixture::with_holds(1).await;
    let house = TenantId::house;
    let before = thaw(&fixture.engine, house()).await;
    assert_eq!(before, ThawAnswer::NotFrozen, "it has not begun");
    super::house::some(&fixture).await;
    let freeze = "UPDATE house SET frozen = 'a test'; UPDATE advances SET amount = amount + 1";
    forge(&fixture, freeze).await;
    let answer = thaw(&fixture.engine, house()).await;
    let ThawAnswer::Differs(difference) = answer else {
        panic!("it does not differ: {answer:?}");
    };
    assert_eq!(
        difference.to_string(),
        "tenant 'house', advances 'openai' 'USD': amount is 8, but the journal says 7"
    );
    forge(&fixture, "UPDATE advances SET amount = amount - 1").await;
    let answer = thaw(&fixture.engine, house()).await;
    let heads = fixture.engine.heads().await.unwrap();
    let done = ThawAnswer::Done {
        frozen_for: "a test".into(),
        head: heads[&house()],
        book: None,
    };
    assert_eq!((answer, heads[&house()].seq), (done, 6));
    super::house::paid(&fixture, "after").await;
    let again = thaw(&fixture.engine, house()).await;
    assert_eq!(again, ThawAnswer::NotFrozen);
    fixture.assert_clean().await;
}

/// Both verify it; one of them thaws it, and the other one serves it too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_thaw_a_book_once() {
    ON.scope(On::Postgres, async {
        let fixture = Fixture::with_holds(3).await;
        let other = fixture.another();
        for round in 1..=8_u64 {
            let freeze = "UPDATE tenants SET frozen = 'a test'";
            execute(&fixture.url().unwrap(), freeze).unwrap();
            let both = tokio::join!(thaw(&fixture.engine, tenant()), thaw(&other, tenant()));
            let both = [both.0, both.1];
            let done = { both.iter() }.filter(|one| matches!(one, ThawAnswer::Done { .. }));
            assert_eq!(done.count(), 1, "{both:?}");
            assert!(both.contains(&ThawAnswer::NotFrozen), "{both:?}");
            let report = fixture.engine.verify().await.unwrap();
            assert_eq!(report.thawed.len() as u64, round);
        }
        let served = other.reserve(fixture.reserve_call(fixture.draw())).await;
        assert!(matches!(served.unwrap().answer, ReserveAnswer::Granted(_)));
        goes_on(&fixture).await;
        other.close();
        other.stopped().await;
    })
    .await;
}

/// Whatever becomes of the commit's answer, whoever thaws it is told that it is thawed, and there is one entry.
#[tokio::test]
async fn a_thaw_that_is_run_again_has_happened_once() {
    let mut fixture = Fixture::with_holds(3).await;
    let how = ailing(&mut fixture).await;
    for (failure, seq) in [(IN_THE_WAY, 4), (LOSES_ANSWER, 5)] {
        forge(&fixture, "UPDATE tenants SET frozen = 'a test'").await;
        how.store(failure, Ordering::SeqCst);
        let (_, head) = thawed(&fixture).await;
        assert_eq!((head.seq, head.time), (seq, UnixMs(START_MS)));
    }
    goes_on(&fixture).await;
}
