//! Where answers stand, as those who ask are told it: each tells its entry and what is available, and the same again the same entry.

use crate::ferry::{EDGE_TOKEN, Ferry, MESH_TOKEN};
use crate::gateway::{self, digest, facts, id, release, renew, reserve, settle};
use ferry_api::v1::{self, Position, reserve_response, settle_result};
use ferry_types::KeyDigest;
use serde_json::Value;

/// Entries with which a tenant's book begins: its opening, its top-up, its key.
const FIRST: u64 = 3;

/// A gateway that wants to know where it stands, and the outcomes beside that.
struct Gateway(gateway::Gateway);

impl Gateway {
    async fn reserve(
        &mut self,
        request: v1::ReserveRequest,
    ) -> (reserve_response::Outcome, Option<Position>) {
        let response = self.0.reserve(request).await.expect("an answer");
        let response = response.into_inner();
        (response.outcome.expect("an outcome"), response.position)
    }

    async fn renew(&mut self, item: v1::RenewItem) -> Option<Position> {
        let items = vec![item];
        let response = self.0.renew(v1::RenewRequest { items }).await;
        let results = response.expect("an answer").into_inner().results;
        results.into_iter().next().expect("a result").position
    }

    async fn settle(&mut self, item: v1::SettleItem) -> (settle_result::Outcome, Option<Position>) {
        let items = vec![item];
        let response = self.0.settle(v1::SettleRequest { items }).await;
        let mut results = response.expect("an answer").into_inner().results;
        let result = results.pop().expect("a result");
        (result.outcome.expect("an outcome"), result.position)
    }

    async fn release(&mut self, item: v1::ReleaseItem) -> Option<Position> {
        let items = vec![item];
        let response = self.0.release(v1::ReleaseRequest { items }).await;
        let results = response.expect("an answer").into_inner().results;
        results.into_iter().next().expect("a result").position
    }
}

/// This entry, posted just now, and so much left.
fn stands(position: Option<Position>, seq: u64, available: &str) -> Position {
    let position = position.expect("a position");
    assert_eq!(
        (position.seq, position.available.as_str()),
        (seq, available)
    );
    assert_eq!(position.currency, "USD");
    assert!(position.time_unix_ms.abs_diff(gateway::now_ms()) < 60_000);
    position
}

#[tokio::test]
async fn each_answer_to_a_gateway_tells_its_entry() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut gateway = Gateway(ferry.gateway(Some(EDGE_TOKEN)).await);
    let [one, two] = [id(1), id(2)];

    let (_, told) = gateway.reserve(reserve(one, key, facts())).await;
    let held = stands(told, FIRST + 1, "4.999800000");
    let told = gateway.renew(renew(one, key)).await;
    stands(told, FIRST + 2, "4.999800000");
    let (_, again) = gateway.reserve(reserve(one, key, facts())).await;
    assert_eq!(
        again,
        Some(held),
        "what holds the money, not what renewed it"
    );

    let (outcome, told) = gateway.settle(settle(one, key)).await;
    let settled = stands(told, FIRST + 3, "4.999880000");
    let settle_result::Outcome::Settled(charged) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(charged.seq, settled.seq);
    let released = gateway.release(release(two, key)).await;
    let released = stands(released, FIRST + 4, "4.999880000");

    // Again, and something else of what has ended.
    assert_eq!(
        gateway.settle(settle(one, key)).await.1,
        Some(settled.clone())
    );
    assert_eq!(
        gateway.release(release(two, key)).await,
        Some(released.clone())
    );
    assert_eq!(
        gateway.release(release(one, key)).await,
        Some(settled.clone()),
        "a conflict"
    );
    assert_eq!(
        gateway.renew(renew(two, key)).await,
        Some(released.clone()),
        "ended"
    );
    let (ended, told) = gateway.reserve(reserve(two, key, facts())).await;
    assert!(
        matches!(ended, reserve_response::Outcome::Ended(_)),
        "{ended:?}"
    );
    assert_eq!(told, Some(released));
    ferry.json(&["topup", "acme", "1"]);
    let (_, again) = gateway.settle(settle(one, key)).await;
    let available = "5.999880000".to_owned();
    assert_eq!(
        again,
        Some(Position {
            available,
            ..settled
        })
    );
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}

