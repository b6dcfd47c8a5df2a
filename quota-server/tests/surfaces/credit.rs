//! Grants, overage policies and accounts, as an operator meets them.

use crate::ferry::Ferry;

#[test]
fn grants_overage_and_accounts() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    let grant = [
        "grant",
        "create",
        "acme",
        "spring",
        "2.50",
        "--kind",
        "promotional",
    ];
    let limits = [
        "--model",
        "echo",
        "--expires-at",
        "2099-01-01",
        "--priority",
        "1",
    ];
    let create: Vec<&str> = grant.into_iter().chain(limits).collect();
    let issued = ferry.json(&create);
    assert_eq!(issued["posted_now"], true);
    assert_eq!(issued["remaining"], "2.500000000");
    assert_eq!(issued["expires_at"], "2099-01-01T00:00:00.000Z");
    assert_eq!(
        ferry.json(&create)["posted_now"],
        false,
        "the same id counts once"
    );
    let other = ferry.run(&["grant", "create", "acme", "spring", "3"]);
    assert!(
        !other.status.success() && other.err.contains("kind"),
        "{}",
        other.err
    );
    let balance = ferry.json(&["tenant", "overage", "acme", "credit-line", "10"]);
    assert_eq!(
        balance["available"], "17.500000000",
        "the balance, its credit and the grant"
    );
    for shown in [&["tenant", "show", "acme"][..], &["balance", "acme"]] {
        assert_eq!(ferry.json(shown)["available"], "17.500000000", "{shown:?}");
    }
    assert_eq!(
        ferry.json(&["tenant", "list"])["tenants"][0]["available"],
        "17.500000000"
    );
    assert_eq!(balance["grants"][0]["id"], "spring");
    let shown = ferry.run(&["balance", "acme"]).out;
    assert!(shown.contains("credit-line of 10.000000000 USD"), "{shown}");
    assert!(shown.contains("spring  promotional"), "{shown}");
    let accounts = ferry.json(&["accounts"]);
    let expected = [
        ("asset.clearing", "5.000000000"),
        ("expense.promotion", "2.500000000"),
        ("liability.grant:spring", "-2.500000000"),
        ("liability.prepaid", "-5.000000000"),
    ];
    for (account, (name, balance)) in accounts["accounts"]
        .as_array()
        .expect("a list")
        .iter()
        .zip(expected)
    {
        assert_eq!(
            (&account["account"], &account["balance"]),
            (&name.into(), &balance.into())
        );
    }
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}

#[test]
fn a_reseller_and_its_share() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    let set = ferry.json(&["tenant", "reseller", "acme", "partner", "12.5"]);
    assert_eq!(
        (&set["reseller"], &set["reseller_percent"]),
        (&"partner".into(), &"12.50".into())
    );
    let shown = ferry.run(&["balance", "acme"]).out;
    assert!(shown.contains("12.50 % for partner"), "{shown}");
    for percent in ["100.01", "12.345", "-1", "", "1e1", "half"] {
        let ran = ferry.run(&["tenant", "reseller", "acme", "partner", "--", percent]);
        assert!(
            !ran.status.success() && ran.err.contains("is not a percentage"),
            "{percent}: {}",
            ran.err
        );
    }
    assert!(ferry.json(&["tenant", "reseller", "acme"])["reseller"].is_null());
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}

#[test]
fn what_cannot_be_granted_or_set_is_told() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    for (arguments, said) in [
        (
            &["tenant", "overage", "acme", "credit-line"][..],
            "credit: missing",
        ),
        (
            &["tenant", "overage", "acme", "credit-line", "9223372036"],
            "error: credit: the balance with it is more than can be counted",
        ),
        (
            &["tenant", "overage", "acme", "debt", "1"],
            "policy: none of debt",
        ),
        (
            &[
                "grant",
                "create",
                "acme",
                "old",
                "1",
                "--expires-at",
                "2020-01-01",
            ],
            "has ended already",
        ),
        (
            &[
                "grant",
                "create",
                "acme",
                "odd",
                "1",
                "--expires-at",
                "soon",
            ],
            "'soon' is not a date",
        ),
        (&["grant", "create", "acme", "none", "0"], "amount"),
        (&["grant", "create", "nobody", "a", "1"], "nobody"),
    ] {
        let ran = ferry.run(arguments);
        assert!(
            !ran.status.success() && ran.err.contains(said),
            "{arguments:?}: {}",
            ran.err
        );
    }
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}
