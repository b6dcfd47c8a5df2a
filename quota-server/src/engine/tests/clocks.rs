//! Servers on one database tell its time, whatever the clocks of their machines say.

use super::cluster::Cluster;
use super::fixture::{Fixture, HOLD, HandClock, ON, On, START_MS, gateway, tenant, whole_use};
use super::servers::is_granted;
use crate::engine::clock::READ_EVERY_MS;
use crate::engine::{Engine, SystemTimeSource, TimeSource as _};
use crate::metrics::Metrics;
use crate::store::StoreError;
use ferry_ledger::{SettleAnswer, UnixMs};
use std::sync::Arc;

const HOUR_MS: i64 = 3_600_000;

/// A server on a machine whose clock is ahead of the database's, which is the fixture's.
fn server(fixture: &Fixture, ahead_ms: i64) -> (Arc<HandClock>, Engine) {
    let clock = Arc::new(HandClock::of_machine(&fixture.clock, ahead_ms));
    let engine = fixture.another_by(&clock);
    (clock, engine)
}

async fn times_of_entries(fixture: &Fixture) -> Vec<UnixMs> {
    let read = fixture.engine.read(|reader| {
        reader.snapshot(|snapshot| {
            let entries = snapshot.journal(&tenant(), 0, 1_000)?;
            Ok::<_, StoreError>(
                entries
                    .into_iter()
                    .map(|stored| stored.entry.time)
                    .collect(),
            )
        })
    });
    read.await.unwrap()
}

fn shown_ahead(engine: &Engine) -> String {
    let page = Metrics::new(engine.metrics()).page().unwrap();
    let mut lines = page.lines();
    let line = lines.find_map(|line| line.strip_prefix("ferry_clock_ahead_seconds "));
    line.unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_lives_its_length_whichever_machines_clock_is_wrong() {
    ON.scope(On::Postgres, async {
        let fixture = Fixture::with_holds(4).await;
        let (_, ahead) = server(&fixture, HOUR_MS);
        let (_, behind) = server(&fixture, -HOUR_MS);
        assert_eq!(shown_ahead(&fixture.engine), "0.0");
        assert_eq!(shown_ahead(&ahead), "3600.0");
        assert_eq!(shown_ahead(&behind), "-3600.0");
        fixture.clock.pass(fixture.lease.suspension_ms());
        let everyone = [&ahead, &behind, &fixture.engine];
        for (grants, settles) in [(&ahead, &behind), (&behind, &ahead)] {
            let now = UnixMs(fixture.clock.unix_ms());
            let settled = fixture.draw();
            for id in [fixture.draw(), settled] {
                let granted = grants.reserve(fixture.reserve_call(id)).await.unwrap();
                assert!(is_granted(&granted.answer), "{granted:?}");
                assert_eq!(granted.server_time, now);
            }
            let call = fixture.settle_call(settled, whole_use());
            let answers = settles.settle(&gateway(), vec![call]).await.unwrap();
            let answer = &answers[0].answer;
            assert!(
                matches!(answer, SettleAnswer::Settled { charged, .. } if charged.units() == HOLD)
            );
            assert_eq!(answers[0].server_time, now);

            fixture.clock.pass(fixture.lease.stands_ms() - 1);
            for engine in everyone {
                assert_eq!(engine.expire_due().await, Ok(0));
            }
            assert_eq!(fixture.balance().await.1, HOLD, "it ended early");
            fixture.clock.pass(1);
            for engine in everyone {
                engine.expire_due().await.unwrap();
            }
            assert_eq!(fixture.balance().await.1, 0, "it ended late");
        }
        let now = UnixMs(fixture.clock.unix_ms());
        let times = times_of_entries(&fixture).await;
        assert!(times.is_sorted() && times[0] == UnixMs(START_MS));
        assert_eq!(times.last(), Some(&now));
        fixture.assert_clean().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_of_the_databases_clock_suspends_expiry_and_one_of_a_machines_does_nothing() {
    ON.scope(On::Postgres, async {
        let mut fixture = Fixture::with_holds(2).await;
        fixture.close().await;
        let (machine, engine) = server(&fixture, -HOUR_MS);
        fixture.engine = engine;
        fixture.clock.pass(fixture.lease.suspension_ms());
        fixture.granted().await;
        machine.step(10 * HOUR_MS.unsigned_abs());
        assert_eq!(fixture.engine.expire_due().await, Ok(0));
        assert_eq!(shown_ahead(&fixture.engine), "32400.0");
        assert_eq!(fixture.engine.time(), UnixMs(fixture.clock.unix_ms()));
        fixture.clock.pass(fixture.lease.stands_ms());
        fixture.engine.expire_due().await.unwrap();
        assert_eq!(fixture.balance().await.1, 0);

        fixture.granted().await;
        fixture.clock.step(HOUR_MS.unsigned_abs());
        fixture.clock.pass(READ_EVERY_MS);
        let stands = async |why: &str| {
            assert_eq!(fixture.engine.expire_due().await, Ok(0), "{why}");
            assert_eq!(fixture.balance().await.1, HOLD, "{why}");
        };
        stands("after the step").await;
        assert_eq!(fixture.engine.time(), UnixMs(fixture.clock.unix_ms()));
        fixture.clock.pass(fixture.lease.suspension_ms() - 1);
        stands("a while later").await;
        fixture.clock.pass(1);
        fixture.engine.expire_due().await.unwrap();
        assert_eq!(fixture.balance().await.1, 0);
    })
    .await;
}

#[test]
fn the_databases_clock_is_the_one_that_is_read() {
    let cluster = Cluster::shared();
    let mut store = cluster.database().open().unwrap();
    // It runs on this machine.
    let time = SystemTimeSource::new();
    let before = time.unix_ms();
    let said = store.time().unwrap().unwrap();
    let after = time.unix_ms();
    assert!(
        (before..=after + 1).contains(&said.0),
        "{before} {said:?} {after}"
    );
}
