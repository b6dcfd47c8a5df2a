//! A loss is accepted on either store in the same way: an epoch begins, signed, with the heads that stand.

use super::fixture::{Fixture, START_MS, amount, on_both, tenant};
use crate::heads::accept::{AcceptError, Accepted, accept_loss};
use crate::heads::{Difference, Epochs, SigningKey};
use ferry_ledger::{Head, TopUp, UnixMs};
use std::path::PathBuf;

on_both! {
    a_new_epoch_begins_with_what_is_there,
    a_database_that_is_served_keeps_its_epoch,
}

fn export(fixture: &Fixture) -> PathBuf {
    fixture.folder.path().join("exported")
}

/// Aside, as the command does it: what asks PostgreSQL waits.
async fn accept(fixture: &Fixture) -> Result<Accepted, AcceptError> {
    let (place, secrets) = (fixture.place(), fixture.database());
    let export = export(fixture);
    let accepting = move || accept_loss(&place, &secrets, &export, UnixMs(START_MS));
    tokio::task::spawn_blocking(accepting).await.unwrap()
}

async fn epochs(fixture: &Fixture) -> Epochs {
    let place = fixture.place();
    let read = move || place.reader().unwrap().epochs().unwrap();
    tokio::task::spawn_blocking(read).await.unwrap()
}

/// Tops up, and exports that head and one that the database will not have.
async fn exported(fixture: &Fixture) -> Head {
    let top_up = TopUp {
        amount: amount(7),
        source: "bank".into(),
        external_reference: "last".into(),
        note: String::new(),
    };
    let answered = fixture.engine.top_up(tenant(), top_up).await.unwrap();
    let head = answered.book.unwrap().head;
    let beyond = Head {
        seq: head.seq + 1,
        hash: [7; 32],
        ..head
    };
    let signer = fixture.engine.signer();
    let lines = [head, beyond].map(|head| {
        let line = signer.sign(&tenant(), head).line();
        serde_json::to_string(&line).unwrap() + "\n"
    });
    std::fs::write(export(fixture), lines.concat()).unwrap();
    head
}

async fn a_new_epoch_begins_with_what_is_there() {
    let mut fixture = Fixture::with_holds(1).await;
    let head = exported(&fixture).await;
    let exported = std::fs::read(export(&fixture)).unwrap();
    fixture.close().await;
    let Accepted { epoch, lost, aside } = accept(&fixture).await.unwrap();
    assert_eq!(epoch, 2);
    let behind = Difference::Behind {
        tenant: tenant(),
        expected: head.seq + 1,
        found: head.seq,
    };
    assert_eq!(lost, [behind]);
    assert_eq!(std::fs::read(aside.unwrap()).unwrap(), exported);
    assert!(!export(&fixture).exists());

    let Epochs(begun) = epochs(&fixture).await;
    assert_eq!(begun.len(), 1);
    assert_eq!(begun[0].time, UnixMs(START_MS));
    let stood = [(tenant(), (head.seq, head.hash))];
    assert_eq!(begun[0].heads, stood.into());
    let key = SigningKey::open(&fixture.database(), None).unwrap();
    assert!(begun[0].is_signed_by(&key.public()));

    // Nothing is exported any more: nothing is lost, and the next one begins all the same.
    let Accepted { epoch, lost, aside } = accept(&fixture).await.unwrap();
    assert_eq!((epoch, lost.len(), aside), (3, 0, None));
    fixture.restart().await;
    assert_eq!(fixture.engine.signer().epoch(), 3);
    fixture.assert_clean().await;
}

async fn a_database_that_is_served_keeps_its_epoch() {
    let fixture = Fixture::with_holds(1).await;
    exported(&fixture).await;
    let refused = accept(&fixture).await.unwrap_err().to_string();
    let told = "another server has the database open";
    assert!(refused.contains(told), "{refused}");
    assert_eq!(epochs(&fixture).await, Epochs(Vec::new()));
    assert!(export(&fixture).exists());
    fixture.assert_clean().await;
}
