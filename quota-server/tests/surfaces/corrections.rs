//! Corrections, as an operator meets them.

use crate::ferry::{EDGE_TOKEN, Ferry};
use crate::gateway::{digest, id, settle};
use ferry_api::v1;

const WHY: [&str; 4] = ["--reason", "requested", "--approver", "anna"];

fn with<'a>(arguments: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [arguments, rest].concat()
}

#[test]
fn a_top_up_is_paid_back_once_and_listed() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    let topped_up = ferry.json(&[
        "topup",
        "acme",
        "3",
        "--source",
        "stripe",
        "--reference",
        "pi_1",
    ]);
    assert_eq!(topped_up["position"]["available"], "8.000000000");
    let refund = with(
        &[
            "correct",
            "refund",
            "acme",
            "2",
            "--top-up",
            "stripe/pi_1",
            "--id",
            "r-1",
        ],
        &WHY,
    );
    let posted = ferry.json(&refund);
    assert_eq!(posted["posted_now"], true);
    assert_eq!(posted["corrects"], "stripe/pi_1");
    assert_eq!(posted["position"]["available"], "6.000000000");
    assert_eq!(
        ferry.json(&refund)["posted_now"],
        false,
        "the same id counts once"
    );
    let chargeback = with(
        &[
            "correct",
            "chargeback",
            "acme",
            "1.5",
            "--top-up",
            "stripe/pi_1",
        ],
        &WHY,
    );
    let beyond = ferry.run(&chargeback);
    assert!(
        !beyond.status.success() && beyond.err.contains("at most 1.000000000 USD"),
        "{}",
        beyond.err
    );
    let shown = ferry.run(&["correct", "list", "acme"]).out;
    assert!(
        shown.contains("r-1") && shown.contains("requested") && shown.contains("anna"),
        "{shown}"
    );
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}

#[test]
fn what_was_paid_for_a_grant_is_taken_back() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    ferry.json(&["grant", "create", "acme", "card", "9"]);
    let given = ["--kind", "promotional"];
    ferry.json(&with(&["grant", "create", "acme", "gift", "9"], &given));
    let refund = ["correct", "refund", "acme", "2", "--grant", "card"];
    let posted = ferry.json(&with(&refund, &WHY));
    assert_eq!(posted["remedy"], "grant_refund");
    assert_eq!(posted["corrects"], "card");
    let chargeback = ["correct", "chargeback", "acme", "7", "--grant", "card"];
    let posted = ferry.json(&with(&chargeback, &WHY));
    assert_eq!(posted["remedy"], "grant_chargeback");
    assert_eq!(posted["position"]["available"], "14.000000000");
    let grants = ferry.json(&["grant", "list", "acme"]);
    assert_eq!(grants["grants"][0]["taken_back"], "9.000000000");
    for (grant, told) in [
        ("card", "at most 0.000000000 USD"),
        ("gift", "nobody paid for this grant"),
        ("none", "there is no such grant"),
    ] {
        let chargeback = ["correct", "chargeback", "acme", "1", "--grant", grant];
        let refused = ferry.run(&with(&chargeback, &WHY));
        assert_eq!(refused.status.code(), Some(1));
        assert!(refused.err.contains(told), "{}", refused.err);
    }
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}

#[tokio::test]
async fn debt_is_written_off_as_of_an_entry_and_sent_again_means_the_same() {
    let ferry = Ferry::start();
    ferry.json(&["tenant", "create", "acme"]);
    ferry.json(&[
        "topup",
        "acme",
        "3",
        "--source",
        "stripe",
        "--reference",
        "pi_1",
    ]);
    let created = ferry.json(&["key", "create", "acme"]);
    let key = digest(created["api_key"].as_str().expect("a key"));
    // Nothing is owed: there is nothing to write off.
    let write_off = with(
        &["correct", "write-off", "acme", "0.00012", "--id", "w-1"],
        &WHY,
    );
    assert!(
        ferry
            .run(&write_off)
            .err
            .contains("at most 0.000000000 USD")
    );
    // A request costs 0.00012, and then the bank takes everything back.
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let items = vec![settle(id(1), key)];
    let request = v1::SettleRequest { items };
    gateway.settle(request).await.expect("an answer");
    let back = [
        "correct",
        "chargeback",
        "acme",
        "3",
        "--top-up",
        "stripe/pi_1",
    ];
    assert_eq!(
        ferry.json(&with(&back, &WHY))["position"]["available"],
        "-0.000120000"
    );
    let posted = ferry.json(&write_off);
    assert_eq!(
        (&posted["posted_now"], &posted["position"]["available"]),
        (&true.into(), &"0.000000000".into())
    );
    ferry.json(&["topup", "acme", "1"]);
    let again = ferry.json(&write_off);
    assert_eq!(again["posted_now"], false);
    assert_eq!(
        again["corrects"], posted["corrects"],
        "the entry that it meant"
    );
    assert_eq!(ferry.json(&["balance", "acme"])["posted"], "1.000000000");
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}

#[test]
fn what_cannot_be_put_right_is_told() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    let request = "0190a5e2-0000-7000-8000-000000000000";
    for (arguments, said) in [
        (
            &["correct", "refund", "acme", "1", "--request", request][..],
            "there is no such request",
        ),
        (
            &[
                "correct",
                "refund",
                "acme",
                "1",
                "--top-up",
                "stripe/nothing",
            ],
            "there is no top-up",
        ),
        (&["correct", "refund", "acme", "1"], "--request"),
        (
            &["correct", "refund", "acme", "1", "--top-up", "nothing"],
            "SOURCE/REFERENCE",
        ),
        (
            &["correct", "write-off", "acme", "1", "--entry", "99"],
            "no such entry",
        ),
        (
            &["correct", "accept", "acme", "--request", request],
            "waits for a person",
        ),
        (
            &["correct", "charge", "acme", "0", "--request", request],
            "amount",
        ),
        (
            &["correct", "charge", "acme", "-1", "--request", request],
            "-1",
        ),
        (
            &["correct", "waive", "nobody", "1", "--request", request],
            "nobody",
        ),
    ] {
        let ran = ferry.run(&with(arguments, &WHY));
        assert!(
            !ran.status.success() && ran.err.contains(said),
            "{arguments:?}: {}",
            ran.err
        );
    }
    let nobody = [
        "correct",
        "accept",
        "acme",
        "--request",
        request,
        "--reason",
        "other",
        "--approver",
        " ",
    ];
    assert!(ferry.run(&nobody).err.contains("who approved it?"));
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}

/// PostgreSQL takes no U+0000, and would undo the batch that it came in with.
#[test]
fn a_reference_that_no_payment_has_is_refused_before_it_is_asked() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    let long = format!("stripe/{}", "x".repeat(201));
    for (top_up, told) in [
        (
            "stripe/pi\u{1}",
            "external_reference: has a control character",
        ),
        (long.as_str(), "external_reference: longer than 200 bytes"),
        ("\u{1}/pi_1", "source: has a control character"),
    ] {
        let chargeback = ["correct", "chargeback", "acme", "1", "--top-up", top_up];
        let refused = ferry.run(&with(&chargeback, &WHY));
        assert_eq!(refused.status.code(), Some(1));
        assert!(refused.err.contains(told), "{}", refused.err);
    }
}
