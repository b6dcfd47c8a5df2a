//! A store that fails: the batch has not happened, or the engine stops. Broken books do not stop others.

use super::fixture::{Fixture, HOLD, done, gateway, tenant, whole_use};
use super::through::{At, Through};
use crate::engine::secrets::Secrets;
use crate::engine::{CreateTenant, Engine, EngineConfig, EngineError, Stop};
use crate::key_directory::PepperId;
use crate::principal::Principal;
use crate::store::sqlite::SqliteStore;
use crate::store::{CommitError, Store as _, StoreError};
use ferry_ledger::{AdminAnswer, Refusal, ReserveAnswer, SettleAnswer};
use ferry_types::{Currency, TenantId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const WELL: u8 = 0;
const CANNOT_LOAD: u8 = 1;
const CANNOT_PERSIST: u8 = 2;
const REFUSES_COMMIT: u8 = 3;
const LOSES_COMMIT: u8 = 4;
pub(super) const LOSES_ANSWER: u8 = 5;
pub(super) const IN_THE_WAY: u8 = 6;
const DISK_FAILS: u8 = 7;

/// SQLite, until it is told to fail.
struct Ailing {
    store: SqliteStore,
    how: Arc<AtomicU8>,
}

impl Ailing {
    fn fails(&self, how: u8) -> Result<(), StoreError> {
        if self.how.load(Ordering::SeqCst) == how {
            Err(StoreError::Database {
                action: "go on",
                source: "told to fail".into(),
            })
        } else {
            Ok(())
        }
    }
}

impl Ailing {
    /// Whether it was told this, which it is told once.
    fn once(&self, how: u8) -> bool {
        let told = self
            .how
            .compare_exchange(how, WELL, Ordering::SeqCst, Ordering::SeqCst);
        told.is_ok()
    }

    fn after_persist(&self) -> Result<(), StoreError> {
        if self.once(IN_THE_WAY) {
            let source = "told to be in the way".into();
            let action = "write a batch";
            return Err(StoreError::Conflict { action, source });
        }
        if self.once(DISK_FAILS) {
            let source = "told that its disk fails".into();
            let action = "write a batch";
            return Err(StoreError::Disk { action, source });
        }
        self.fails(CANNOT_PERSIST)
    }
}

impl Through for Ailing {
    fn behind(&mut self) -> &mut SqliteStore {
        &mut self.store
    }

    fn before(&mut self, at: At) -> Result<(), StoreError> {
        match at {
            At::Load => self.fails(CANNOT_LOAD),
            At::Begin | At::Persist => Ok(()),
        }
    }

    fn after(&mut self, at: At) -> Result<(), StoreError> {
        match at {
            At::Persist => self.after_persist(),
            At::Begin | At::Load => Ok(()),
        }
    }

    fn commit_behind(&mut self) -> Result<(), CommitError> {
        self.fails(REFUSES_COMMIT)
            .map_err(CommitError::NotCommitted)?;
        self.store.commit()?;
        if self.once(LOSES_ANSWER) {
            let (action, source) = ("commit", "told to lose the answer".into());
            return Err(CommitError::Lost(StoreError::Gone { action, source }));
        }
        self.fails(LOSES_COMMIT).map_err(CommitError::Uncertain)
    }
}

/// The same database again, on a store that can be told to fail.
pub(super) async fn ailing(fixture: &mut Fixture) -> Arc<AtomicU8> {
    fixture.close().await;
    let how = Arc::new(AtomicU8::new(WELL));
    let mut store = SqliteStore::open(&fixture.database()).unwrap();
    let secrets = Secrets::open(&fixture.database(), &mut store).unwrap();
    assert_eq!(secrets.peppers.newest(), PepperId(1));
    let store = Ailing {
        store,
        how: Arc::clone(&how),
    };
    let mut config = EngineConfig::new(fixture.database());
    config.time = Arc::<super::fixture::HandClock>::clone(&fixture.clock);
    fixture.engine = Engine::start_on(Box::new(store), secrets, config).unwrap();
    how
}

#[tokio::test]
async fn a_batch_that_cannot_be_stored_has_not_happened() {
    let mut fixture = Fixture::with_holds(2).await;
    let how = ailing(&mut fixture).await;
    let id = fixture.draw();
    for failure in [CANNOT_LOAD, CANNOT_PERSIST, REFUSES_COMMIT] {
        how.store(failure, Ordering::SeqCst);
        let failed = fixture.engine.reserve(fixture.reserve_call(id)).await;
        assert_eq!(failed, Err(EngineError::Unavailable), "{failure}");
        assert_eq!(
            fixture.balance().await,
            (2 * HOLD, 0, 2 * HOLD),
            "{failure}"
        );
    }
    how.store(WELL, Ordering::SeqCst);
    assert!(matches!(
        fixture.reserve(id).await,
        ReserveAnswer::Granted(_)
    ));
    assert_eq!(fixture.balance().await, (2 * HOLD, HOLD, HOLD));
    assert_eq!(fixture.engine.metrics().batches_failed.get(), 3);
    assert!(fixture.engine.is_running());
    fixture.assert_clean().await;
}

/// A settlement that was not stored is not counted against its gateway's cap either: not the one that failed, nor the one that
/// is run again.
#[tokio::test]
async fn what_did_not_happen_does_not_count_against_a_cap() {
    let mut fixture = Fixture::with_holds(4).await;
    let how = ailing(&mut fixture).await;
    let capped = Arc::new(Principal {
        unreserved_settles_per_hour_max: 2,
        ..Principal::clone(&gateway())
    });
    let mut answers = Vec::new();
    for failure in [REFUSES_COMMIT, IN_THE_WAY, WELL, WELL] {
        how.store(failure, Ordering::SeqCst);
        let call = fixture.settle_call(fixture.draw(), whole_use());
        let settled = fixture.engine.settle(&capped, vec![call]).await;
        answers.push(settled.map(|mut each| each.pop().unwrap().answer));
    }
    assert_eq!(answers[0], Err(EngineError::Unavailable));
    for settled in &answers[1..3] {
        assert!(matches!(settled, Ok(SettleAnswer::Settled { .. })));
    }
    assert_eq!(answers[3], Ok(SettleAnswer::Parked));
    fixture.assert_clean().await;
}

#[tokio::test]
async fn a_commit_of_unknown_outcome_stops_the_engine_for_good() {
    let mut fixture = Fixture::with_holds(2).await;
    let how = ailing(&mut fixture).await;
    how.store(LOSES_COMMIT, Ordering::SeqCst);
    let id = fixture.draw();
    let unanswered = fixture.engine.reserve(fixture.reserve_call(id)).await;
    assert_eq!(unanswered, Err(EngineError::Unavailable));
    let stop = fixture.engine.stopped().await;
    assert!(matches!(stop, Stop::Failed(reason) if reason.contains("told to fail")));
    assert!(!fixture.engine.is_running());
    how.store(WELL, Ordering::SeqCst);
    let after = fixture.engine.reserve(fixture.reserve_call(id)).await;
    assert_eq!(after, Err(EngineError::Unavailable));
    // A new process finds out, and the gateway's repeated call gets what was decided.
    fixture.engine = fixture.another();
    assert!(matches!(
        fixture.reserve(id).await,
        ReserveAnswer::Granted(_)
    ));
    assert_eq!(fixture.balance().await, (2 * HOLD, HOLD, HOLD));
    fixture.assert_clean().await;
}

/// What a transaction wrote before its commit is written again by the next one, if it can be: so nothing is tried a second time.
#[tokio::test]
async fn a_disk_that_fails_before_the_commit_stops_the_engine_for_good() {
    let mut fixture = Fixture::with_holds(2).await;
    let how = ailing(&mut fixture).await;
    how.store(DISK_FAILS, Ordering::SeqCst);
    let id = fixture.draw();
    let unanswered = fixture.engine.reserve(fixture.reserve_call(id)).await;
    assert_eq!(unanswered, Err(EngineError::Unavailable));
    let next = fixture.engine.reserve(fixture.reserve_call(id)).await;
    assert_eq!(next, Err(EngineError::Unavailable), "it goes on");
    let stop = fixture.engine.stopped().await;
    let said = "start ferry again once the disk is well";
    assert!(
        matches!(&stop, Stop::Failed(reason) if reason.contains(said)),
        "{stop:?}"
    );
    fixture.engine = fixture.another();
    fixture.reserve(id).await;
    assert_eq!(fixture.balance().await, (2 * HOLD, HOLD, HOLD));
    fixture.assert_clean().await;
}

#[tokio::test]
async fn a_full_disk_refuses_batches_and_spares_the_books() {
    let mut fixture = Fixture::with_holds(10_000).await;
    fixture.close().await;
    let mut store = SqliteStore::open(&fixture.database()).unwrap();
    store.limit_pages(80).unwrap();
    let secrets = Secrets::open(&fixture.database(), &mut store).unwrap();
    let mut config = EngineConfig::new(fixture.database());
    config.time = Arc::<super::fixture::HandClock>::clone(&fixture.clock);
    fixture.engine = Engine::start_on(Box::new(store), secrets, config).unwrap();
    let mut granted = 0;
    let failed = loop {
        let call = fixture.reserve_call(fixture.draw());
        match fixture.engine.reserve(call).await {
            Ok(_) => granted += 1,
            Err(error) => break error,
        }
        assert!(granted < 1_000, "the disk never fills");
    };
    assert_eq!(failed, EngineError::Unavailable);
    assert!(fixture.engine.is_running());
    assert_eq!(fixture.balance().await.1, granted * HOLD);
    fixture.assert_clean().await;
    fixture.restart().await;
    let (_, _) = fixture.granted().await;
    fixture.assert_clean().await;
}

#[tokio::test]
async fn a_broken_book_is_frozen_and_the_others_go_on() {
    let mut fixture = Fixture::with_holds(2).await;
    let other: TenantId = "other".parse().unwrap();
    let created = CreateTenant {
        tenant: other.clone(),
        name: "Other".into(),
        currency: Currency::Usd,
    };
    done(fixture.engine.create_tenant(created).await);
    let (id, _) = fixture.granted().await;
    fixture.close().await;
    // What the ledger rules out: more is held by a reservation than by its book.
    let connection = rusqlite::Connection::open(fixture.database()).unwrap();
    connection
        .execute("UPDATE tenants SET held = 1 WHERE tenant = 'acme'", ())
        .unwrap();
    drop(connection);
    fixture.engine = fixture.another();

    assert_eq!(fixture.settle(id, whole_use()).await, SettleAnswer::Frozen);
    let refused = fixture.reserve(fixture.draw()).await;
    assert_eq!(refused, ReserveAnswer::Refused(Refusal::BookFrozen));
    assert_eq!(fixture.engine.metrics().books_frozen.get(), 1);
    let frozen = fixture.engine.tenant(tenant()).await.unwrap();
    assert!(frozen.frozen.is_some_and(|why| why.contains("held")));
    assert_eq!((frozen.posted.units(), frozen.held.units()), (2 * HOLD, 1));

    let issued = fixture
        .engine
        .issue_key(other.clone(), "k".into(), None)
        .await;
    let (answered, _) = issued.unwrap();
    assert!(matches!(
        answered.answer,
        AdminAnswer::Done { changed: true, .. }
    ));
    assert_eq!(fixture.engine.tenant(other).await.unwrap().frozen, None);
    // An overdue lease of a frozen book stands, and does not stand in the way of others.
    fixture.clock.pass(fixture.lease.suspension_ms());
    assert_eq!(fixture.engine.expire_due().await, Ok(0));
}

#[tokio::test]
async fn a_batch_that_is_run_again_has_happened_once() {
    let mut fixture = Fixture::with_holds(3).await;
    let how = ailing(&mut fixture).await;
    let mut held = 0;
    for failure in [IN_THE_WAY, LOSES_ANSWER] {
        how.store(failure, Ordering::SeqCst);
        let (id, granted) = fixture.granted().await;
        assert_eq!(how.load(Ordering::SeqCst), WELL);
        held += granted.reserved.units();
        assert_eq!(fixture.balance().await.1, held, "{failure}");

        how.store(failure, Ordering::SeqCst);
        let settled = fixture.settle(id, whole_use()).await;
        assert!(
            matches!(settled, SettleAnswer::Settled { charged, .. } if charged.units() == HOLD),
            "{failure}: {settled:?}"
        );
        held -= HOLD;

        how.store(failure, Ordering::SeqCst);
        let issued = fixture.engine.issue_key(tenant(), "another".into(), None);
        issued.await.unwrap();

        how.store(failure, Ordering::SeqCst);
        super::house::paid(&fixture, &format!("h-{failure}")).await;
        assert_eq!(how.load(Ordering::SeqCst), WELL);
    }
    assert_eq!(fixture.balance().await, (HOLD, 0, HOLD));
    assert_eq!(fixture.engine.keys(tenant()).await.unwrap().len(), 3);
    assert_eq!(fixture.engine.movements().await.unwrap().len(), 2);
    fixture.assert_clean().await;
}

/// A batch whose commit's answer was lost finds nothing to do when it is run again; what it did is exported and counted all the same.
#[tokio::test]
async fn what_a_lost_commit_did_is_exported_and_counted() {
    let mut fixture = Fixture::with_holds(3).await;
    let how = ailing(&mut fixture).await;
    how.store(LOSES_ANSWER, Ordering::SeqCst);
    let settled = fixture.settle(fixture.draw(), whole_use()).await;
    assert!(
        matches!(settled, SettleAnswer::Settled { .. }),
        "{settled:?}"
    );
    let heads = fixture.engine.changed_heads().take();
    assert_eq!(heads, fixture.engine.heads().await.unwrap());
    let page = crate::metrics::Metrics::new(fixture.engine.metrics()).page();
    let page = page.unwrap();
    let counted = |line: &str| line.contains("settlements_unreserved") && line.ends_with(" 1");
    assert!(page.lines().any(counted), "{page}");
}
