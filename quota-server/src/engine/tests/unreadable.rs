//! A book that cannot be read, or not be written on: it is frozen with the reason, and every other goes on, in the same batch too.

use super::cluster::execute;
use super::fixture::{Fixture, HOLD, START_MS, amount, done, gateway, on_both, tenant, whole_use};
use super::transfers::open_other;
use crate::engine::{Answered, Engine, EngineError};
use crate::key_directory::sha256;
use ferry_ledger::{AdminAnswer, Refusal, ReserveAnswer, SettleAnswer, TopUp};
use ferry_types::{Currency, TenantId};

on_both! {
    a_grant_that_cannot_be_read_freezes_its_book_and_nothing_else,
    an_account_that_cannot_be_read_freezes_its_book_and_nothing_else,
    an_entry_behind_the_end_freezes_its_book_and_nothing_else,
    what_is_settled_beside_a_book_that_cannot_be_read_is_settled_once,
}

/// Changes the database behind a server's back. What that has in memory it does not read.
pub(super) async fn forge(fixture: &Fixture, sql: &str) {
    match fixture.url() {
        Some(url) => execute(&url, sql).unwrap(),
        None => {
            let connection = rusqlite::Connection::open(fixture.database()).unwrap();
            connection.execute_batch(sql).unwrap();
        }
    }
}

fn other() -> TenantId {
    "other".parse().unwrap()
}

/// A call to the broken book and one to another book are decided together, and overdue leases of all others end.
async fn others_go_on(fixture: &Fixture) {
    for label in ["one", "another"] {
        let (broken, sound) = tokio::join!(
            fixture.engine.reserve(fixture.reserve_call(fixture.draw())),
            fixture.engine.issue_key(other(), label.into(), None),
        );
        let frozen = ReserveAnswer::Refused(Refusal::BookFrozen);
        assert_eq!(broken.unwrap().answer, frozen);
        done(Ok(sound.unwrap().0));
    }
    assert_eq!(fixture.engine.metrics().batches_failed.get(), 0);
    let overdue = fixture.engine.expire_due().await;
    assert_eq!(overdue, Ok(0), "a frozen book's lease stands");
}

async fn a_grant_that_cannot_be_read_freezes_its_book_and_nothing_else() {
    let mut fixture = Fixture::with_holds(2).await;
    fixture.grant("spring", HOLD, START_MS + 86_400_000).await;
    open_other(&fixture, "other", Currency::Usd).await;
    let (id, _) = fixture.granted().await;
    let broken = match fixture.url() {
        Some(_) => "UPDATE grants SET content = '\\x01'",
        None => "UPDATE grants SET content = x'01'",
    };
    forge(&fixture, broken).await;
    fixture.restart().await;
    let shown = fixture.engine.tenant(tenant()).await;
    assert_eq!(
        shown.err(),
        Some(EngineError::Unavailable),
        "its money is guessed"
    );
    fixture.clock.pass(fixture.lease.suspension_ms());
    // The overdue lease is found, and its book cannot be read.
    fixture.engine.expire_due().await.unwrap();
    let frozen = fixture.engine.tenant(tenant()).await.unwrap().frozen;
    assert!(frozen.is_some(), "it goes on");
    assert_eq!(fixture.engine.metrics().books_frozen.get(), 1);
    assert_eq!(fixture.settle(id, whole_use()).await, SettleAnswer::Frozen);
    others_go_on(&fixture).await;
}

