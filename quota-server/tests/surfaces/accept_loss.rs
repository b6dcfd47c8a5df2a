//! `ferry accept-loss` on PostgreSQL, where a database was put back with PostgreSQL's own tools.

use crate::ferry::{Ferry, ON_A_SOCKET, config, run};
use crate::heads::stopped;
use ferry_examples::postgres::Postgres;
use tempfile::TempDir;

/// Starts a server in this folder on a database of PostgreSQL's.
fn on(folder: TempDir, url: &str) -> Ferry {
    let here = format!("database = '{url}'\nsecrets = 'ledger'\n");
    Ferry::start_with(folder, &(here + &config(ON_A_SOCKET)))
}

#[tokio::test]
async fn an_older_copy_on_postgresql_counts_once_its_loss_is_accepted() {
    let place = tempfile::tempdir().expect("a folder");
    let mut postgres = Postgres::make(&place.path().join("pg")).expect("a PostgreSQL");
    postgres.run(&[]).await.expect("it runs");
    let newest = postgres.database("newest", None).await.expect("a database");
    let ferry = on(tempfile::tempdir().expect("a folder"), &newest);
    ferry.tenant_with("acme", "5");
    let folder = stopped(ferry);
    let older = postgres.database("older", Some("newest")).await;
    let older = older.expect("a copy");
    let ferry = on(folder, &newest);
    ferry.json(&["topup", "acme", "1"]);
    let folder = stopped(ferry);

    let ferry = on(folder, &older);
    let told = "tenant 'acme': entry 4 was acknowledged, and the journal ends at 3";
    let (status, text) = ferry.probe("/readyz").await;
    assert!(status == 503 && text.contains(told), "{status} {text}");
    let running = ferry.run(&["accept-loss", "--yes"]);
    assert_eq!(running.status.code(), Some(1));
    let in_use = "another server has the database open";
    assert!(running.err.contains(in_use), "{}", running.err);

    let folder = stopped(ferry);
    let accepted = run(folder.path(), &["accept-loss", "--yes"]);
    assert!(accepted.status.success(), "{}", accepted.err);
    assert!(accepted.err.contains(told), "{}", accepted.err);
    let begun = "epoch 2 begins; 1 exported heads are given up\n";
    assert_eq!(accepted.out, begun);
    let ferry = on(folder, &older);
    assert_eq!(ferry.probe("/readyz").await, (200, "ready\n".into()));
    ferry.json(&["topup", "acme", "2"]);
    assert_eq!(ferry.json(&["heads"])["epoch"], 2);
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}
