//! A PostgreSQL on which everybody is in the way: transactions that cannot be put in order, deadlocks, readers that all wait.

use super::cluster::{Cluster, execute};
use super::fixture::{Fixture, HOLD, gateway, tenant, whole_use};
use super::servers::{is_granted, until};
use super::transfers::open_other;
use crate::engine::EngineError;
use ferry_examples::postgres::connect;
use ferry_ledger::{AdminAnswer, SettleAnswer, Transfer};
use ferry_types::{Amount, Currency};
use std::sync::Arc;

/// Clients at once, each with so many requests.
const CLIENTS: usize = 16;
const REQUESTS: usize = 6;
/// Reports that may read at once.
const READERS: usize = 16;

/// Where a transaction that waited for another is refused (40001) instead of going on, two servers run each other's batches again
/// and again; nothing is lost, nothing is done twice, and nobody is told of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_cannot_be_put_in_order_are_run_again() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let url = cluster.url_of(&database);
    let name = url.rsplit('/').next().unwrap();
    let strict =
        format!("ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'");
    execute(&url, &strict).unwrap();
    let paid = 60;
    let fixture = Arc::new(Fixture::on(database, paid).await);
    let engines = [fixture.engine.clone(), fixture.another()];
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (fixture, engines) = (Arc::clone(&fixture), engines.clone());
        clients.spawn(async move {
            let mut granted = 0;
            for request in 0..REQUESTS {
                let (id, gateway) = (fixture.draw(), gateway());
                let here = &engines[(client + request) % 2];
                let there = &engines[(client + request + 1) % 2];
                let reserved = here.reserve(fixture.reserve_call(id)).await.unwrap();
                if is_granted(&reserved.answer) {
                    granted += 1;
                    let call = vec![fixture.settle_call(id, whole_use())];
                    let mut settled = there.settle(&gateway, call).await.unwrap();
                    let answer = settled.pop().unwrap().answer;
                    assert!(matches!(answer, SettleAnswer::Settled { .. }), "{answer:?}");
                }
            }
            granted
        });
    }
    let granted: i64 = clients.join_all().await.into_iter().sum();
    assert_eq!(granted, paid);
    assert_eq!(fixture.balance().await, (0, 0, 0));
    fixture.assert_clean().await;
    let client = connect(&url).await.unwrap();
    until("the database has counted what it refused", async || {
        let sql = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()";
        client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) > 0
    })
    .await;
}

/// Somebody who locks books in another order gets a server into a deadlock (40P01): its batch is run again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_that_a_stranger_makes_is_got_over() {
    let cluster = Arc::new(Cluster::start());
    cluster.kill();
    // Long enough for the stranger to take its second lock, and short enough for the server's step.
    cluster.run_with(&["deadlock_timeout=5s"]);
    let database = cluster.database();
    let url = cluster.url_of(&database);
    let fixture = Fixture::on(database, 1).await;
    open_other(&fixture, "other", Currency::Usd).await;
    let (stranger, watcher) = (connect(&url).await.unwrap(), connect(&url).await.unwrap());
    let lock = |tenant: &str| format!("SELECT FROM tenants WHERE tenant = '{tenant}' FOR UPDATE;");
    let first = format!("SET deadlock_timeout = '1h'; BEGIN; {}", lock("other"));
    stranger.batch_execute(&first).await.unwrap();
    let engine = fixture.engine.clone();
    let order = Transfer {
        id: "t-1".parse().unwrap(),
        to: "other".parse().unwrap(),
        amount: Amount::from_units(HOLD).unwrap(),
        note: String::new(),
    };
    let moving = tokio::spawn(async move { engine.transfer(tenant(), order).await });
    waiting(&watcher, 1).await;
    let second = format!("{} COMMIT", lock("acme"));
    stranger.batch_execute(&second).await.unwrap();
    let moved = moving.await.unwrap().unwrap().answer;
    assert!(
        matches!(moved, AdminAnswer::Done { changed: true, .. }),
        "{moved:?}"
    );
    assert_eq!(fixture.balance().await, (0, 0, 0));
    // The batch that is run again may be there before the stranger, and get into the same once more.
    until("the database has counted the deadlock", async || {
        let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        watcher.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) >= 1
    })
    .await;
    fixture.assert_clean().await;
}

/// Reports that all wait for the database leave none for the next one, which is told so soon; then they go on by themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_readers_wait_the_next_report_is_told_so() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let url = cluster.url_of(&database);
    let fixture = Fixture::on(database, 1).await;
    let (stranger, watcher) = (connect(&url).await.unwrap(), connect(&url).await.unwrap());
    let lock = "BEGIN; LOCK TABLE tenants IN ACCESS EXCLUSIVE MODE";
    stranger.batch_execute(lock).await.unwrap();
    let mut reports = tokio::task::JoinSet::new();
    for _ in 0..READERS {
        let engine = fixture.engine.clone();
        reports.spawn(async move { engine.tenant(tenant()).await });
    }
    waiting(&watcher, READERS).await;
    let beyond = fixture.engine.tenant(tenant()).await;
    assert_eq!(beyond.map(|_| ()), Err(EngineError::Unavailable));
    stranger.batch_execute("COMMIT").await.unwrap();
    for report in reports.join_all().await {
        assert_eq!(report.unwrap().posted.units(), HOLD);
    }
    assert_eq!(
        fixture
            .engine
            .tenant(tenant())
            .await
            .unwrap()
            .posted
            .units(),
        HOLD
    );
}

/// Waits until at least so many connections wait for a lock.
async fn waiting(watcher: &tokio_postgres::Client, connections: usize) {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    until("connections wait for a lock", async || {
        let found = watcher.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
        usize::try_from(found).unwrap() >= connections
    })
    .await;
}