async fn an_account_that_cannot_be_read_freezes_its_book_and_nothing_else() {
    let mut fixture = Fixture::with_holds(2).await;
    open_other(&fixture, "other", Currency::Usd).await;
    let issued = fixture.engine.issue_key(other(), "main".into(), None).await;
    let key = issued.unwrap().1.text.digest(sha256);
    let (id, _) = fixture.granted().await;
    forge(
        &fixture,
        "UPDATE tenants SET state = 'odd' WHERE tenant = 'acme'",
    )
    .await;
    fixture.restart().await;
    // Two items of one call: the other book's is settled.
    let mut of_other = fixture.settle_call(fixture.draw(), whole_use());
    of_other.call.caller.key_digest = key;
    let both = vec![fixture.settle_call(id, whole_use()), of_other];
    let both = fixture.engine.settle(&gateway(), both).await.unwrap();
    let (broken, sound) = (&both[0], &both[1].answer);
    assert_eq!(
        (&broken.answer, &broken.book),
        (&SettleAnswer::Frozen, &None)
    );
    assert!(matches!(sound, SettleAnswer::Settled { .. }), "{sound:?}");
    let administered = fixture.engine.issue_key(tenant(), "k".into(), None).await;
    assert_eq!(administered.err(), Some(EngineError::FrozenBook(tenant())));
    others_go_on(&fixture).await;
    forge(
        &fixture,
        "UPDATE tenants SET state = 'active' WHERE tenant = 'acme'",
    )
    .await;
    let frozen = fixture.engine.tenant(tenant()).await.unwrap().frozen;
    assert!(frozen.is_some(), "it goes on");
}

async fn an_entry_behind_the_end_freezes_its_book_and_nothing_else() {
    let fixture = Fixture::with_holds(2).await;
    open_other(&fixture, "other", Currency::Usd).await;
    let (id, _) = fixture.granted().await;
    forge(
        &fixture,
        "INSERT INTO journal (tenant, seq, time, kind, content, previous_hash, hash) \
         SELECT tenant, seq + 1, time, kind, content, previous_hash, hash FROM journal \
         WHERE tenant = 'acme' ORDER BY seq DESC LIMIT 1",
    )
    .await;
    assert_eq!(fixture.settle(id, whole_use()).await, SettleAnswer::Frozen);
    let frozen = fixture.engine.tenant(tenant()).await.unwrap().frozen;
    let told = "the journal goes on behind the book's end";
    assert_eq!(frozen.as_deref(), Some(told));
    assert_eq!(fixture.engine.metrics().batches_again.get(), 1);
    others_go_on(&fixture).await;
}

/// The first of a batch's books cannot be read after all, so that the others are read anew: none of them may go on from before.
async fn what_is_settled_beside_a_book_that_cannot_be_read_is_settled_once() {
    let fixture = Fixture::with_holds(2).await;
    open_other(&fixture, "other", Currency::Usd).await;
    done(credited(&fixture.engine, other()).await);
    let issued = fixture.engine.issue_key(other(), "main".into(), None).await;
    let key = issued.unwrap().1.text.digest(sha256);
    let (ended, _) = fixture.granted().await;
    fixture.settle(ended, whole_use()).await;
    let open = fixture.draw();
    let mut call = fixture.reserve_call(open);
    call.call.caller.key_digest = key;
    let reserved = fixture.engine.reserve(call).await.unwrap().answer;
    assert!(
        matches!(reserved, ReserveAnswer::Granted(_)),
        "{reserved:?}"
    );
    let broken = match fixture.url() {
        Some(_) => "UPDATE reservations SET content = '\\x01' WHERE tenant = 'acme'",
        None => "UPDATE reservations SET content = x'01' WHERE tenant = 'acme'",
    };
    forge(&fixture, broken).await;
    let settle = || {
        let mut call = fixture.settle_call(open, whole_use());
        call.call.caller.key_digest = key;
        call
    };
    let both = vec![fixture.settle_call(ended, whole_use()), settle()];
    let both = fixture.engine.settle(&gateway(), both).await.unwrap();
    assert_eq!(both[0].answer, SettleAnswer::Frozen);
    let settled = both[1].answer.clone();
    assert!(
        matches!(settled, SettleAnswer::Settled { .. }),
        "{settled:?}"
    );
    let again = fixture.engine.settle(&gateway(), vec![settle()]).await;
    assert_eq!(again.unwrap()[0].answer, settled);
    let left = fixture.engine.tenant(other()).await.unwrap();
    assert_eq!((left.posted.units(), left.held.units()), (HOLD, 0));
}

/// Two holds' worth of money.
async fn credited(engine: &Engine, tenant: TenantId) -> Result<Answered<AdminAnswer>, EngineError> {
    let order = TopUp {
        amount: amount(2 * HOLD),
        source: "bank".into(),
        external_reference: "for the other".into(),
        note: String::new(),
    };
    engine.top_up(tenant, order).await
}
