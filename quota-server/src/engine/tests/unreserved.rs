//! How much a gateway may settle that nothing was held for: counted once, whichever server it calls, and however often one starts.

use super::cluster::Cluster;
use super::fixture::{Fixture, HOLD, ON, On, gateway, on_both, principal, whole_use};
use crate::engine::job::{Ask, Op, Who};
use crate::engine::lanes::Lane;
use crate::engine::{Engine, EngineError};
use crate::principal::Principal;
use crate::store::Database;
use crate::verify::verify;
use ferry_ledger::{Answer, SettleAnswer};
use std::sync::Arc;

on_both! {
    a_cap_outlasts_a_restart_and_ends_with_the_hour,
    what_a_batch_releases_itself_counts_in_it,
    what_is_answered_again_or_refused_counts_nothing,
}

const HOUR_MS: u64 = 3_600_000;

/// The usual gateway, with a cap.
fn capped(cap: u64) -> Arc<Principal> {
    Arc::new(Principal {
        unreserved_settles_per_hour_max: cap,
        ..Principal::clone(&gateway())
    })
}

fn is_posted(answer: &SettleAnswer) -> bool {
    match answer {
        SettleAnswer::Settled { .. } => true,
        SettleAnswer::Parked => false,
        SettleAnswer::Conflict { .. } | SettleAnswer::Denied | SettleAnswer::Frozen => {
            panic!("neither posted nor kept: {answer:?}")
        }
    }
}

/// Whether a settlement that nobody reserved is posted.
async fn forged(fixture: &Fixture, engine: &Engine, by: &Arc<Principal>) -> bool {
    let call = fixture.settle_call(fixture.draw(), whole_use());
    let settled = engine.settle(by, vec![call]).await.unwrap().pop();
    is_posted(&settled.unwrap().answer)
}

/// Goes on in the first minute of an hour.
fn next_hour(fixture: &Fixture) {
    let now = crate::engine::TimeSource::unix_ms(&*fixture.clock);
    fixture.clock.pass(HOUR_MS - now % HOUR_MS);
}

async fn a_cap_outlasts_a_restart_and_ends_with_the_hour() {
    let mut fixture = Fixture::with_holds(10).await;
    next_hour(&fixture);
    let by = capped(2);
    assert!(forged(&fixture, &fixture.engine, &by).await);
    fixture.restart().await;
    assert!(forged(&fixture, &fixture.engine, &by).await);
    fixture.restart().await;
    assert!(!forged(&fixture, &fixture.engine, &by).await);
    // Another gateway has its own.
    let other = Arc::new(Principal {
        unreserved_settles_per_hour_max: 1,
        ..Principal::clone(&principal("other"))
    });
    assert!(forged(&fixture, &fixture.engine, &other).await);
    assert!(!forged(&fixture, &fixture.engine, &other).await);
    fixture.clock.pass(HOUR_MS - 1);
    assert!(!forged(&fixture, &fixture.engine, &by).await);
    fixture.clock.pass(1);
    assert!(forged(&fixture, &fixture.engine, &by).await);
    assert_eq!(fixture.balance().await.0, 6 * HOLD);
    fixture.assert_clean().await;
}

async fn what_a_batch_releases_itself_counts_in_it() {
    let fixture = Fixture::with_holds(10).await;
    next_hour(&fixture);
    let by = capped(1);
    let mut posted = Vec::new();
    for _ in 0..2 {
        let (id, _) = fixture.granted().await;
        let asks = [
            Ask::Release { id },
            Ask::Settle {
                id,
                settlement: whole_use(),
                offers: super::fixture::offers(),
            },
        ];
        let ops = asks.map(|ask| Op {
            who: Who::key(Arc::clone(&by), fixture.digest()),
            ask,
        });
        // One call is one batch.
        let asked = fixture.engine.ask(Lane::Settlement, ops.into(), None).await;
        let settled = asked.unwrap().pop().unwrap().answer;
        let Answer::Settle(settled) = settled else {
            panic!("no settlement: {settled:?}");
        };
        posted.push(is_posted(&settled));
    }
    assert_eq!(posted, [true, false]);
    assert_eq!(fixture.balance().await, (9 * HOLD, 0, 9 * HOLD));
    fixture.assert_clean().await;
}

