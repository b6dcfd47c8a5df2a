//! Closing a tenant, as an operator and its gateway meet it.

use crate::ferry::{EDGE_TOKEN, Ferry};
use crate::gateway::{digest, facts, id, reserve};
use crate::refusals::{refused, shape};

const CLOSE: [&str; 7] = [
    "tenant",
    "close",
    "acme",
    "--reason",
    "requested",
    "--approver",
    "anna",
];
const WHY: [&str; 4] = ["--reason", "requested", "--approver", "anna"];

/// Runs a command that has to fail, and says why.
fn fails(ferry: &Ferry, arguments: &[&str]) -> String {
    let ran = ferry.run(arguments);
    assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {}", ran.out);
    ran.err
}

#[test]
fn a_tenant_is_closed_once_its_money_is_paid_back() {
    let ferry = Ferry::start();
    ferry.json(&["tenant", "create", "acme"]);
    let top_up = [
        "topup",
        "acme",
        "5",
        "--source",
        "bank",
        "--reference",
        "r-1",
    ];
    ferry.json(&top_up);
    ferry.json(&["grant", "create", "acme", "spring", "3"]);
    ferry.json(&[
        "grant",
        "create",
        "acme",
        "gift",
        "2",
        "--kind",
        "promotional",
    ]);
    let left = fails(&ferry, &CLOSE);
    let refund = "ferry correct refund acme 5.000000000 --top-up SOURCE/REFERENCE --reason requested --approver NAME";
    let of_grant =
        "ferry correct refund acme 3.000000000 --grant spring --reason requested --approver NAME";
    for said in [refund, of_grant] {
        assert!(left.contains(said), "{said}: {left}");
    }
    // As it is told.
    for told in [refund, of_grant] {
        let told = told
            .replace("SOURCE/REFERENCE", "bank/r-1")
            .replace("NAME", "anna");
        let words: Vec<&str> = told.split(' ').skip(1).collect();
        ferry.json(&words);
    }
    let closed = ferry.json(&[&CLOSE[..], &["--note", "ticket 9"]].concat());
    assert_eq!(
        (&closed["state"], &closed["closed"]["reason"]),
        (&"closed".into(), &"requested".into())
    );
    assert_eq!(closed["closed"]["note"], "ticket 9");
    assert_eq!(closed["position"]["seq"], closed["closed"]["seq"]);
    let gift = ferry.json(&["grant", "list", "acme"])["grants"][0].clone();
    assert_eq!(
        (&gift["id"], &gift["remaining"]),
        (&"gift".into(), &"0.000000000".into())
    );
}

#[tokio::test]
async fn a_closed_tenant_takes_nothing_new() {
    let ferry = Ferry::start();
    ferry.json(&["tenant", "create", "acme"]);
    let created = ferry.json(&["key", "create", "acme"]);
    let key = digest(created["api_key"].as_str().expect("a key"));
    ferry.json(&CLOSE);
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let told = refused(&mut gateway, reserve(id(1), key, facts())).await;
    assert_eq!(
        shape(&told),
        "tenant_closed 403 invalid_request_error tenant_closed null - -"
    );
    for arguments in [
        &["topup", "acme", "1"][..],
        &["key", "create", "acme"],
        &["grant", "create", "acme", "late", "1"],
        &["tenant", "resume", "acme"],
        &["tenant", "overage", "acme", "absorb"],
    ] {
        let said = fails(&ferry, arguments);
        assert!(
            said.contains("'acme' is closed, for good: `ferry tenant show acme`"),
            "{said}"
        );
    }
    ferry.tenant_with("other", "5");
    let late = fails(&ferry, &["transfer", "create", "other", "acme", "1"]);
    assert!(
        late.contains("to: the tenant is closed, for good"),
        "{late}"
    );
}

#[test]
fn a_closed_tenant_leaves_its_book_and_its_id() {
    let ferry = Ferry::start();
    ferry.json(&["tenant", "create", "acme"]);
    assert!(
        fails(
            &ferry,
            &["tenant", "close", "nobody", WHY[0], WHY[1], WHY[2], WHY[3]]
        )
        .contains("no tenant 'nobody'")
    );
    let nobody = fails(
        &ferry,
        &["tenant", "close", "acme", WHY[0], WHY[1], WHY[2], " "],
    );
    assert!(nobody.contains("who approved it?"), "{nobody}");
    assert!(ferry.run(&CLOSE).out.contains("closed"));
    let at = ferry.json(&["tenant", "show", "acme"])["closed"]["at"].clone();
    let at = at.as_str().expect("a time");
    assert_eq!(
        ferry.json(&CLOSE)["closed"]["at"],
        at,
        "closed before, it stays as it was closed"
    );
    for name in ["Acme", "acme"] {
        let taken = fails(&ferry, &["tenant", "create", "acme", "--name", name]);
        let said = format!(
            "'acme' was closed at {at} (requested, approved by anna), and its id is never given again"
        );
        assert!(taken.contains(&said), "{taken}");
    }
    let shown = ferry.run(&["tenant", "show", "acme"]).out;
    for told in ["closed", at, "requested", "anna"] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    assert!(ferry.run(&["tenant", "list"]).out.contains("closed"));
    assert!(ferry.run(&["heads"]).out.contains("acme"));
    let verdict = ferry.json(&["verify"]);
    assert_eq!(
        (&verdict["clean"], &verdict["books"]),
        (&true.into(), &1.into())
    );
    let help = ferry.run(&["tenant", "close", "--help"]).out;
    assert!(
        help.contains("ferry tenant close acme --reason requested --approver anna"),
        "{help}"
    );
}
