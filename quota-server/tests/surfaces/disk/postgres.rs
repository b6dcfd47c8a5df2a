//! PostgreSQL on a disk without room: a statement that cannot be written is refused and has not happened; where the log cannot go on,
//! PostgreSQL ends all its sessions, and may end itself. With room again, and PostgreSQL running, the server goes on by itself.

use super::small::SmallDisk;
use super::{Asked, BEFORE, REFUSED, reports_are_read};
use crate::ferry::{Ferry, ON_A_SOCKET, config};
use ferry_examples::postgres::{Postgres, connect};
use ferry_examples::wait;
use std::path::Path;
use tempfile::TempDir;
use tonic::Code;

/// Less than a table grows by when it grows.
const NO_ROOM: u64 = 0;

/// A PostgreSQL that sees a small disk; its own data lies beside it.
struct OnSmallDisk {
    // Before the disk, and the folder that it works in.
    postgres: Postgres,
    disk: SmallDisk,
    place: TempDir,
}

impl OnSmallDisk {
    /// `None` where this machine mounts no disk for us. `initdb` is told more, of what lies on the disk.
    async fn start(initdb: impl Fn(&Path) -> Vec<String>, settings: &[&str]) -> Option<Self> {
        let place = tempfile::tempdir().expect("a folder");
        let disk = SmallDisk::mount(place.path())?;
        let more = initdb(&place.path().join("disk"));
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let data = place.path().join("pg");
        let made = Postgres::make_within(&data, disk.within(), &more);
        let mut postgres = made.expect("a PostgreSQL");
        postgres.run(settings).await.expect("it runs");
        Some(Self {
            postgres,
            disk,
            place,
        })
    }

    async fn execute(&self, sql: &str) {
        let url = self.postgres.url("postgres").expect("a URL");
        let client = connect(&url).await.expect("a connection");
        client.batch_execute(sql).await.expect("it is done");
    }

    async fn ferry(url: &str) -> (Ferry, Asked) {
        let here = format!("database = '{url}'\nsecrets = 'ledger'\n");
        let folder = tempfile::tempdir().expect("a folder");
        let ferry = Ferry::start_with(folder, &(here + &config(ON_A_SOCKET)));
        let key = ferry.tenant_with("acme", "5");
        let mut asked = Asked::by(&ferry, &key).await;
        for _ in 0..BEFORE {
            asked.once().await.expect("there is room");
        }
        (ferry, asked)
    }
}

/// Calls are refused, and no other way than by UNAVAILABLE.
async fn are_refused(asked: &mut Asked) {
    for _ in 0..REFUSED {
        let status = asked.once().await.expect_err("there is no room");
        assert_eq!(status.code(), Code::Unavailable, "{status}");
    }
}

/// Everything goes on, in the same server and in the next one.
async fn all_goes_on(ferry: Ferry, mut asked: Asked, url: &str) {
    asked.everything_is_there(&ferry).await;
    for _ in 0..BEFORE {
        asked.once().await.expect("there is room again");
    }
    let here = format!("database = '{url}'\nsecrets = 'ledger'\n");
    let ferry = Ferry::start_with(ferry.kill(), &(here + &config(ON_A_SOCKET)));
    asked.everything_is_there(&ferry).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_tables_cannot_grow_batches_are_refused_and_undone() {
    let Some(mut on) = OnSmallDisk::start(|_| Vec::new(), &[]).await else {
        return println!("no disk of one's own can be mounted here: nothing was shown");
    };
    let space = on.place.path().join("disk/space");
    on.disk.make_folder("space");
    let space = space.display();
    on.execute(&format!("CREATE TABLESPACE small LOCATION '{space}'"))
        .await;
    on.execute("CREATE DATABASE ferry TABLESPACE small TEMPLATE template0")
        .await;
    let url = on.postgres.url("ferry").expect("a URL");
    let (ferry, mut asked) = OnSmallDisk::ferry(&url).await;
    on.disk.fill_but(NO_ROOM);
    let status = asked.until_it_fails().await;
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let said = ferry.wait_for_log("a batch failed, and is undone");
    assert!(said.contains("No space left on device"), "{said}");
    are_refused(&mut asked).await;
    reports_are_read(&ferry);
    on.disk.make_room();
    all_goes_on(ferry, asked, &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_log_cannot_go_on_nothing_is_lost_and_the_server_waits_for_postgresql() {
    // Short segments, of which it takes more and more, and never one again.
    let settings = [
        "max_wal_size=1GB",
        "checkpoint_timeout=1h",
        "wal_recycle=off",
    ];
    let log = |disk: &Path| {
        let log = disk.join("wal");
        vec![
            format!("--waldir={}", log.display()),
            "--wal-segsize=1".into(),
        ]
    };
    let Some(mut on) = OnSmallDisk::start(log, &settings).await else {
        return println!("no disk of one's own can be mounted here: nothing was shown");
    };
    let url = on.postgres.url("postgres").expect("a URL");
    let (ferry, mut asked) = OnSmallDisk::ferry(&url).await;
    on.disk.fill_but(NO_ROOM);
    let status = asked.until_it_fails().await;
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    ferry.wait_for_log("the database cannot be reached");
    are_refused(&mut asked).await;
    let (status, _) = ferry.probe("/readyz").await;
    assert_eq!(status, 503);
    on.disk.make_room();
    // It may have ended itself, since it could not even recover: whoever looks after it starts it again.
    if !on.postgres.is_running().expect("its state") {
        on.postgres.kill().expect("nothing of it runs");
        on.postgres.run(&settings).await.expect("it runs again");
    }
    let ready = wait::until("the server is ready", async || {
        Ok((ferry.probe("/readyz").await.0 == 200).then_some(()))
    });
    ready.await.expect("it is ready by itself");
    all_goes_on(ferry, asked, &url).await;
}
