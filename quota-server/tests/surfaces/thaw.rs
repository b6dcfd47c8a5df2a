//! Thawing a frozen book, as an operator meets it.

use crate::ferry::{Ferry, PATIENCE};
use serde_json::Value;

const WHY: [&str; 6] = [
    "--reason",
    "mistake",
    "--approver",
    "anna",
    "--note",
    "posted was edited by hand",
];

/// What somebody does to the rows, beside the running server.
fn by_hand(ferry: &Ferry, sql: &str) {
    let database = rusqlite::Connection::open(ferry.path("ferry.db")).expect("open");
    database.busy_timeout(PATIENCE).expect("wait");
    database.execute_batch(sql).expect("write");
}

/// Runs a command that has to fail, and says why.
fn fails(ferry: &Ferry, arguments: &[&str]) -> String {
    let ran = ferry.run(arguments);
    assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {}", ran.out);
    ran.err
}

#[test]
fn a_frozen_book_is_thawed_once_its_rows_are_mended() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    let acme = [&["tenant", "thaw", "acme"][..], &WHY].concat();
    let told = ferry.run(&acme).out;
    assert!(
        told.contains("'acme' is not frozen: nothing was done"),
        "{told}"
    );
    by_hand(
        &ferry,
        "UPDATE tenants SET frozen = 'a test', posted = posted + 1",
    );
    let differs = fails(&ferry, &acme);
    let named = "the book of 'acme' stays frozen, since it is not what its journal says: tenant 'acme', tenants: posted is 5000000001, \
                 but the journal says 5000000000. Mend that, and send the same again";
    assert!(differs.contains(named), "{differs}");
    assert!(ferry.run(&["tenant", "list"]).out.contains("FROZEN"));
    by_hand(&ferry, "UPDATE tenants SET posted = posted - 1");
    let thawed = ferry.json(&acme);
    assert_eq!(thawed["frozen_for"], "a test");
    assert_eq!(thawed["thawed_now"], true);
    let position = &thawed["position"];
    assert_eq!(
        (&position["seq"], &position["available"]),
        (&4.into(), &"5.000000000".into())
    );
    let shown = ferry.json(&["tenant", "show", "acme"]);
    assert_eq!((&shown["frozen"], &shown["seq"]), (&Value::Null, &4.into()));
    let again = ferry.json(&acme);
    assert_eq!(
        again,
        serde_json::json!({ "book": "acme", "thawed_now": false })
    );
    ferry.json(&["topup", "acme", "1"]);
    verdicts_tell_of_it(&ferry);
}

/// That it had been frozen is told by whatever verifies the book.
fn verdicts_tell_of_it(ferry: &Ferry) {
    let verdict = ferry.json(&["verify"]);
    assert_eq!(verdict["clean"], true);
    let entry = &verdict["thawed"][0];
    for (field, said) in [
        ("book", "acme"),
        ("frozen_for", "a test"),
        ("reason", "mistake"),
        ("approver", "anna"),
        ("note", "posted was edited by hand"),
    ] {
        assert_eq!(entry[field], said);
    }
    let at = entry["at"].as_str().expect("a time");
    let said = format!(
        "'acme' had been frozen (a test) and was thawed at {at}, entry 4 (mistake, approved by anna)"
    );
    for verify in [&["verify"][..], &["verify", "--tenant", "acme"]] {
        let told = ferry.run(verify).out;
        assert!(told.contains(&said), "{told}");
    }
}

#[test]
fn the_houses_frozen_book_is_thawed_and_nobody_elses() {
    let ferry = Ferry::start();
    ferry.json(&["house", "pay", "simulator", "3", "--approver", "anna"]);
    by_hand(&ferry, "UPDATE house SET frozen = 'a test'");
    let pay = ["house", "pay", "simulator", "2", "--approver", "anna"];
    let frozen = fails(&ferry, &pay);
    let said = "Once its rows are mended, `ferry house thaw` lets it go on";
    assert!(frozen.contains(said), "{frozen}");
    let of_tenant = fails(&ferry, &[&["tenant", "thaw", "house"][..], &WHY].concat());
    assert!(
        of_tenant.contains("`ferry house thaw` thaws it"),
        "{of_tenant}"
    );
    let told = ferry.run(&[&["house", "thaw"][..], &WHY].concat()).out;
    assert!(told.contains("It had been frozen for: a test"), "{told}");
    assert!(told.contains("Journal entry 2, "), "{told}");
    ferry.json(&pay);
    assert_eq!(ferry.json(&["verify"])["thawed"][0]["book"], "house");
    let nobody = fails(&ferry, &[&["tenant", "thaw", "nobody"][..], &WHY].concat());
    assert!(nobody.contains("there is no tenant 'nobody'"), "{nobody}");
    let by_nobody = ["tenant", "thaw", "acme", WHY[0], WHY[1], WHY[2], " "];
    let by_nobody = fails(&ferry, &by_nobody);
    assert!(by_nobody.contains("who approved it?"), "{by_nobody}");
    let help = ferry.run(&["tenant", "thaw", "--help"]).out;
    let example = "ferry tenant thaw acme --reason other --approver anna";
    assert!(help.contains(example), "{help}");
}
