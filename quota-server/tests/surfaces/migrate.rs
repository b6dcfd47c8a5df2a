//! `ferry migrate`, as an operator gives it: stop, move, change two lines of the configuration, start.

use crate::ferry::{EDGE_TOKEN, Ferry, ON_A_SOCKET, config, run};
use crate::gateway::{digest, facts, granted, id, reserve};
use crate::heads::stopped;
use ferry_examples::postgres::Postgres;
use std::fs;

#[tokio::test]
async fn a_server_goes_on_from_a_file_on_postgresql() {
    let place = tempfile::tempdir().expect("a folder");
    let mut postgres = Postgres::make(&place.path().join("pg")).expect("a PostgreSQL");
    postgres.run(&[]).await.expect("it runs");
    let url = postgres.database("ferry", None).await.expect("a database");
    let ferry = Ferry::start();
    let key = ferry.tenant_with("acme", "5");
    let receipt = ferry.run(&["topup", "acme", "1", "--json"]).out;
    let running = ferry.run(&["migrate", "--from", "sqlite:ferry.db", "--to", &url]);
    assert_eq!(running.status.code(), Some(1));
    assert!(
        running.err.contains("another server has the database open"),
        "{}",
        running.err
    );
    let folder = stopped(ferry);
    fs::write(folder.path().join("receipt"), receipt).expect("write");

    let not_understood = run(
        folder.path(),
        &["migrate", "--from", "ferry.db", "--to", &url],
    );
    assert_eq!(not_understood.status.code(), Some(2));
    let with_password = url.replace("postgres@", "postgres:open-sesame@");
    let moved = run(
        folder.path(),
        &[
            "migrate",
            "--from",
            "sqlite:ferry.db",
            "--to",
            &with_password,
        ],
    );
    assert!(moved.status.success(), "{}", moved.err);
    assert!(
        moved.out.contains("1 books, 4 journal entries, verified"),
        "{}",
        moved.out
    );

    let left_behind = run(folder.path(), &["serve"]);
    assert_eq!(left_behind.status.code(), Some(1), "{}", left_behind.err);
    let told = left_behind.err;
    assert!(told.contains("ferry.db has moved to postgres://"), "{told}");
    assert!(told.contains("ferry accept-loss --database"), "{told}");
    assert!(!told.contains("open-sesame"), "{told}");
    let read = run(folder.path(), &["verify", "--database", "ferry.db"]);
    assert!(read.status.success(), "{}", read.err);
    let backup = run(folder.path(), &["backup", "--to", "left-behind"]);
    assert!(backup.status.success(), "{}", backup.err);

    let here = format!("database = '{url}'\nsecrets = 'ferry.db'\n");
    let ferry = Ferry::start_with(folder, &(here + &config(ON_A_SOCKET)));
    assert_eq!(ferry.probe("/readyz").await, (200, "ready\n".into()));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    granted(&mut gateway, reserve(id(1), digest(&key), facts())).await;
    assert_eq!(ferry.json(&["verify"])["clean"], true);
    assert_eq!(
        ferry.json(&["verify", "--receipts", "receipt"])["clean"],
        true
    );
    let backup = ferry.run(&["backup", "--to", "kept"]);
    assert!(
        backup.err.contains("PostgreSQL's own tools"),
        "{}",
        backup.err
    );
}