async fn what_is_answered_again_or_refused_counts_nothing() {
    let fixture = Fixture::with_holds(10).await;
    next_hour(&fixture);
    let by = capped(2);
    let id = fixture.draw();
    for _ in 0..3 {
        let call = fixture.settle_call(id, whole_use());
        let settled = fixture.engine.settle(&by, vec![call]).await.unwrap().pop();
        assert!(is_posted(&settled.unwrap().answer));
    }
    let denied = fixture.settle_call(fixture.draw(), whole_use());
    let nobody = Arc::new(Principal {
        scope: crate::principal::Scope {
            tenants: Some(["other".parse().unwrap()].into()),
            routes: None,
        },
        ..Principal::clone(&by)
    });
    let answered = fixture.engine.settle(&nobody, vec![denied]).await.unwrap();
    assert_eq!(answered[0].answer, SettleAnswer::Denied);
    // In one batch as in several: the second is the last.
    let calls = |count: usize| {
        let call = |_| fixture.settle_call(fixture.draw(), whole_use());
        (0..count).map(call).collect::<Vec<_>>()
    };
    let answered = fixture.engine.settle(&by, calls(3)).await.unwrap();
    let posted: Vec<_> = answered.iter().map(|a| is_posted(&a.answer)).collect();
    assert_eq!(posted, [true, false, false]);
    fixture.assert_clean().await;
}

/// Each of two servers posts what comes to it, and both together no more than the cap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_keep_to_one_cap() {
    const CAP: u64 = 20;
    const CLIENTS: usize = 8;
    const EACH: usize = 10;
    ON.scope(On::Postgres, async {
        let fixture = Arc::new(Fixture::with_holds(100).await);
        next_hour(&fixture);
        let engines = [fixture.engine.clone(), fixture.another()];
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..CLIENTS {
            let (fixture, engine) = (Arc::clone(&fixture), engines[client % 2].clone());
            clients.spawn(async move {
                let mut posted = 0;
                for _ in 0..EACH {
                    posted += u64::from(forged(&fixture, &engine, &capped(CAP)).await);
                }
                posted
            });
        }
        let posted: Vec<u64> = clients.join_all().await;
        assert_eq!(posted.iter().sum::<u64>(), CAP, "{posted:?}");
        let left = 100 - CAP.cast_signed();
        assert_eq!(fixture.balance().await, (left * HOLD, 0, left * HOLD));
        fixture.assert_clean().await;
    })
    .await;
}

#[tokio::test]
async fn a_count_moves_to_postgresql_with_everything_else() {
    let cluster = Cluster::shared();
    let mut fixture = Fixture::with_holds(10).await;
    next_hour(&fixture);
    let by = capped(2);
    assert!(forged(&fixture, &fixture.engine, &by).await);
    assert!(forged(&fixture, &fixture.engine, &by).await);
    fixture.close().await;
    let to = cluster.database();
    super::migrate::moved(&fixture.database(), &to).unwrap();
    fixture.go_on_at(to);
    assert!(!forged(&fixture, &fixture.engine, &by).await);
    fixture.assert_clean().await;
}

/// How many counts are kept.
fn kept(fixture: &Fixture) -> i64 {
    let connection = rusqlite::Connection::open(fixture.database()).unwrap();
    let sql = "SELECT count(*) FROM unreserved_settles";
    connection.query_row(sql, (), |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn counts_are_forgotten_after_a_day_and_looked_at_by_verify() -> Result<(), EngineError> {
    let fixture = Fixture::with_holds(10).await;
    next_hour(&fixture);
    assert!(forged(&fixture, &fixture.engine, &capped(2)).await);
    fixture.clock.pass(24 * HOUR_MS);
    fixture.engine.expire_due().await?;
    assert_eq!(kept(&fixture), 1);
    fixture.clock.pass(HOUR_MS);
    fixture.engine.expire_due().await?;
    assert_eq!(kept(&fixture), 0);
    fixture.close().await;
    let place: Database = fixture.database().into();
    let connection = rusqlite::Connection::open(fixture.database()).unwrap();
    for (row, expected) in [
        ("'edge', 400000, 7", None),
        (
            "'No Name', 400000, 7",
            Some("unreserved_settles No Name 400000: that is no gateway's name"),
        ),
        (
            "'edge', 400000, -7",
            Some("unreserved_settles edge 400000: count is -7"),
        ),
    ] {
        let put = format!(
            "DELETE FROM unreserved_settles; INSERT INTO unreserved_settles VALUES ({row})"
        );
        connection.execute_batch(&put).unwrap();
        let found = verify(&place).unwrap().difference;
        assert_eq!(found.map(|found| found.what).as_deref(), expected);
    }
    Ok(())
}
