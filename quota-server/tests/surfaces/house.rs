//! The house's own book, as an operator meets it.

use crate::ferry::{EDGE_TOKEN, Ferry};
use crate::gateway::{digest, id, settle};
use ferry_api::v1;
use serde_json::Value;

const WHY: [&str; 4] = ["--approver", "anna", "--note", "invoice 7"];

fn post(ferry: &Ferry, arguments: &[&str]) -> Value {
    ferry.json(&[&["house"], arguments, &WHY].concat())
}

/// The balance of an account: in the tenants' books, in the house's, over all.
fn account(ferry: &Ferry, name: &str) -> [String; 3] {
    let accounts = ferry.json(&["accounts"]);
    let list = accounts["accounts"].as_array().expect("a list");
    let found = list.iter().find(|found| found["account"] == name);
    let found = found.unwrap_or_else(|| panic!("no {name} in {accounts}"));
    ["tenants", "house", "balance"].map(|part| found[part].as_str().expect("money").to_owned())
}

#[tokio::test]
async fn a_provider_is_paid_what_accrued_and_once() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let items = vec![settle(id(1), key)];
    let request = v1::SettleRequest { items };
    gateway.settle(request).await.expect("an answer");
    // The request costs 0.00012, of which the provider takes half.
    let payable = "liability.provider_payable:simulator";
    let accrued = ["-0.000060000", "0.000000000", "-0.000060000"];
    assert_eq!(account(&ferry, payable), accrued);
    let pay = [
        "pay",
        "simulator",
        "0.00005",
        "--id",
        "h-1",
        "--on",
        "2026-01-31",
    ];
    let posted = post(&ferry, &pay);
    assert_eq!(posted["posted_now"], true);
    assert_eq!(posted["occurred_at"], "2026-01-31T00:00:00.000Z");
    assert_eq!(posted["move"]["money"]["currency"], "USD");
    assert_eq!(
        post(&ferry, &pay)["posted_now"],
        false,
        "the same id counts once"
    );
    let left = ["-0.000060000", "0.000050000", "-0.000010000"];
    assert_eq!(account(&ferry, payable), left);
    let shown = ferry.run(&["accounts"]).out;
    assert!(
        shown.contains("HOUSE") && shown.contains(payable),
        "{shown}"
    );
    let of_house = ferry.json(&["accounts", "--tenant", "house"]);
    let sum = of_house["accounts"].as_array().expect("a list").len();
    assert_eq!(sum, 2, "{of_house}");
    let other = [
        "house",
        "pay",
        "simulator",
        "0.1",
        "--id",
        "h-1",
        "--approver",
        "anna",
    ];
    assert!(ferry.run(&other).err.contains("another amount"));
    // The receipt still holds, and the book is verified like any other.
    let receipts = ferry.path("receipts");
    std::fs::write(&receipts, format!("{posted}\n")).expect("write the receipt");
    assert_eq!(ferry.json(&["verify", "--receipts", &receipts])["hold"], 1);
    let verdict = ferry.json(&["verify"]);
    assert_eq!(
        (&verdict["clean"], &verdict["books"]),
        (&true.into(), &2.into())
    );
    for part in [
        &["verify", "--tenant", "house"][..],
        &["verify", "--tenant", "house", "--since", "1"],
    ] {
        let verdict = ferry.json(part);
        assert_eq!(
            (&verdict["clean"], &verdict["entries"]),
            (&true.into(), &1.into())
        );
    }
    assert!(ferry.run(&["heads"]).out.contains("house"));
}

