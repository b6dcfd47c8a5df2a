//! What is remembered, and for how long; who may open a database.

use super::fixture::{Fixture, START_MS};
use crate::engine::{Engine, EngineConfig, StartError};
use crate::store::OpenError;
use ferry_ledger::{Refusal, ReserveAnswer};
use ferry_types::ReservationId;
use std::os::unix::fs::PermissionsExt as _;

async fn refuse(fixture: &Fixture, id: ReservationId) -> ReserveAnswer {
    let mut call = fixture.reserve_call(id);
    call.offers = None;
    fixture.engine.reserve(call).await.unwrap().answer
}

#[tokio::test]
async fn a_refusal_stands_for_its_window_and_is_forgotten_after_it() {
    let mut fixture = Fixture::with_holds(2).await;
    let id = fixture.draw();
    let refused = refuse(&fixture, id).await;
    assert!(matches!(
        &refused,
        ReserveAnswer::Refused(Refusal::ModelNotFound { .. })
    ));
    fixture.restart().await;
    // With an offer now: the same request gets the same refusal all the same.
    assert_eq!(fixture.reserve(id).await, refused);
    fixture.clock.pass(fixture.lease.remembered_ms());
    fixture.engine.expire_due().await.unwrap();
    assert_eq!(
        fixture.reserve(id).await,
        refused,
        "remembered to the last moment"
    );
    fixture.clock.pass(1);
    fixture.engine.expire_due().await.unwrap();
    // Forgotten: the id is judged anew, and is far too old by now.
    let skewed = ReserveAnswer::Refused(Refusal::ClockSkew);
    assert_eq!(fixture.reserve(id).await, skewed);
    assert_eq!(id.unix_ms(), START_MS);
}

#[tokio::test]
async fn a_database_has_one_server_and_is_nobody_elses_business() {
    let fixture = Fixture::with_holds(2).await;
    let second = Engine::start(EngineConfig::new(fixture.database()));
    let error = second.unwrap_err();
    assert!(matches!(error, StartError::Open(OpenError::Lock(_))));
    let lock = fixture.folder.path().join("ferry.db.lock");
    let text = error.to_string();
    assert!(text.contains("another server") && text.contains(&lock.display().to_string()));
    for file in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.file_name());
    }
    fixture.close().await;
    let again = fixture.another();
    assert!(again.is_running());
}

#[tokio::test]
async fn what_this_version_cannot_write_is_refused_in_a_sentence() {
    let fixture = Fixture::with_holds(2).await;
    fixture.close().await;
    let check = |change: &str, expected: &str| {
        let connection = rusqlite::Connection::open(fixture.database()).unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        let error = Engine::start(EngineConfig::new(fixture.database())).unwrap_err();
        assert!(error.to_string().contains(expected), "{change}: {error}");
    };
    check(
        "PRAGMA user_version = 4",
        "has schema 4, and this version of ferry knows schemas up to 3: use a newer ferry",
    );
    check(
        "PRAGMA user_version = 3; PRAGMA application_id = 7",
        "is not a database of ferry",
    );
    let text = fixture.folder.path().join("text.db");
    std::fs::write(&text, "no database at all, but a text that is long enough").unwrap();
    let error = Engine::start(EngineConfig::new(text)).unwrap_err();
    assert!(
        error.to_string().contains("is not a database of ferry"),
        "{error}"
    );
    let nowhere = fixture.folder.path().join("missing/ferry.db");
    let error = Engine::start(EngineConfig::new(nowhere)).unwrap_err();
    assert!(error.to_string().contains("failed to lock"), "{error}");
}

#[tokio::test]
async fn a_database_without_its_peppers_is_not_opened() {
    let fixture = Fixture::with_holds(2).await;
    fixture.close().await;
    let peppers = fixture.folder.path().join("ferry.db.peppers");
    std::fs::remove_file(&peppers).unwrap();
    let error = Engine::start(EngineConfig::new(fixture.database())).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("is missing, and the database has keys"),
        "{error}"
    );
    assert!(!peppers.exists());
}
