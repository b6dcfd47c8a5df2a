//! A disk without room, and one that fails to be written: what was acknowledged is there, what was not is refused and said so, and
//! with room again the server goes on; where nobody can say what a commit came to, it stops, and the next start finds everything.

mod postgres;
mod small;

use crate::ferry::{EDGE_TOKEN, Ferry, ON_A_SOCKET, command, config};
use crate::gateway::{Gateway, digest, facts, now_ms, reserve, settle};
use ferry_api::v1::{self, reserve_response, settle_result};
use ferry_examples::failing_disk::FailingDisk;
use ferry_types::{KeyDigest, ReservationId};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use small::SmallDisk;
use tonic::{Code, Status};

/// What a settlement of these tests is charged, in units of 10^-9 USD.
const CHARGE: i64 = 120_000;
const PAID_IN: i64 = 5_000_000_000;
/// Requests before anything is wrong with the disk.
const BEFORE: u32 = 5;
/// More of them than there will be room for.
const FAR_TOO_MANY: u32 = 10_000;
/// Calls that are refused while there is no room.
const REFUSED: u32 = 5;

/// The database is in a folder of its own; everything that a server listens on is not.
fn on_a_disk() -> String {
    let admin = "[admin]\nlisten = 'unix:ferry-admin.sock'\n";
    let rest = config(&format!("{ON_A_SOCKET}{admin}"));
    format!("database = 'disk/ferry.db'\n{rest}")
}

/// What a gateway asked, and what it was told.
struct Asked {
    gateway: Gateway,
    key: KeyDigest,
    drawn: u32,
    /// Requests of which a call failed: it may have happened, or not.
    failed: Vec<ReservationId>,
    settled: Vec<(ReservationId, settle_result::Outcome)>,
}

impl Asked {
    async fn by(ferry: &Ferry, key: &str) -> Self {
        Self {
            gateway: ferry.gateway(Some(EDGE_TOKEN)).await,
            key: digest(key),
            drawn: 0,
            failed: Vec::new(),
            settled: Vec::new(),
        }
    }

    fn draw(&mut self) -> ReservationId {
        self.drawn += 1;
        let [a, b, c, d] = self.drawn.to_be_bytes();
        ReservationId::new(now_ms(), [0, 0, 0, 0, 0, 0, a, b, c, d])
    }

    /// Reserves and settles once more.
    async fn once(&mut self) -> Result<(), Status> {
        let id = self.draw();
        let asked = self.reserve_and_settle(id).await;
        if asked.is_err() {
            self.failed.push(id);
        }
        asked
    }

    async fn reserve_and_settle(&mut self, id: ReservationId) -> Result<(), Status> {
        let request = reserve(id, self.key, facts());
        let answer = self.gateway.reserve(request).await?.into_inner();
        let refused = matches!(answer.outcome, Some(reserve_response::Outcome::Refused(_)));
        assert!(!refused, "{answer:?}");
        let outcome = self.settle(id).await?;
        self.settled.push((id, outcome));
        Ok(())
    }

    async fn settle(&mut self, id: ReservationId) -> Result<settle_result::Outcome, Status> {
        let items = vec![settle(id, self.key)];
        let answer = self.gateway.settle(v1::SettleRequest { items }).await?;
        let result = answer.into_inner().results.pop().expect("one result");
        let outcome = result.outcome.expect("an outcome");
        match &outcome {
            settle_result::Outcome::Settled(_) => Ok(outcome),
            settle_result::Outcome::Error(error) => {
                Err(Status::new(Code::from(error.code.cast_signed()), ""))
            }
            other => panic!("not settled: {other:?}"),
        }
    }

    /// Until a call fails.
    async fn until_it_fails(&mut self) -> Status {
        for _ in 0..FAR_TOO_MANY {
            if let Err(status) = self.once().await {
                return status;
            }
        }
        panic!("the disk never failed");
    }

    /// Everything that was acknowledged is there, by what a server that may be another one answers now; and what failed is asked
    /// again, as a gateway does.
    async fn everything_is_there(&mut self, ferry: &Ferry) {
        self.gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
        for (id, expected) in self.settled.clone() {
            let again = self.settle(id).await.expect("an answer");
            assert_eq!(again, expected, "{id}");
        }
        for id in std::mem::take(&mut self.failed) {
            self.reserve_and_settle(id).await.expect("an answer");
        }
        let balance = ferry.json(&["balance", "acme"]);
        let charged = CHARGE * i64::try_from(self.settled.len()).expect("few");
        let left = PAID_IN - charged;
        let expected = format!("{}.{:09}", left / 1_000_000_000, left % 1_000_000_000);
        assert_eq!(balance["posted"], expected.as_str(), "{balance}");
        assert_eq!(balance["held"], "0.000000000", "{balance}");
        assert!(ferry.run(&["verify"]).status.success());
    }
}