#[tokio::test]
async fn a_refusal_is_no_entry_and_what_is_not_ones_own_is_not_told() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "0.000100000"));
    let mut gateway = Gateway(ferry.gateway(Some(EDGE_TOKEN)).await);
    let [one, two] = [id(1), id(2)];
    let (outcome, told) = gateway.reserve(reserve(one, key, facts())).await;
    assert!(
        matches!(outcome, reserve_response::Outcome::Refused(_)),
        "{outcome:?}"
    );
    let refused = stands(told, FIRST, "0.000100000");
    ferry.json(&["topup", "acme", "5"]);
    let available = "5.000100000".to_owned();
    let (_, again) = gateway.reserve(reserve(one, key, facts())).await;
    assert_eq!(
        again,
        Some(Position {
            available,
            ..refused
        })
    );

    // A key that nobody made, and another gateway's reservation.
    let nobodys = KeyDigest::from_bytes(&[0; 32]).expect("32 bytes");
    let (outcome, told) = gateway.reserve(reserve(two, nobodys, facts())).await;
    assert!(
        matches!(outcome, reserve_response::Outcome::Refused(_)),
        "{outcome:?}"
    );
    assert_eq!(told, None);
    gateway.reserve(reserve(two, key, facts())).await;
    let mut mesh = Gateway(ferry.gateway(Some(MESH_TOKEN)).await);
    assert_eq!(mesh.renew(renew(two, key)).await, None);
    assert_eq!(mesh.settle(settle(two, key)).await.1, None);
    assert_eq!(mesh.release(release(two, key)).await, None);
    assert_eq!(gateway.renew(renew(id(3), key)).await, None, "no such one");
}

/// Asks what changes a book, and gives where that stands.
fn asked(ferry: &Ferry, arguments: &[&str]) -> Value {
    ferry.json(arguments)["position"].clone()
}

/// What an operator asks of a book one after the other, what is available after each, and whether it is known by an id of its own.
const ORDERS: [(&[&str], &str, bool); 7] = [
    (
        &["topup", "acme", "5", "--source", "bank", "--reference", "1"],
        "5.000000000",
        true,
    ),
    (
        &["grant", "create", "acme", "spring", "2"],
        "7.000000000",
        true,
    ),
    (
        &["transfer", "create", "acme", "other", "1", "--id", "t-1"],
        "6.000000000",
        true,
    ),
    (
        &[
            "correct",
            "refund",
            "acme",
            "0.5",
            "--top-up",
            "bank/1",
            "--id",
            "c-1",
            "--reason",
            "requested",
            "--approver",
            "anna",
        ],
        "5.500000000",
        true,
    ),
    (
        &["tenant", "overage", "acme", "credit-line", "10"],
        "15.500000000",
        false,
    ),
    (
        &["tenant", "reseller", "acme", "partner", "12.5"],
        "15.500000000",
        false,
    ),
    (&["tenant", "pause", "acme"], "15.500000000", false),
];

#[test]
fn each_answer_to_an_operator_tells_its_entry_once_and_again() {
    let ferry = Ferry::start();
    ferry.json(&["tenant", "create", "other"]);
    let opened = asked(&ferry, &["tenant", "create", "acme"]);
    assert_eq!(opened["seq"], 1);
    let created = ferry.json(&["key", "create", "acme"]);
    assert_eq!(created["position"]["seq"], 2);
    let key = created["key"]["id"].as_str().expect("an id");
    let told: Vec<Value> = (3..)
        .zip(ORDERS)
        .map(|(seq, (arguments, available, _))| {
            let position = asked(&ferry, arguments);
            assert_eq!(
                (&position["seq"], &position["available"]),
                (&seq.into(), &available.into()),
                "{arguments:?}"
            );
            assert_eq!(position["currency"], "USD");
            position
        })
        .collect();
    let stop = ["key", "pause", "acme", key];
    let end = asked(&ferry, &stop);
    assert_eq!(end["seq"], 10);
    assert_eq!(asked(&ferry, &stop), end, "it is paused already");
    // Again: what has an id is found where it was posted, a state at the journal's end; what is available is told as of now.
    for ((arguments, _, has_id), first) in ORDERS.into_iter().zip(told) {
        let expected = if has_id { &first } else { &end };
        let again = asked(&ferry, arguments);
        for part in ["seq", "time"] {
            assert_eq!(again[part], expected[part], "{arguments:?}");
        }
        assert_eq!(again["available"], "15.500000000", "{arguments:?}");
    }
    let shown = ferry.run(ORDERS[0].0).out;
    assert!(shown.contains("entry      3\n"), "{shown}");
    let shown = ferry.run(&["tenant", "resume", "acme"]).out;
    assert!(shown.contains("\nJournal entry 11, 20"), "{shown}");
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}

#[test]
fn an_answer_of_the_houses_book_tells_its_entry_and_nothing_available() {
    let ferry = Ferry::start();
    let pay = |id| {
        let arguments = [
            "house",
            "pay",
            "simulator",
            "1",
            "--approver",
            "anna",
            "--id",
        ];
        ferry.json(&[&arguments[..], &[id]].concat())
    };
    let first = pay("h-1");
    assert_eq!(first["position"]["seq"], 1);
    assert_eq!(first["position"]["time"], first["posted_at"]);
    assert!(first["position"]["available"].is_null(), "{first}");
    assert_eq!(pay("h-2")["position"]["seq"], 2);
    assert_eq!(pay("h-1")["position"], first["position"], "the same again");
}
