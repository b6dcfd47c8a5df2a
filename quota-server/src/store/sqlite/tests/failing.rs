//! A disk that fails to be flushed, wherever the store flushes: it says that nobody knows what is durable, and goes on nowhere.

use super::*;
use crate::store::OpenError;
use ferry_examples::failing_disk::{FailingDisk, fail};
use std::path::Path;
use std::process::Command;

/// What the process of a case is told.
const CASE: &str = "FERRY_TEST_FAILING_FLUSH";
/// What it says in the end: a test that does nothing succeeds too.
const SHOWN: &str = "it was shown";

/// Its name, and what shows it in a folder.
type Case = (&'static str, fn(&Path));

/// Each is a process of its own, which sees the failing disk.
const CASES: [Case; 7] = [
    ("commit", at_a_commit),
    ("apart", when_the_log_is_flushed_apart),
    ("step", in_a_step_before_the_commit),
    ("checkpoint", when_the_log_is_carried_over),
    ("log", when_the_log_is_flushed_to_be_carried_over),
    ("carrier", beside_the_writer),
    ("folder", when_the_log_is_made),
];

#[test]
fn wherever_the_disk_fails_to_be_flushed_it_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    for (case, _) in CASES {
        let place = folder.path().join(case);
        std::fs::create_dir(&place).unwrap();
        let disk = FailingDisk::make(&place).unwrap();
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args([
            "--exact",
            "--nocapture",
            "store::sqlite::tests::failing::victim",
        ]);
        process.env(CASE, case);
        disk.show_to(&mut process);
        let ended = process.output().unwrap();
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(
            ended.status.success() && said.contains(SHOWN),
            "{case}: {said}{}",
            String::from_utf8_lossy(&ended.stderr)
        );
    }
}

/// Not a test of its own: without a case it does nothing.
#[test]
fn victim() {
    let Ok(asked) = std::env::var(CASE) else {
        return;
    };
    let (_, show) = CASES.iter().find(|(case, _)| *case == asked).unwrap();
    let folder = tempfile::Builder::new().suffix("-place").tempdir().unwrap();
    show(folder.path());
    println!("{SHOWN}");
}

fn store(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("ferry.db")).unwrap()
}

/// Keeps a text of a mebibyte.
fn keep(store: &mut SqliteStore, name: usize) -> Result<(), StoreError> {
    let text = "x".repeat(1 << 20);
    let kept = store.keep_price_table(&name.to_string(), [1; 32], &text, UnixMs(1))?;
    assert_eq!(kept, Ok(()));
    Ok(())
}

#[track_caller]
fn is_uncertain(done: Result<(), CommitError>) {
    assert!(
        matches!(done, Err(CommitError::Uncertain(StoreError::Disk { .. }))),
        "{done:?}"
    );
}

fn at_a_commit(folder: &Path) {
    let mut store = store(folder);
    store.begin().unwrap();
    keep(&mut store, 0).unwrap();
    fail("-wal").unwrap();
    is_uncertain(store.commit());
}

/// The kernel tells one of those who flush, and once. Nobody after that is told that all is well, nor does the writer go on.
fn when_the_log_is_flushed_apart(folder: &Path) {
    let mut store = store(folder);
    let flusher = store.flush_apart().unwrap().unwrap();
    store.begin().unwrap();
    keep(&mut store, 0).unwrap();
    store.commit().unwrap();
    flusher.flush().unwrap();
    store.begin().unwrap();
    keep(&mut store, 1).unwrap();
    fail("-wal").unwrap();
    store.commit().unwrap();
    store.maintain(Idle::No).unwrap();
    is_uncertain(flusher.flush());
    fail("no file of this name").unwrap();
    is_uncertain(flusher.flush());
    is_uncertain(store.maintain(Idle::No));
}

/// A transaction that does not fit into memory is written before it is committed, and a log that is begun anew is flushed then.
fn in_a_step_before_the_commit(folder: &Path) {
    let mut store = store(folder);
    let anew = "PRAGMA wal_checkpoint(TRUNCATE)";
    store.connection.query_row(anew, (), |_| Ok(())).unwrap();
    fail("-wal").unwrap();
    store.begin().unwrap();
    let failed = (0..200).find_map(|name| keep(&mut store, name).err());
    assert!(
        matches!(failed, Some(StoreError::Disk { .. })),
        "{failed:?}"
    );
}

fn when_the_log_is_carried_over(folder: &Path) {
    let mut store = store(folder);
    write_pages(&mut store, usize::try_from(LOG_PAGES_IDLE).unwrap());
    fail("ferry.db").unwrap();
    is_uncertain(store.maintain(Idle::Yes));
}

fn when_the_log_is_flushed_to_be_carried_over(folder: &Path) {
    let mut store = store(folder);
    write_pages(&mut store, usize::try_from(LOG_PAGES_IDLE).unwrap());
    fail("-wal").unwrap();
    is_uncertain(store.maintain(Idle::Yes));
}

fn beside_the_writer(folder: &Path) {
    let mut store = store(folder);
    write_pages(&mut store, usize::try_from(LOG_PAGES_MAX).unwrap());
    fail("ferry.db").unwrap();
    store.maintain(Idle::No).unwrap();
    let begun = std::time::Instant::now();
    let told = loop {
        // What the writer flushes meanwhile is another file.
        write_pages(&mut store, 1);
        if let Err(error) = store.maintain(Idle::No) {
            break error;
        }
        assert!(begun.elapsed().as_secs() < 60, "nobody is told");
    };
    is_uncertain(Err(told));
}

/// Without its name the log would be lost with all that is in it; SQLite does not look whether the folder was flushed.
fn when_the_log_is_made(folder: &Path) {
    drop(store(folder));
    fail("-place").unwrap();
    let refused = SqliteStore::open(&folder.join("ferry.db")).map(|_| ());
    assert!(
        matches!(&refused, Err(OpenError::File { action, .. }) if *action == "flush the folder of"),
        "{refused:?}"
    );
}
