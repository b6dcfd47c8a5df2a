//! Transfers, as an operator meets them.

use crate::ferry::Ferry;

#[test]
fn money_goes_from_a_reseller_to_its_customer_once() {
    let ferry = Ferry::start();
    ferry.tenant_with("partner", "8");
    ferry.tenant_with("acme", "1");
    ferry.json(&["tenant", "create", "pho", "--currency", "VND"]);
    let create = [
        "transfer", "create", "partner", "acme", "2.5", "--id", "t-1",
    ];
    let posted = ferry.json(&create);
    assert_eq!(
        (&posted["posted_now"], &posted["position"]["available"]),
        (&true.into(), &"5.500000000".into())
    );
    assert_eq!(
        ferry.json(&create)["posted_now"],
        false,
        "the same id counts once"
    );
    assert_eq!(ferry.json(&["balance", "acme"])["posted"], "3.500000000");
    let taken = ferry.run(&["transfer", "create", "pho", "acme", "1", "--id", "t-1"]);
    let told = "error: id: something else that this would write has it already: choose another\n";
    assert_eq!(taken.err, told, "acme has a transfer of this id");
    let shown = ferry.run(&["transfer", "list", "acme"]).out;
    assert!(
        shown.contains("t-1") && shown.contains("partner"),
        "{shown}"
    );
    for (arguments, said) in [
        (
            ["transfer", "create", "partner", "acme", "6"],
            "at most 5.500000000 USD",
        ),
        (
            ["transfer", "create", "partner", "pho", "1"],
            "different currencies",
        ),
        (
            ["transfer", "create", "partner", "partner", "1"],
            "the tenant itself",
        ),
        (["transfer", "create", "partner", "nobody", "1"], "nobody"),
        (["transfer", "create", "partner", "acme", "0"], "amount"),
    ] {
        let ran = ferry.run(&arguments);
        assert!(
            !ran.status.success() && ran.err.contains(said),
            "{arguments:?}: {}",
            ran.err
        );
    }
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}
