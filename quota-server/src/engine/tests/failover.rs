//! A database that is not what it was when the server connects to it again.

use super::cluster::{Cluster, execute};
use super::fixture::{Fixture, HOLD};
use super::servers::{is_granted, until};
use crate::engine::EngineError;

/// A failover to a standby that lags behind: nothing is decided on it, nor exported, until what was acknowledged is there again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_lags_behind_what_was_acknowledged_is_not_used() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let fixture = Fixture::on(database.clone(), 200).await;
    for _ in 0..50 {
        fixture.granted().await;
    }
    let kept = cluster.clone();
    let of = database.clone();
    aside(move || kept.copy(&of, "lagging")).await;
    until("the engine is back", async || {
        let call = fixture.reserve_call(fixture.draw());
        fixture.engine.reserve(call).await.is_ok()
    })
    .await;
    while fixture.balance().await.1 < 100 * HOLD {
        fixture.granted().await;
    }
    let end = fixture.engine.tenant(super::fixture::tenant()).await;
    let end = end.unwrap().seq;
    let (kept, of) = (cluster.clone(), database.clone());
    aside(move || kept.swap(&of, "newest", "lagging")).await;
    until("the engine knows", async || fixture.engine.held().is_some()).await;
    assert!(!fixture.engine.is_ready());
    let why = fixture.engine.held().unwrap();
    let told = format!("tenant 'acme': entry {end} was acknowledged, and the journal ends at ");
    assert!(why.contains(&told), "{why}");
    let refused = fixture.engine.reserve(fixture.reserve_call(fixture.draw()));
    assert_eq!(refused.await, Err(EngineError::Held(why)));
    assert_eq!(fixture.balance().await.1, 50 * HOLD, "it was decided on");

    let kept = cluster.clone();
    aside(move || kept.swap(&database, "lagged", "newest")).await;
    until("the engine is ready", async || {
        fixture.engine.is_ready() && fixture.engine.held().is_none()
    })
    .await;
    assert_eq!(fixture.balance().await.1, 100 * HOLD);
    fixture.granted().await;
    fixture.assert_clean().await;
}

/// Settings that durability depends on are looked at again with each connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_comes_back_less_durable_is_not_used() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let url = cluster.url_of(&database);
    let fixture = Fixture::on(database, 3).await;
    let name = url.rsplit('/').next().unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let set = |to: &str| format!("ALTER DATABASE {name} SET synchronous_commit = {to}");
    execute(&url, &set("off")).unwrap();
    execute(&url, end).unwrap();
    until("the engine knows", async || fixture.engine.held().is_some()).await;
    assert!(!fixture.engine.is_ready());
    let why = fixture.engine.held().unwrap();
    assert!(why.contains("synchronous_commit is 'off'"), "{why}");
    let refused = fixture.engine.reserve(fixture.reserve_call(fixture.draw()));
    assert_eq!(refused.await, Err(EngineError::Held(why)));

    execute(&url, &set("on")).unwrap();
    until("the engine is ready", async || {
        fixture.engine.is_ready() && fixture.engine.held().is_none()
    })
    .await;
    assert!(is_granted(&fixture.reserve(fixture.draw()).await));
}

async fn aside(work: impl FnOnce() + Send + 'static) {
    tokio::task::spawn_blocking(work).await.unwrap();
}
