//! A connection that breaks in the middle of COMMIT, for real: between the server and PostgreSQL stands somebody who cuts it.

use super::cluster::Cluster;
use super::fixture::{Fixture, HOLD, whole_use};
use super::servers::is_granted;
use crate::store::Database;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_postgres::config::Host;

/// Lets everything pass.
const PASS: u8 = 0;
/// Cuts before PostgreSQL hears of the next COMMIT.
const UNHEARD: u8 = 1;
/// Cuts after PostgreSQL has carried out the next COMMIT, before anybody hears its answer.
const UNANSWERED: u8 = 2;

/// A way to PostgreSQL that can be cut.
struct Way {
    port: u16,
    cut: Arc<AtomicU8>,
}

async fn way(to: PathBuf) -> Way {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let cut = Arc::new(AtomicU8::new(PASS));
    let armed = Arc::clone(&cut);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = UnixStream::connect(&to).await.unwrap();
            tokio::spawn(carry(near, far, Arc::clone(&armed)));
        }
    });
    Way { port, cut }
}

async fn carry(near: TcpStream, far: UnixStream, cut: Arc<AtomicU8>) {
    let (mut asks, mut hears) = near.into_split();
    let (mut answers, mut asked) = far.into_split();
    let mut question = vec![0; 65_536];
    let mut answer = vec![0; 65_536];
    loop {
        tokio::select! {
            read = asks.read(&mut question) => {
                let Some(bytes) = some(read, &question) else { return };
                let is_commit = bytes.windows(7).any(|part| part == b"COMMIT\0");
                let how = if is_commit { cut.swap(PASS, Ordering::SeqCst) } else { PASS };
                if how == UNHEARD || !pass(&mut asked, bytes).await {
                    return;
                }
                if how == UNANSWERED {
                    // Its answer says that it is done; nobody else hears it.
                    let read = answers.read(&mut answer).await;
                    assert!(some(read, &answer).is_some());
                    return;
                }
            }
            read = answers.read(&mut answer) => {
                let Some(bytes) = some(read, &answer) else { return };
                if !pass(&mut hears, bytes).await {
                    return;
                }
            }
        }
    }
}

fn some(read: std::io::Result<usize>, buffer: &[u8]) -> Option<&[u8]> {
    let count = read.ok().filter(|count| *count > 0)?;
    buffer.get(..count)
}

async fn pass(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> bool {
    to.write_all(bytes).await.is_ok()
}

/// The socket of a database that is asked by its folder.
fn socket(url: &str) -> PathBuf {
    let config: tokio_postgres::Config = url.parse().unwrap();
    match &config.get_hosts()[0] {
        Host::Unix(folder) => folder.join(".s.PGSQL.5432"),
        Host::Tcp(name) => panic!("not a socket: {name}"),
    }
}

/// A database of one's own, and the way to it.
async fn far_database(cluster: &Cluster) -> (Database, Way) {
    let url = cluster.url_of(&cluster.database());
    let way = way(socket(&url)).await;
    let name = url.rsplit('/').next().unwrap();
    let by_way = format!("postgres://postgres@127.0.0.1:{}/{name}", way.port);
    (Database::named(&by_way, Path::new("")).unwrap(), way)
}

/// Whichever way the commit went, the server finds out by running the batch again, and answers as if nothing had been.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_of_which_nobody_heard_is_found_out() {
    let cluster = Cluster::shared();
    let (database, way) = far_database(&cluster).await;
    let fixture = Fixture::on(database, 8).await;
    for how in [UNHEARD, UNANSWERED, UNANSWERED, UNHEARD] {
        let id = fixture.draw();
        way.cut.store(how, Ordering::SeqCst);
        let reserved = fixture.engine.reserve(fixture.reserve_call(id)).await;
        assert!(is_granted(&reserved.unwrap().answer), "{how}");
        assert_eq!(way.cut.load(Ordering::SeqCst), PASS, "it was cut");
        way.cut.store(how, Ordering::SeqCst);
        fixture.settle(id, whole_use()).await;
        assert_eq!(way.cut.load(Ordering::SeqCst), PASS, "it was cut");
    }
    assert_eq!(fixture.balance().await, (4 * HOLD, 0, 4 * HOLD));
    assert_eq!(fixture.records().await.len(), 4);
    fixture.assert_clean().await;
}

/// A connection that breaks and is made again within one turn suspends expiry as every other outage does: that of the turns after it, and
/// of the very batch that it broke.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_that_nobody_saw_suspends_expiry() {
    let cluster = Cluster::shared();
    let (database, way) = far_database(&cluster).await;
    let fixture = Fixture::on(database, 3).await;
    let wait_ms = fixture.lease.suspension_ms();
    fixture.granted().await;
    fixture.clock.pass(wait_ms - 1);
    way.cut.store(UNANSWERED, Ordering::SeqCst);
    fixture.granted().await;
    assert_eq!(way.cut.load(Ordering::SeqCst), PASS, "it was cut");
    fixture.clock.pass(wait_ms - 1);
    assert_eq!(fixture.engine.expire_due().await, Ok(0));
    assert_eq!(fixture.balance().await.1, 2 * HOLD);

    way.cut.store(UNHEARD, Ordering::SeqCst);
    fixture.clock.pass(1);
    assert_eq!(fixture.engine.expire_due().await, Ok(0));
    assert_eq!(way.cut.load(Ordering::SeqCst), PASS, "it was cut");
    assert_eq!(fixture.balance().await.1, 2 * HOLD);
    fixture.clock.pass(wait_ms);
    fixture.engine.expire_due().await.unwrap();
    assert_eq!(fixture.balance().await.1, 0);
}
