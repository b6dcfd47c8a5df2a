//! Signed heads against a real server: what was acknowledged is proven from outside the database.

use crate::ferry::{EDGE_TOKEN, Ferry, ON_A_SOCKET, PATIENCE, config, run};
use crate::gateway::{digest, facts, id, reserve};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Stops a server in good order; gives its folder.
pub(crate) fn stopped(mut ferry: Ferry) -> TempDir {
    ferry.terminate();
    assert!(ferry.wait().success());
    ferry.into_folder()
}

/// Starts a server again in a folder that one has left.
pub(crate) fn again(folder: TempDir) -> Ferry {
    Ferry::start_with(folder, &config(ON_A_SOCKET))
}

/// The database without its log: a server that was stopped has carried it over.
pub(crate) fn copy_database(from: &Path, to: &Path) {
    for name in ["ferry.db", "ferry.db-wal", "ferry.db-shm"] {
        if to.join(name).exists() {
            fs::remove_file(to.join(name)).expect("remove");
        }
    }
    fs::copy(from.join("ferry.db"), to.join("ferry.db")).expect("copy");
}

fn top_up(ferry: &Ferry, amount: &str) {
    ferry.json(&["topup", "acme", amount]);
}

/// That it is not ready, says so everywhere, and changes nothing.
async fn refuses(ferry: &Ferry, key: &str, told: &str) {
    let (status, text) = ferry.probe("/readyz").await;
    assert_eq!(status, 503, "{text}");
    assert!(
        text.starts_with("not ready: ") && text.contains(told),
        "{text}"
    );
    assert!(
        text.contains("ferry restore") && text.contains("ferry accept-loss"),
        "{text}"
    );
    let topup = ferry.run(&["topup", "acme", "1"]);
    assert_eq!(topup.status.code(), Some(1));
    assert!(topup.err.contains(told), "{}", topup.err);
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let refused = gateway.reserve(reserve(id(1), digest(key), facts())).await;
    let refused = refused.expect_err("no decision");
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused}");
    assert!(refused.message().contains(told), "{refused}");
    let balance = ferry.json(&["balance", "acme"]);
    assert_eq!(balance["open_reservations"], 0);
}

#[tokio::test]
async fn a_stop_exports_every_head_and_the_next_start_finds_them() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    let shown = ferry.json(&["heads"]);
    assert_eq!(shown["epoch"], 1);
    assert_eq!(shown["heads"][0]["seq"], 3);
    fs::write(ferry.path("kept"), shown["heads"][0].to_string() + "\n").expect("write");
    let folder = stopped(ferry);
    let export = fs::read_to_string(folder.path().join("ferry.db.heads")).expect("an export");
    let last = export.lines().last().expect("a line");
    let last: serde_json::Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(last, shown["heads"][0]);
    let ferry = again(folder);
    assert_eq!(ferry.probe("/readyz").await, (200, "ready\n".into()));
    top_up(&ferry, "1");
    for file in ["kept", "ferry.db.heads"] {
        let verdict = ferry.json(&["verify", "--heads", file]);
        assert_eq!(verdict["clean"], true, "{verdict}");
        let offline = ["verify", "--database", "ferry.db", "--heads", file];
        assert_eq!(ferry.json(&offline)["clean"], true);
    }
}

#[tokio::test]
async fn a_database_that_was_rolled_back_is_found_out_until_the_loss_is_accepted() {
    let ferry = Ferry::start();
    let key = ferry.tenant_with("acme", "5");
    let folder = stopped(ferry);
    let older = tempfile::tempdir().expect("a folder");
    copy_database(folder.path(), older.path());
    let ferry = again(folder);
    top_up(&ferry, "1");
    let folder = stopped(ferry);
    copy_database(older.path(), folder.path());
    let ferry = again(folder);
    let told = "tenant 'acme': entry 4 was acknowledged, and the journal ends at 3";
    refuses(&ferry, &key, told).await;
    let running = ferry.run(&["accept-loss", "--yes"]);
    assert_eq!(running.status.code(), Some(1));
    assert!(
        running.err.contains("another server has the database open"),
        "{}",
        running.err
    );

    let folder = stopped(ferry);
    let asked = run(folder.path(), &["accept-loss"]);
    assert!(asked.err.contains("repeat it with --yes"), "{}", asked.err);
    let accepted = run(folder.path(), &["accept-loss", "--yes"]);
    assert!(accepted.status.success(), "{}", accepted.err);
    assert!(accepted.err.contains(told), "{}", accepted.err);
    assert_eq!(
        accepted.out,
        "epoch 2 begins; 1 exported heads are given up\n"
    );
    let ferry = again(folder);
    assert_eq!(ferry.probe("/readyz").await, (200, "ready\n".into()));
    top_up(&ferry, "2");
    assert_eq!(ferry.json(&["heads"])["epoch"], 2);
    assert_eq!(ferry.json(&["verify"])["clean"], true);
    let folder = stopped(ferry);
    let ferry = again(folder);
    assert_eq!(ferry.probe("/readyz").await.0, 200);
    let aside = ferry.path("ferry.db.heads.before-epoch-2.1");
    let lost = ferry.run(&["verify", "--heads", &aside]);
    assert_eq!(lost.status.code(), Some(1));
    // Epoch 2 has an entry 4 of its own.
    assert!(lost.out.contains("entry 4 is another one"), "{}", lost.out);
}

