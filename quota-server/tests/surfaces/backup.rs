//! Backups of a running server, and what is put back.

use crate::ferry::{EDGE_TOKEN, Ferry, run};
use crate::gateway::{digest, facts, granted, id, reserve, settle};
use crate::heads::{again, stopped};
use ferry_api::v1;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const FILES: [&str; 4] = [
    "ferry.db",
    "ferry.db.peppers",
    "ferry.db.signing-key",
    "manifest.json",
];

/// Reservations that are made and settled while a backup is taken.
const LOAD: u8 = 60;

#[tokio::test]
async fn a_backup_under_load_is_whole_and_private_and_never_written_over() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let folder = ferry.folder.path().to_owned();
    let backup = tokio::task::spawn_blocking(move || run(&folder, &["backup", "--to", "kept"]));
    for n in 0..LOAD {
        let request = id(n);
        granted(&mut gateway, reserve(request, key, facts())).await;
        let items = vec![settle(request, key)];
        gateway
            .settle(v1::SettleRequest { items })
            .await
            .expect("settled");
    }
    let made = backup.await.expect("a backup");
    assert!(made.status.success(), "{}", made.err);
    assert!(made.out.starts_with("kept: 1 books, "), "{}", made.out);
    for name in FILES {
        let about = fs::metadata(ferry.path("kept/") + name).expect(name);
        assert_eq!(about.permissions().mode() & 0o777, 0o600, "{name}");
    }
    let mut names: Vec<_> = fs::read_dir(ferry.path("kept"))
        .expect("a folder")
        .collect();
    names.sort_by_key(|entry| entry.as_ref().map(fs::DirEntry::file_name).ok());
    assert_eq!(names.len(), FILES.len(), "{names:?}");
    assert_eq!(
        ferry.json(&["verify", "--database", "kept/ferry.db"])["clean"],
        true
    );
    let again = ferry.run(&["backup", "--to", "kept"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(again.err.contains("kept is in the way"), "{}", again.err);
}

#[tokio::test]
async fn a_restore_begins_an_epoch_and_what_came_after_the_backup_is_told_as_lost() {
    let ferry = Ferry::start();
    let key = ferry.tenant_with("acme", "5");
    ferry.json(&["backup", "--to", "kept"]);
    ferry.json(&["topup", "acme", "1"]);
    ferry.json(&["tenant", "create", "later"]);
    let running = ferry.run(&["restore", "--from", "kept"]);
    assert!(
        running.err.contains("ferry.db is in the way"),
        "{}",
        running.err
    );
    let folder = stopped(ferry);
    fs::rename(
        folder.path().join("ferry.db"),
        folder.path().join("broken.db"),
    )
    .expect("rename");
    let restored = run(folder.path(), &["restore", "--from", "kept"]);
    assert!(restored.status.success(), "{}", restored.err);
    assert!(restored.out.contains("epoch 2 begins"), "{}", restored.out);
    let ferry = again(folder);
    // The key that was made before the backup still works: its pepper came back too.
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    granted(&mut gateway, reserve(id(1), digest(&key), facts())).await;
    assert_eq!(ferry.probe("/readyz").await, (200, "ready\n".into()));
    assert_eq!(ferry.json(&["heads"])["epoch"], 2);
    let folder = stopped(ferry);

    // A second restore of the same backup begins an epoch of its own, and loses the first one's work.
    fs::remove_file(folder.path().join("ferry.db")).expect("remove");
    let restored = run(folder.path(), &["restore", "--from", "kept", "--json"]);
    let restored: serde_json::Value = serde_json::from_str(&restored.out).expect("JSON");
    assert_eq!(restored["epoch"], 3);
    let ferry = again(folder);
    assert_eq!(ferry.probe("/readyz").await.0, 200);
    assert_eq!(ferry.json(&["balance", "acme"])["open_reservations"], 0);
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}

#[test]
fn losses_are_told_once_and_loudly() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    ferry.json(&["backup", "--to", "kept"]);
    ferry.json(&["topup", "acme", "1"]);
    let folder = stopped(ferry);
    fs::remove_file(folder.path().join("ferry.db")).expect("remove");
    assert!(
        run(folder.path(), &["restore", "--from", "kept"])
            .status
            .success()
    );
    let told = |text: &str| text.contains("LOST: acknowledged before the restore");
    let ferry = again(folder);
    assert!(told(&ferry.said), "{}", ferry.said);
    let entry = "tenant 'acme': entry 4 was acknowledged, and the journal ends at 3";
    assert!(ferry.said.contains(entry), "{}", ferry.said);
    let ferry = again(stopped(ferry));
    assert!(!told(&ferry.said), "{}", ferry.said);
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("read");
    change(&mut bytes);
    fs::write(path, bytes).expect("write");
}

#[test]
fn a_damaged_backup_is_refused_and_leaves_nothing() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    ferry.json(&["backup", "--to", "kept"]);
    let folder = stopped(ferry);
    let kept = folder.path().join("kept");
    let database = folder.path().join("restored.db");
    let restored = |told: &str| {
        let ran = run(
            folder.path(),
            &["restore", "--from", "kept", "--database", "restored.db"],
        );
        if told.is_empty() {
            assert!(ran.status.success(), "{}", ran.err);
            return;
        }
        assert_eq!(ran.status.code(), Some(1));
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
        assert!(!database.exists() && !folder.path().join("restored.db.restoring").exists());
    };
    let path = kept.join("ferry.db");
    let middle = fs::read(&path).expect("read").len() / 2;
    change(&path, |bytes| bytes[middle] ^= 1);
    restored("ferry.db is damaged: its content");
    change(&path, |bytes| bytes[middle] ^= 1);
    change(&path, |bytes| bytes.push(0));
    restored("ferry.db is damaged: its size");
    change(&path, |bytes| bytes.truncate(bytes.len() - 1));
    let pepper = kept.join("ferry.db.peppers");
    change(&pepper, |bytes| bytes[0] = b' ');
    restored("ferry.db.peppers is damaged");
    change(&pepper, |bytes| bytes[0] = b'#');
    let manifest = kept.join("manifest.json");
    let good = fs::read_to_string(&manifest).expect("read");
    fs::write(&manifest, good.replace("\"format\": 1", "\"format\": 2")).expect("write");
    restored("the backup is of format 2");
    fs::write(&manifest, good.replace("\"seq\": 3", "\"seq\": 2")).expect("write");
    restored("the copy is not the one of the manifest");
    fs::write(&manifest, good).expect("write");
    let secret = folder.path().join("restored.db.peppers");
    fs::write(&secret, "1 ab\n").expect("write");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("private");
    restored("restored.db.peppers is not the one of the backup");
    fs::remove_file(&secret).expect("remove");
    restored("");
    assert_eq!(
        run(folder.path(), &["verify", "--database", "restored.db"]).out,
        "clean: 1 books, 3 journal entries\n"
    );
}