/// Reports are read whether there is room or not.
fn reports_are_read(ferry: &Ferry) {
    ferry.json(&["balance", "acme"]);
    let usage = ferry.json(&["usage", "--tenant", "acme"]);
    assert!(!usage["usage"].as_array().expect("a list").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_with_room_again_the_server_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(mut disk) = SmallDisk::mount(folder.path()) else {
        println!("no disk of one's own can be mounted here: a limit on the size of files instead");
        return a_file_that_cannot_grow().await;
    };
    println!("on a small disk of its own");
    let serve = disk.command(folder.path());
    let ferry = Ferry::start_by(folder, &on_a_disk(), serve);
    let key = ferry.tenant_with("acme", "5");
    let mut asked = Asked::by(&ferry, &key).await;
    for _ in 0..BEFORE {
        asked.once().await.expect("there is room");
    }
    disk.fill();
    let status = asked.until_it_fails().await;
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let said = ferry.wait_for_log("a batch failed, and is undone");
    assert!(said.contains("database or disk is full"), "{said}");
    for _ in 0..REFUSED {
        let status = asked.once().await.expect_err("there is no room");
        assert_eq!(status.code(), Code::Unavailable, "{status}");
    }
    reports_are_read(&ferry);
    ferry.wait_for_log("no room to carry the log over");
    disk.make_room();
    asked.everything_is_there(&ferry).await;
    for _ in 0..BEFORE {
        asked.once().await.expect("there is room again");
    }
    let folder = ferry.kill();
    let serve = disk.command(folder.path());
    let ferry = Ferry::start_by(folder, &on_a_disk(), serve);
    asked.everything_is_there(&ferry).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_commit_cannot_be_judged_the_server_stops_and_the_next_one_finds_everything() {
    a_file_that_cannot_grow().await;
}

/// The log's file reaches a limit: an error that is no full disk, so that nobody knows what of the commit was written.
async fn a_file_that_cannot_grow() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("disk")).expect("make a folder");
    let serve = command(folder.path(), &["serve"]);
    let mut ferry = Ferry::start_by(folder, &on_a_disk(), serve);
    let key = ferry.tenant_with("acme", "5");
    let mut asked = Asked::by(&ferry, &key).await;
    for _ in 0..BEFORE {
        asked.once().await.expect("there is room");
    }
    let log = std::fs::metadata(ferry.path("disk/ferry.db-wal")).expect("the log");
    limit_files(ferry.pid(), log.len());
    let status = asked.until_it_fails().await;
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let said = ferry.wait_for_log("stopping: the server cannot go on");
    assert!(
        said.contains("the outcome is not known: start ferry again"),
        "{said}"
    );
    assert_eq!(ferry.wait().code(), Some(1), "it ends by itself");
    let folder = ferry.into_folder();
    let serve = command(folder.path(), &["serve"]);
    let ferry = Ferry::start_by(folder, &on_a_disk(), serve);
    asked.everything_is_there(&ferry).await;
}

/// Flushing the log fails: what the operating system says next of what it lost is worth nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_log_cannot_be_flushed_the_server_stops_and_the_next_one_finds_everything() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = FailingDisk::make(folder.path()).expect("a failing disk");
    std::fs::create_dir(folder.path().join("disk")).expect("make a folder");
    let mut serve = command(folder.path(), &["serve"]);
    disk.show_to(&mut serve);
    let mut ferry = Ferry::start_by(folder, &on_a_disk(), serve);
    let key = ferry.tenant_with("acme", "5");
    let mut asked = Asked::by(&ferry, &key).await;
    for _ in 0..BEFORE {
        asked.once().await.expect("it is well");
    }
    disk.fail("ferry.db-wal").expect("it fails");
    let status = asked.once().await.expect_err("it was not flushed");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let said = ferry.wait_for_log("stopping: the server cannot go on");
    assert!(said.contains("start ferry again"), "{said}");
    assert_eq!(ferry.wait().code(), Some(1), "it ends by itself");
    let folder = ferry.into_folder();
    let serve = command(folder.path(), &["serve"]);
    let ferry = Ferry::start_by(folder, &on_a_disk(), serve);
    asked.everything_is_there(&ferry).await;
}

/// From now on no file of this process grows beyond so many bytes.
fn limit_files(pid: u32, bytes: u64) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let limit = Rlimit {
        current: Some(bytes),
        maximum: None,
    };
    prlimit(pid, Resource::Fsize, limit).expect("limit the server's files");
}