#[tokio::test]
async fn a_fork_is_found_out() {
    let ferry = Ferry::start();
    let key = ferry.tenant_with("acme", "5");
    let folder = stopped(ferry);
    let fork = tempfile::tempdir().expect("a folder");
    for name in ["ferry.db", "ferry.db.peppers", "ferry.db.signing-key"] {
        fs::copy(folder.path().join(name), fork.path().join(name)).expect("copy");
    }
    let ferry = again(folder);
    top_up(&ferry, "1");
    let folder = stopped(ferry);
    let ferry = again(fork);
    top_up(&ferry, "1000");
    top_up(&ferry, "1000");
    let fork = stopped(ferry);
    copy_database(fork.path(), folder.path());
    let ferry = again(folder);
    refuses(
        &ferry,
        &key,
        "tenant 'acme': entry 4 is another one than was acknowledged",
    )
    .await;
}

#[tokio::test]
async fn a_database_that_is_gone_is_found_out() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    let folder = stopped(ferry);
    fs::remove_file(folder.path().join("ferry.db")).expect("remove");
    let ferry = again(folder);
    let (status, text) = ferry.probe("/readyz").await;
    assert_eq!(status, 503);
    assert!(
        text.contains("was acknowledged, and the journal ends at 0"),
        "{text}"
    );
    assert_eq!(
        ferry.run(&["tenant", "create", "acme"]).status.code(),
        Some(1)
    );
}

#[tokio::test]
async fn an_export_that_was_tampered_with_is_found_out() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    let mut folder = stopped(ferry);
    let path = |folder: &TempDir| folder.path().join("ferry.db.heads");
    let good = fs::read_to_string(path(&folder)).expect("an export");
    let tampered = [
        (
            good.replace("\"seq\":3", "\"seq\":2"),
            "entry 2 of 'acme': the head is not signed",
        ),
        (
            good.replace("\"epoch\":1", "\"epoch\":2"),
            "the head is not signed",
        ),
        (
            "{}\n".to_owned() + &good,
            "ferry.db.heads:1: not a signed head",
        ),
    ];
    for (text, told) in tampered {
        fs::write(path(&folder), text).expect("write");
        let ferry = again(folder);
        let (status, text) = ferry.probe("/readyz").await;
        assert_eq!(status, 503);
        assert!(text.contains(told), "{text}");
        folder = stopped(ferry);
    }
    // What a crash leaves of a line was never on the disk as a whole.
    fs::write(path(&folder), format!("{good}{{\"epoch\":1,\"ten")).expect("write");
    let ferry = again(folder);
    assert_eq!(ferry.probe("/readyz").await.0, 200);
}

#[test]
fn a_part_is_verified_and_says_what_is_trusted() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    ferry.tenant_with("other", "5");
    top_up(&ferry, "1");
    let trusted = "clean: 2 journal entries; entries before 3 of 'acme' are trusted, and no balance was derived: \
                   only the chain from there to 4\n";
    let since = ["verify", "--tenant", "acme", "--since", "3"];
    assert_eq!(ferry.run(&since).out, trusted);
    let file = ["--database", "ferry.db"];
    let ran = ferry.run(&[&since[..], &file].concat());
    assert_eq!((ran.out.as_str(), ran.err.as_str()), (trusted, ""));
    let whole = ferry.json(&["verify", "--tenant", "acme"]);
    assert_eq!(whole["entries"], 4, "{whole}");
    let of_date = ferry.json(&["verify", "--tenant", "acme", "--since", "2020-01-31"]);
    assert_eq!(of_date["entries"], 4, "{of_date}");
    for (arguments, told) in [
        (&["--tenant", "nobody"][..], "there is no tenant 'nobody'"),
        (
            &["--tenant", "acme", "--since", "then"],
            "neither the number of an entry",
        ),
        (&["--since", "3"], "--tenant"),
    ] {
        let ran = ferry.run(&[&["verify"], arguments].concat());
        assert!(
            !ran.status.success() && ran.err.contains(told),
            "{told}: {}",
            ran.err
        );
    }
    let folder = stopped(ferry);
    let database = rusqlite::Connection::open(folder.path().join("ferry.db")).expect("open");
    let change = "UPDATE journal SET time = time + 1 WHERE tenant = 'acme' AND seq = 3";
    database.execute_batch(change).expect("change");
    drop(database);
    let ran = run(folder.path(), &[&since[..], &file].concat());
    assert_eq!(ran.status.code(), Some(1));
    assert!(
        ran.out.starts_with("NOT clean: tenant 'acme', entry 3: "),
        "{}",
        ran.out
    );
    // The entry after it is trusted to follow, and does.
    let later = [
        "verify",
        "--tenant",
        "acme",
        "--since",
        "4",
        "--database",
        "ferry.db",
    ];
    assert!(run(folder.path(), &later).status.success());
}

