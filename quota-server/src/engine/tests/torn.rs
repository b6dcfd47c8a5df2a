//! A power cut: SQLite's log ends anywhere, in the middle of a page too, with whatever the disk had there behind it. What was
//! acknowledged was flushed, so it is found; and what is found is whole.

use super::fixture::{Fixture, start, tenant, whole_use};
use ferry_ledger::{SettleAnswer, State};
use ferry_model::Chance;
use ferry_types::ReservationId;
use std::fs;

/// Each a commit of its own.
const CALLS: usize = 24;
const CUTS: usize = 48;
/// What a disk writes whole.
const SECTOR: usize = 512;

/// A call that was answered, and how long the log was then.
type Acknowledged = (ReservationId, usize);

/// The database as it stood before these calls, and the log that has all of them.
struct Written {
    database: Vec<u8>,
    log: Vec<u8>,
    acknowledged: Vec<Acknowledged>,
}

async fn written(fixture: &Fixture) -> Written {
    let log = fixture.folder.path().join("ferry.db-wal");
    let mut acknowledged = Vec::new();
    for _ in 0..CALLS {
        let id = fixture.draw();
        let answer = fixture.settle(id, whole_use()).await;
        assert!(matches!(answer, SettleAnswer::Settled { .. }), "{answer:?}");
        let length = fs::metadata(&log).unwrap().len();
        acknowledged.push((id, usize::try_from(length).unwrap()));
    }
    Written {
        database: fs::read(fixture.database()).unwrap(),
        log: fs::read(&log).unwrap(),
        acknowledged,
    }
}

/// The log as it may be found if only so much of it was flushed.
fn torn(log: &[u8], flushed: usize, chance: &mut Chance) -> Vec<u8> {
    let (kept, rest) = log.split_at(flushed);
    let mut torn = kept.to_vec();
    match chance.below(3) {
        // The file never became longer.
        0 => {}
        // It did, and held something else before.
        1 => torn.extend(rest.iter().map(|_| chance.any() as u8)),
        // Some of its sectors were written, in no order.
        _ => {
            for sector in rest.chunks(SECTOR) {
                let is_written = chance.once_in(2);
                torn.extend(sector.iter().map(|byte| if is_written { *byte } else { 0 }));
            }
        }
    }
    torn
}

/// A server on these files has everything that must be there, and its books are right.
async fn is_found(fixture: &Fixture, database: &[u8], log: &[u8], expected: &[Acknowledged]) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("ferry.db");
    for secret in ["ferry.db.peppers", "ferry.db.signing-key"] {
        let from = fixture.folder.path().join(secret);
        fs::copy(from, folder.path().join(secret)).unwrap();
    }
    fs::write(&place, database).unwrap();
    fs::write(folder.path().join("ferry.db-wal"), log).unwrap();
    let engine = start(place.clone().into(), place, &fixture.clock, fixture.lease);
    for (id, _) in expected {
        let row = engine.reservation(tenant(), *id).await.unwrap();
        let row = row.unwrap_or_else(|| panic!("{id} is lost"));
        assert!(matches!(row.state, State::Settled(_)), "{row:?}");
    }
    let report = engine.verify().await.unwrap();
    assert!(report.clean, "{report:?}");
    engine.close();
    engine.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_log_ends_with_what_was_acknowledged_is_found_and_whole() {
    let named = std::env::var("FERRY_SEED").ok();
    let seed: u64 = named.map_or(1, |seed| seed.parse().expect("FERRY_SEED is a number"));
    println!("FERRY_SEED={seed}");
    let mut chance = Chance::new(seed);
    let mut fixture = Fixture::with_holds(CALLS as i64).await;
    // Closed, its log is carried over and taken away: from here on it has these calls alone.
    fixture.restart().await;
    let Written {
        database,
        log,
        acknowledged,
    } = written(&fixture).await;
    for _ in 0..CUTS {
        let flushed = chance.below(log.len() as u64 + 1) as usize;
        let log = torn(&log, flushed, &mut chance);
        let before = acknowledged.partition_point(|(_, length)| *length <= flushed);
        println!("{flushed} bytes flushed, {before} calls acknowledged");
        is_found(&fixture, &database, &log, &acknowledged[..before]).await;
    }
}
