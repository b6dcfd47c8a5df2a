//! Several servers on one PostgreSQL, and a PostgreSQL that goes away.

use super::cluster::{Cluster, execute};
use super::fixture::{Fixture, HOLD, ON, On, gateway, whole_use};
use crate::engine::{Answered, Engine, EngineConfig, EngineError};
use ferry_ledger::{Place, ReserveAnswer, SettleAnswer};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Clients at once, each with so many requests.
const CLIENTS: usize = 64;
const REQUESTS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_let_through_exactly_what_is_paid_for() {
    ON.scope(On::Postgres, async {
        let paid = 100;
        let fixture = Arc::new(Fixture::with_holds(paid).await);
        let engines = [fixture.engine.clone(), fixture.another()];
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..CLIENTS {
            let fixture = Arc::clone(&fixture);
            let engines = engines.clone();
            clients.spawn(async move {
                let mut granted = 0;
                for request in 0..REQUESTS {
                    let [here, there] = &engines;
                    let (first, second) = if (client + request) % 2 == 0 {
                        (here, there)
                    } else {
                        (there, here)
                    };
                    let id = fixture.draw();
                    // Every call comes twice, to another server each time: as after a timeout.
                    let (once, again) = tokio::join!(
                        first.reserve(fixture.reserve_call(id)),
                        second.reserve(fixture.reserve_call(id)),
                    );
                    let (once, again) = (once.unwrap(), again.unwrap());
                    assert_eq!(place(&once), place(&again), "{once:?}, {again:?}");
                    assert_eq!(is_granted(&once.answer), is_granted(&again.answer));
                    if !is_granted(&once.answer) {
                        continue;
                    }
                    granted += 1;
                    let settle = || vec![fixture.settle_call(id, whole_use())];
                    let gateway = gateway();
                    let (once, again) = tokio::join!(
                        second.settle(&gateway, settle()),
                        first.settle(&gateway, settle()),
                    );
                    let [once, again] =
                        [once, again].map(|answers| answers.unwrap().pop().unwrap());
                    assert_eq!(place(&once), place(&again), "{once:?}, {again:?}");
                    for answer in [once.answer, again.answer] {
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
    })
    .await;
}

fn place<A>(answered: &Answered<A>) -> Place {
    answered.book.as_ref().unwrap().position.place
}

pub(super) fn is_granted(answer: &ReserveAnswer) -> bool {
    matches!(answer, ReserveAnswer::Granted(_))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_postgresql_that_is_killed() {
    let cluster = Arc::new(Cluster::start());
    let fixture = Arc::new(Fixture::on(cluster.database(), 10_000).await);
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let fixture = Arc::clone(&fixture);
        clients.spawn(async move {
            let mut acknowledged = Vec::new();
            loop {
                let id = fixture.draw();
                match fixture.engine.reserve(fixture.reserve_call(id)).await {
                    Ok(answered) if is_granted(&answered.answer) => acknowledged.push(id),
                    other => {
                        assert_eq!(other.map(|_| ()), Err(EngineError::Unavailable));
                        return acknowledged;
                    }
                }
            }
        });
    }
    until("some holds stand", async || {
        fixture.balance().await.1 > 20 * HOLD
    })
    .await;
    let killed = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || killed.kill())
        .await
        .unwrap();
    let acknowledged: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
    until("the engine knows", async || !fixture.engine.is_ready()).await;
    assert!(fixture.engine.is_running());
    let begun = Instant::now();
    let refused = fixture
        .engine
        .reserve(fixture.reserve_call(fixture.draw()))
        .await;
    assert_eq!(refused.map(|_| ()), Err(EngineError::Unavailable));
    assert!(
        begun.elapsed() < Duration::from_secs(60),
        "it was not refused at once"
    );

    let back = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || back.run())
        .await
        .unwrap();
    until("the engine is ready", async || fixture.engine.is_ready()).await;
    for id in acknowledged {
        let again = fixture.reserve(id).await;
        assert!(is_granted(&again), "{id} was acknowledged: {again:?}");
    }
    fixture.assert_clean().await;
}

#[tokio::test]
async fn a_postgresql_that_may_lose_what_it_acknowledged_is_refused() {
    let cluster = Cluster::start();
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        cluster.kill();
        cluster.run_with(&[&format!("{setting}=off")]);
        let folder = tempfile::tempdir().unwrap();
        let config = EngineConfig::on(cluster.database(), folder.path().join("ledger"));
        let error = Engine::start(config).unwrap_err().to_string();
        let expected = format!("cannot be written durably: {setting} is 'off'");
        assert!(error.contains(&expected), "{error}");
    }
}

#[tokio::test]
async fn a_database_belongs_to_ferry_and_to_one_set_of_secrets() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, second] = folders
        .each_ref()
        .map(|folder| EngineConfig::on(database.clone(), folder.path().join("ledger")));
    let engine = Engine::start(first).unwrap();
    let error = Engine::start(second).unwrap_err().to_string();
    assert!(
        error.contains("is missing, and the database has keys"),
        "{error}"
    );
    engine.close();

    let foreign = cluster.database();
    let url = cluster.url_of(&foreign);
    execute(&url, "CREATE TABLE tenants (name TEXT)").unwrap();
    let config = EngineConfig::on(foreign, folders[0].path().join("ledger"));
    let error = Engine::start(config).unwrap_err().to_string();
    assert!(error.contains("is not a database of ferry"), "{error}");
}

#[tokio::test]
async fn servers_that_start_at_once_make_the_schema_once() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let started: Vec<_> = (0..4)
        .map(|_| {
            let database = database.clone();
            std::thread::spawn(move || database.open().map(|_| ()))
        })
        .collect();
    for thread in started {
        thread.join().unwrap().unwrap();
    }
}

pub(super) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < deadline, "in vain: {what}");
        tokio::task::yield_now().await;
    }
}