#[test]
fn a_month_is_sealed_by_command() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    assert_eq!(ferry.run(&["seal", "--list"]).out, "no sealed months\n");
    let early = ferry.run(&["seal", "9999-12"]);
    assert_eq!(early.status.code(), Some(1));
    assert!(
        early.err.contains("9999-12 is not over yet in UTC"),
        "{}",
        early.err
    );
    assert_eq!(ferry.run(&["seal", "2026-13"]).status.code(), Some(2));
    assert_eq!(ferry.run(&["seal"]).status.code(), Some(2));
    let sealed = ferry.json(&["seal", "2020-02"]);
    assert_eq!(sealed["books"], 0, "{sealed}");
    assert_eq!(ferry.json(&["seal", "2020-02"]), sealed);
    assert_eq!(ferry.json(&["seal", "--list"])["seals"][0], sealed);
    assert!(ferry.run(&["seal", "2020-02"]).out.contains("signed by"));
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}

#[test]
fn a_month_is_sealed_without_frozen_books_by_command() {
    let ferry = Ferry::start();
    for tenant in ["acme", "second", "third"] {
        ferry.json(&["tenant", "create", tenant]);
    }
    let by_hand = |sql: &str| {
        let database = rusqlite::Connection::open(ferry.path("ferry.db")).expect("open");
        database.busy_timeout(PATIENCE).expect("wait");
        database.execute_batch(sql).expect("write");
    };
    // Two books that began long ago, and are frozen.
    by_hand("UPDATE tenants SET frozen = 'a test' WHERE tenant <> 'acme'");
    by_hand("UPDATE journal SET time = time - 900000000000 WHERE tenant <> 'acme'");
    let held_up = ferry.run(&["seal", "2020-02"]);
    assert_eq!(held_up.status.code(), Some(1));
    for said in [
        "2020-02 is not sealed: the books of 'second', 'third' are frozen",
        "`ferry seal 2020-02 --without second --without third`",
    ] {
        assert!(held_up.err.contains(said), "{said}: {}", held_up.err);
    }
    let unfrozen = [
        "seal",
        "2020-02",
        "--without",
        "second",
        "--without",
        "acme",
    ];
    let unfrozen = ferry.run(&unfrozen).err;
    assert!(unfrozen.contains("'acme' is not frozen"), "{unfrozen}");
    let both = [
        "seal",
        "2020-02",
        "--without",
        "second",
        "--without",
        "third",
    ];
    let sealed = ferry.json(&both);
    let left_out = serde_json::json!(["second", "third"]);
    assert_eq!(
        (&sealed["books"], &sealed["without"]),
        (&0.into(), &left_out)
    );
    let other = ferry.run(&["seal", "2020-02", "--without", "third"]).err;
    let said = "2020-02 is sealed already, without 'second', 'third', and a seal is for good";
    assert!(other.contains(said), "{other}");
    by_hand("UPDATE journal SET time = time + 900000000000 WHERE tenant <> 'acme'");
    for shown in [&["seal", "2020-02"][..], &["seal", "--list"], &["verify"]] {
        let ran = ferry.run(shown);
        assert!(ran.status.success(), "{}", ran.err);
        assert!(ran.out.contains("second, third"), "{shown:?}: {}", ran.out);
    }
    let verdict = ferry.json(&["verify"]);
    let without = serde_json::json!([{"month": "2020-02", "books": left_out}]);
    assert_eq!(
        (&verdict["clean"], &verdict["without"]),
        (&true.into(), &without)
    );
}

#[test]
fn receipts_are_checked_against_the_journal() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    let public_key = ferry.json(&["heads"])["public_key"].clone();
    let public_key = public_key.as_str().expect("a key");
    let receipt = ferry.run(&["topup", "acme", "7", "--json"]).out;
    top_up(&ferry, "1");
    let check = |text: &str, more: &[&str]| {
        fs::write(ferry.path("receipts"), text).expect("write");
        ferry.run(&[&["verify", "--receipts", "receipts"], more].concat())
    };
    let good = check(&receipt, &["--public-key", public_key]);
    assert_eq!(good.out, "clean: 1 heads hold\n", "{}", good.err);
    let changed = check(
        &receipt.replace("\"seq\":4,\"time", "\"seq\":5,\"time"),
        &[],
    );
    assert_eq!(changed.status.code(), Some(1));
    assert!(
        changed
            .out
            .contains("NOT clean: entry 5 of 'acme': the head is not signed"),
        "{}",
        changed.out
    );
    let stranger = check(&receipt, &["--public-key", &"ab".repeat(32)]);
    assert!(
        stranger.out.contains("not signed by this database's key"),
        "{}",
        stranger.out
    );
    let nonsense = check("receipt\n", &[]);
    assert!(
        nonsense.err.contains("receipts:1: not a signed head"),
        "{}",
        nonsense.err
    );
}
