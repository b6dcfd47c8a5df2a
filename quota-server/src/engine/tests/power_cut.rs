//! A power cut leaves what was flushed, and of the rest of the log perhaps a piece: whoever was told that something is done finds it,
//! and what is there is whole.

use super::fixture::{Fixture, gateway, tenant, whole_use};
use super::through::Through;
use crate::engine::secrets::Secrets;
use crate::engine::{Engine, EngineConfig};
use crate::store::sqlite::SqliteStore;
use crate::store::{CommitError, Database, Flush, Idle};
use crate::verify::verify;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const CLIENTS: usize = 8;
const REQUESTS: usize = 12;
/// More than the head of the next frame, and less than all of it.
const TORN_BYTES: usize = 3_000;

/// How much of a log is durable at least: what it held when a flush began that has ended. It is never begun anew here.
#[derive(Debug)]
struct Flushed {
    log: PathBuf,
    bytes: AtomicU64,
}

#[derive(Debug)]
struct WatchedFlush {
    behind: Arc<dyn Flush>,
    flushed: Arc<Flushed>,
}

impl Flush for WatchedFlush {
    fn flush(&self) -> Result<(), CommitError> {
        let there = fs::metadata(&self.flushed.log).unwrap().len();
        self.behind.flush()?;
        self.flushed.bytes.fetch_max(there, Ordering::SeqCst);
        Ok(())
    }
}

/// SQLite, whose database stays as it was, since nothing is carried into it.
struct Watched {
    store: SqliteStore,
    flushed: Arc<Flushed>,
}

impl Through for Watched {
    fn behind(&mut self) -> &mut SqliteStore {
        &mut self.store
    }

    fn maintain_behind(&mut self, _: Idle) -> Result<(), CommitError> {
        Ok(())
    }

    fn flusher(&mut self, behind: Arc<dyn Flush>) -> Arc<dyn Flush> {
        let flushed = Arc::clone(&self.flushed);
        Arc::new(WatchedFlush { behind, flushed })
    }
}

/// The same database again, its log watched.
async fn watched(fixture: &mut Fixture) -> Arc<Flushed> {
    fixture.close().await;
    let mut store = SqliteStore::open(&fixture.database()).unwrap();
    let secrets = Secrets::open(&fixture.database(), &mut store).unwrap();
    let flushed = Arc::new(Flushed {
        log: log_of(&fixture.database()),
        bytes: AtomicU64::new(0),
    });
    let store = Watched {
        store,
        flushed: Arc::clone(&flushed),
    };
    let mut config = EngineConfig::new(fixture.database());
    config.time = Arc::<super::fixture::HandClock>::clone(&fixture.clock);
    fixture.engine = Engine::start_on(Box::new(store), secrets, config).unwrap();
    flushed
}

fn log_of(database: &Path) -> PathBuf {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// What somebody was told is done, and how much was durable when he was told.
struct Told {
    seq: u64,
    durable: usize,
}

/// Reserves and settles, again and again.
async fn ask(fixture: Arc<Fixture>, flushed: Arc<Flushed>) -> Vec<Told> {
    let told = |seq| Told {
        seq,
        durable: usize::try_from(flushed.bytes.load(Ordering::SeqCst)).unwrap(),
    };
    let mut all = Vec::new();
    for _ in 0..REQUESTS {
        let id = fixture.draw();
        let reserved = fixture.engine.reserve(fixture.reserve_call(id)).await;
        all.push(told(reserved.unwrap().book.unwrap().head.seq));
        let settle = vec![fixture.settle_call(id, whole_use())];
        let settled = fixture.engine.settle(&gateway(), settle).await.unwrap();
        all.push(told(settled[0].book.as_ref().unwrap().head.seq));
        // What a report shows has not to be taken back either.
        let heads = fixture.engine.heads().await.unwrap();
        all.push(told(heads[&tenant()].seq));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_told_is_there_after_a_power_cut_in_that_moment() {
    let mut fixture = Fixture::with_holds(200).await;
    let flushed = watched(&mut fixture).await;
    let database = fs::read(fixture.database()).unwrap();
    let fixture = Arc::new(fixture);
    let clients = (0..CLIENTS).map(|_| ask(Arc::clone(&fixture), Arc::clone(&flushed)));
    let clients: Vec<_> = clients.map(tokio::spawn).collect();
    let mut told = Vec::new();
    for client in clients {
        told.extend(client.await.unwrap());
    }
    assert_eq!(fs::read(fixture.database()).unwrap(), database);
    let log = fs::read(&flushed.log).unwrap();
    told.sort_by_key(|told| (told.durable, told.seq));
    let mut cuts = 0;
    for of_one_cut in told.chunk_by(|one, next| one.durable == next.durable) {
        let Some(Told { seq, durable }) = of_one_cut.last() else {
            continue;
        };
        assert!(
            *seq <= seq_after_a_cut(&database, &log, *durable),
            "{seq} at {durable}"
        );
        cuts += 1;
    }
    assert!(cuts > 10, "only {cuts} moments");
}

/// Where the journal ends when this much of the log is left, and a torn piece of what follows.
fn seq_after_a_cut(database: &[u8], log: &[u8], durable: usize) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("ferry.db");
    let (left, lost) = log.split_at(durable);
    let torn = lost.iter().take(TORN_BYTES).map(|byte| !byte);
    let left: Vec<u8> = left.iter().copied().chain(torn).collect();
    fs::write(&place, database).unwrap();
    fs::write(log_of(&place), left).unwrap();
    let place = Database::Sqlite(place);
    let report = verify(&place).unwrap();
    assert!(report.clean, "{report:?}");
    let heads = place.reader().unwrap().heads().unwrap();
    heads[&tenant()].seq
}