#[test]
fn advances_variances_and_exchanges_are_kept_and_listed() {
    let ferry = Ferry::start();
    post(&ferry, &["prepay", "simulator", "100"]);
    post(&ferry, &["set-off", "simulator", "40.5"]);
    let advance = account(&ferry, "asset.provider_prepaid:simulator");
    assert_eq!(advance[1], "59.500000000");
    post(
        &ferry,
        &["pay-reseller", "partner", "2", "--currency", "EUR"],
    );
    let variance = post(
        &ferry,
        &["variance", "simulator", "3", "--beyond", "--id", "v-1"],
    );
    assert_eq!(variance["unresolved"], "3.000000000");
    post(&ferry, &["resolve", "v-1", "2", "--cause", "provider-cost"]);
    assert_eq!(account(&ferry, "suspense.variance")[2], "1.000000000");
    assert_eq!(account(&ferry, "expense.provider_cost")[2], "2.000000000");
    post(
        &ferry,
        &[
            "variance",
            "simulator",
            "260.5",
            "--currency",
            "VND",
            "--below",
            "--id",
            "v-2",
        ],
    );
    let resolved = post(&ferry, &["resolve", "v-2", "260", "--cause", "rounding"]);
    assert_eq!(
        resolved["move"]["money"]["currency"], "VND",
        "the variance's"
    );
    let exchanged = post(&ferry, &["exchange", "10", "USD", "260005", "VND"]);
    assert_eq!(exchanged["move"]["bought"]["amount"], "260005.000000");
    let shown = ferry.run(&["house", "list"]).out;
    for told in [
        "set-off",
        "partner",
        "invoice beyond",
        "cause provider_cost",
        "bought 260005.000000 VND",
        "anna",
        "invoice 7",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let listed = ferry.json(&["house", "list"]);
    let listed = listed["movements"].as_array().expect("a list");
    assert_eq!(listed.len(), 8);
    let unresolved = listed.iter().find(|found| found["id"] == "v-2");
    assert_eq!(
        unresolved.map(|found| &found["unresolved"]),
        Some(&"0.500000".into())
    );
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}

#[test]
fn a_mistake_is_taken_back_once_and_both_are_listed() {
    let ferry = Ferry::start();
    post(&ferry, &["pay", "simulator", "120.50", "--id", "h-1"]);
    let reverse = ["reverse", "h-1", "--reason", "duplicate", "--id", "h-2"];
    let back = post(&ferry, &reverse);
    assert_eq!(back["posted_now"], true);
    let undone = &back["move"]["undone"];
    assert_eq!(
        (&undone["kind"], &undone["money"]["amount"]),
        (&"pay".into(), &"120.500000000".into())
    );
    assert_eq!(back["move"]["reason"], "duplicate");
    assert_eq!(post(&ferry, &reverse)["posted_now"], false);
    let payable = account(&ferry, "liability.provider_payable:simulator");
    assert_eq!(payable[1], "0.000000000");
    // The other currency of an exchange goes back with it.
    post(
        &ferry,
        &["exchange", "10", "USD", "260005", "VND", "--id", "h-3"],
    );
    post(&ferry, &["reverse", "h-3", "--reason", "mistake"]);
    let accounts = ferry.json(&["accounts"]);
    let list = accounts["accounts"].as_array().expect("a list");
    let is_even = |found: &&Value| {
        found["balance"]
            .as_str()
            .is_some_and(|of| of.starts_with("0."))
    };
    assert_eq!(
        list.iter().filter(is_even).count(),
        list.len(),
        "{accounts}"
    );
    let shown = ferry.run(&["house", "list"]).out;
    for told in [
        "REVERSED BY",
        "reverse",
        "reason duplicate",
        "reason mistake",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let listed = ferry.json(&["house", "list"]);
    let listed = listed["movements"].as_array().expect("a list");
    let first = listed.last().expect("a movement");
    assert_eq!(first["reversed_by"], "h-2");
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}

#[test]
fn what_cannot_be_taken_back_is_told_with_what_to_do() {
    let ferry = Ferry::start();
    post(&ferry, &["prepay", "simulator", "9", "--id", "h-1"]);
    post(&ferry, &["set-off", "simulator", "2", "--id", "h-2"]);
    let variance = ["variance", "simulator", "1", "--beyond", "--id", "v-1"];
    post(&ferry, &variance);
    let resolve = ["resolve", "v-1", "1", "--cause", "rounding", "--id", "r-1"];
    post(&ferry, &resolve);
    for (id, said) in [
        ("h-9", "nothing was posted as 'h-9': see `ferry house list`"),
        (
            "h-1",
            "only 7.000000000 USD is left: first reverse what was set off",
        ),
        ("v-1", "first reverse what resolved it"),
    ] {
        let ran = ferry.run(&[&["house", "reverse", id, "--reason", "mistake"], &WHY[..]].concat());
        assert!(
            !ran.status.success() && ran.err.contains(said),
            "{}",
            ran.err
        );
    }
    post(
        &ferry,
        &["reverse", "r-1", "--reason", "mistake", "--id", "b-1"],
    );
    post(
        &ferry,
        &["reverse", "v-1", "--reason", "mistake", "--id", "b-2"],
    );
    let resolve = ["house", "resolve", "v-1", "1", "--cause", "rounding"];
    let late = ferry.run(&[&resolve, &WHY[..]].concat()).err;
    assert!(late.contains("'b-2' took it back"), "{late}");
    for (id, said) in [
        ("r-1", "'b-1' took 'r-1' back already"),
        (
            "b-1",
            "'b-1' is a reversal, and stays: post again what it took back, under a new id",
        ),
    ] {
        let ran = ferry.run(&[&["house", "reverse", id, "--reason", "mistake"], &WHY[..]].concat());
        assert!(
            !ran.status.success() && ran.err.contains(said),
            "{}",
            ran.err
        );
    }
    let unsaid = ferry
        .run(&["house", "reverse", "h-2", "--approver", "anna"])
        .err;
    assert!(unsaid.contains("--reason"), "{unsaid}");
    let help = ferry.run(&["house", "reverse", "--help"]).out;
    assert!(
        help.contains("ferry house reverse h-1 --reason duplicate"),
        "{help}"
    );
    assert_eq!(ferry.json(&["verify"])["entries"], 6);
}

#[test]
fn what_cannot_be_posted_is_told() {
    let ferry = Ferry::start();
    post(&ferry, &["prepay", "simulator", "3"]);
    post(
        &ferry,
        &["variance", "simulator", "1", "--beyond", "--id", "v-1"],
    );
    for (arguments, said) in [
        (
            &["set-off", "simulator", "3.1"][..],
            "at most 3.000000000 USD",
        ),
        (
            &["set-off", "nobody", "1"],
            "'nobody' has in advance: at most 0.000000000 USD",
        ),
        (
            &["resolve", "v-1", "2", "--cause", "rounding"],
            "at most 1.000000000 USD",
        ),
        (
            &["resolve", "v-9", "2", "--cause", "rounding"],
            "no variance",
        ),
        (
            &["resolve", "v-1", "1", "--cause", "magic"],
            "provider-cost",
        ),
        (&["variance", "simulator", "1"], "--beyond"),
        (&["pay", "simulator", "0"], "nothing would move"),
        (&["pay", "simulator", "-1"], "-1"),
        (
            &["pay", "simulator", "1", "--currency", "XYZ"],
            "none of USD, EUR, VND, IDR",
        ),
        (&["pay", "", "1"], "provider: an empty name"),
        (
            &["pay", "simulator", "1", "--on", "2999-01-01"],
            "has not begun",
        ),
        (&["pay", "simulator", "1", "--on", "tomorrow"], "not a date"),
        (
            &["exchange", "1", "USD", "1", "USD"],
            "nothing is exchanged",
        ),
        (
            &["exchange", "1", "USD", "0", "VND"],
            "bought.amount: nothing would move",
        ),
        (
            &["exchange", "1", "USD", "much", "VND"],
            "bought.amount: 'much' is not",
        ),
        (
            &["prepay", "simulator", "9223372036"],
            "more than a balance can hold",
        ),
    ] {
        let ran = ferry.run(&[&["house"], arguments, &WHY].concat());
        assert!(
            !ran.status.success() && ran.err.contains(said),
            "{arguments:?}: {}",
            ran.err
        );
    }
    let nobody = ["house", "pay", "simulator", "1", "--approver", " "];
    assert!(ferry.run(&nobody).err.contains("who approved it?"));
    assert_eq!(ferry.json(&["verify"])["entries"], 2);
}

#[test]
fn the_house_is_no_tenant() {
    let ferry = Ferry::start();
    post(&ferry, &["pay", "simulator", "3"]);
    for (arguments, said) in [
        (
            &["tenant", "create", "house"][..],
            "is the house's own book",
        ),
        (&["topup", "house", "1"], "there is no tenant 'house'"),
        (&["key", "create", "house"], "there is no tenant 'house'"),
        (
            &["grant", "create", "house", "g-1", "1"],
            "there is no tenant 'house'",
        ),
        (&["balance", "house"], "there is no tenant 'house'"),
    ] {
        let ran = ferry.run(arguments);
        assert!(
            !ran.status.success() && ran.err.contains(said),
            "{arguments:?}: {}",
            ran.err
        );
    }
}
