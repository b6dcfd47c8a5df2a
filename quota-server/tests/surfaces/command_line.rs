//! The command line against a real server: what programs read, what people are told.

use crate::ferry::{EDGE_TOKEN, Ferry, ON_A_SOCKET, PRICES, config, run};
use crate::gateway::{digest, facts, granted, id, reserve, settle};
use ferry_api::v1;
use serde_json::json;

#[tokio::test]
async fn a_customer_is_made_and_pays() {
    let ferry = Ferry::start();
    let tenant = ferry.json(&["tenant", "create", "acme", "--name", "Acme Inc."]);
    assert_eq!(tenant["id"], "acme");
    assert_eq!(tenant["name"], "Acme Inc.");
    assert_eq!(tenant["currency"], "USD");
    assert_eq!(tenant["state"], "active");
    assert_eq!(tenant["available"], "0.000000000");

    let bank = ["--source", "bank", "--reference", "inv-1"];
    let top_up = ferry.json(&[&["topup", "acme", "5"], &bank[..]].concat());
    assert_eq!(top_up["amount"], "5.000000000");
    assert_eq!(top_up["posted_now"], true);
    let again = ferry.json(&[&["topup", "acme", "5.00"], &bank[..]].concat());
    assert_eq!(again["posted_now"], false);
    assert_eq!(again["position"]["available"], "5.000000000");

    let named = ["--label", "ci", "--expires-in-days", "30"];
    let created = ferry.json(&[&["key", "create", "acme"], &named[..]].concat());
    let text = created["api_key"].as_str().expect("a key");
    let key = created["key"]["id"].as_str().expect("an id");
    assert_eq!(text[3..11], key[4..]);
    assert!(created["key"]["expires_at"].is_string());
    let keys = ferry.json(&["key", "list", "acme"]);
    assert_eq!(keys["keys"], json!([created["key"]]));
}

/// What the record of one request says.
const RECORD: &[(&str, &str)] = &[
    ("tenant", "acme"),
    ("key_label", "test"),
    ("principal", "edge"),
    ("endpoint", "chat_completions"),
    ("route", "openai"),
    ("mode", "enforce"),
    ("state", "settled"),
    ("cause", "complete"),
    ("model_requested", "echo"),
    ("model_served", "echo-1"),
    ("provider", "simulator"),
    ("source", "reported"),
    ("reserved", "0.000200000"),
    ("charged", "0.000120000"),
    ("released", "0.000080000"),
    ("suspended", "0.000000000"),
    ("cost", "0.000060000"),
    ("margin", "0.000060000"),
    ("currency", "USD"),
    ("price_version", "test-1"),
    ("policy_version", "default-1"),
];

#[tokio::test]
async fn a_request_is_held_charged_and_shown() {
    let ferry = Ferry::start();
    let text = ferry.tenant_with("acme", "5");
    let request = id(1);
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    granted(&mut gateway, reserve(request, digest(&text), facts())).await;
    let open = ferry.json(&["reservations", "--open", "--tenant", "acme"]);
    let open = &open["reservations"][0];
    assert_eq!(open["id"], request.to_string());
    assert_eq!(open["principal"], "edge");
    assert_eq!(open["state"], "open");
    assert_eq!(open["reserved"], "0.000200000");

    let items = vec![settle(request, digest(&text))];
    gateway
        .settle(v1::SettleRequest { items })
        .await
        .expect("settled");
    assert_eq!(
        ferry.json(&["reservations", "--open"])["reservations"],
        json!([])
    );
    let usage = ferry.json(&["usage", "--request", &request.to_string()]);
    let record = &usage["usage"][0];
    for (field, value) in RECORD {
        assert_eq!(record[field], *value, "{field}");
    }
    assert_eq!(record["status"], 200);
    assert_eq!(record["usage"]["input_tokens"], 80);
    assert_eq!(record["attempts"][0]["provider_request_id"], "req_1");
    let table = ferry.run(&["usage"]).out;
    assert!(
        table.contains("simulator 200") && table.lines().count() == 2,
        "{table}"
    );

    let balance = ferry.json(&["balance", "acme"]);
    assert_eq!(balance["posted"], "4.999880000");
    assert_eq!(balance["available"], "4.999880000");
    assert_eq!(balance["open_reservations"], 0);
}

#[tokio::test]
async fn verify_reads_a_running_server_and_a_file() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    let verdict = ferry.json(&["verify"]);
    assert_eq!(verdict["clean"], true, "{verdict}");
    assert_eq!(verdict["books"], 1);
    assert_eq!(ferry.json(&["verify", "--database", "ferry.db"]), verdict);
    let told = ferry.run(&["verify"]).out;
    assert!(told.starts_with("clean: 1 books, "), "{told}");
    let alone = ferry.json(&["verify", "--tenant", "acme"]);
    assert_eq!(alone["entries"], verdict["entries"], "{alone}");
    let gone = ferry.run(&["verify", "--database", "gone.db"]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(gone.err.contains("gone.db"), "{}", gone.err);
}

/// A long verification is no silence: how far it is comes before the verdict.
#[tokio::test]
async fn a_verification_tells_how_far_it_is() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    let mut told = Vec::new();
    let verdict = ferry
        .admin()
        .verify_part(None, None, |entries| told.push(entries))
        .await;
    let entries = verdict.expect("a verdict").entries;
    assert!(!told.is_empty());
    assert!(
        told.iter().all(|&looked_at| looked_at <= entries),
        "{told:?} of {entries}"
    );
    let nobody = ferry
        .admin()
        .verify_part(Some("nobody"), None, |_| {})
        .await;
    let refused = nobody.expect_err("no such tenant");
    assert_eq!(refused.code(), Some("unknown_tenant"));
}

#[test]
fn people_get_tables() {
    let ferry = Ferry::start();
    assert_eq!(ferry.run(&["tenant", "list"]).out, "no tenants\n");
    ferry.tenant_with("acme", "5");
    let list = ferry.run(&["tenant", "list"]).out;
    let lines: Vec<_> = list
        .lines()
        .map(|l| l.split_whitespace().collect::<Vec<_>>())
        .collect();
    let header = [
        "TENANT",
        "NAME",
        "STATE",
        "POSTED",
        "HELD",
        "AVAILABLE",
        "CURRENCY",
        "OPEN",
    ];
    let row = [
        "acme",
        "acme",
        "active",
        "5.000000000",
        "0.000000000",
        "5.000000000",
        "USD",
        "0",
    ];
    assert_eq!(lines, [header, row]);
    assert!(
        ferry
            .run(&["balance", "acme"])
            .out
            .contains("available          5.000000000 USD")
    );
    let created = ferry.run(&["key", "create", "acme"]);
    assert!(
        created.out.starts_with("fk_") && created.out.lines().count() == 1,
        "{}",
        created.out
    );
    assert!(created.err.contains("shown this once"), "{}", created.err);
    assert_eq!(ferry.run(&["key", "list", "acme"]).out.lines().count(), 3);
    assert_eq!(ferry.run(&["usage"]).out, "no usage\n");
    assert_eq!(ferry.run(&["reservations"]).out, "no reservations\n");
}

/// A command, and what is said about why it was not done.
const FAILURES: &[(&[&str], &str)] = &[
    (
        &["balance", "nobody"],
        "error: there is no tenant 'nobody': see `ferry tenant list`\n",
    ),
    (
        &["key", "list", "nobody"],
        "error: there is no tenant 'nobody': see `ferry tenant list`\n",
    ),
    (
        &["key", "create", "nobody"],
        "error: there is no tenant 'nobody': see `ferry tenant list`\n",
    ),
    (
        &["topup", "nobody", "5"],
        "error: there is no tenant 'nobody': see `ferry tenant list`\n",
    ),
    (
        &["usage", "--tenant", "nobody"],
        "error: there is no tenant 'nobody': see `ferry tenant list`\n",
    ),
    (
        &["reservations", "--tenant", "nobody"],
        "error: there is no tenant 'nobody': see `ferry tenant list`\n",
    ),
    (
        &["tenant", "create", "acme"],
        "error: there is a tenant 'acme' already, of this name and currency: nothing was done\n",
    ),
    (
        &["tenant", "create", "two", "--currency", "EUR"],
        "error: currency: 'EUR' is none of USD, VND, which there are prices in: others need a rate in the price table's [exchange]\n",
    ),
    (
        &["topup", "acme", "five"],
        "error: amount: 'five' is not a decimal number such as 12.50\n",
    ),
    (
        &["topup", "acme", "0.0000000001"],
        "error: amount: more than 9 digits after the point for USD\n",
    ),
    (
        &["topup", "acme", "0"],
        "error: amount: nothing, or more than a balance can hold\n",
    ),
    (
        &["topup", "acme", "6", "--reference", "inv-1"],
        "error: a top-up of this source and reference exists already with another amount\n",
    ),
    (
        &["topup", "beta", "5", "--reference", "inv-1"],
        "error: external_reference: this payment was credited to 'acme' already: `ferry transfer create` moves its money to 'beta'\n",
    ),
    (
        &["topup", "acme", "6", "--reference", ""],
        "error: source and external_reference must not be empty: together they make a top-up unique\n",
    ),
    (
        &["key", "pause", "acme", "key_00000000"],
        "error: there is no such key: see `ferry key list`\n",
    ),
    (
        &["usage", "--limit", "0"],
        "error: limit: 0 is not from 1 to 10000\n",
    ),
];

#[test]
fn what_cannot_be_done_is_said_in_a_sentence() {
    let ferry = Ferry::start();
    ferry.json(&["tenant", "create", "acme"]);
    ferry.json(&["tenant", "create", "beta"]);
    ferry.json(&["topup", "acme", "5", "--reference", "inv-1"]);
    for (arguments, told) in FAILURES {
        let ran = ferry.run(arguments);
        assert_eq!(ran.err, *told, "{arguments:?}");
        assert_eq!(
            (ran.status.code(), ran.out.as_str()),
            (Some(1), ""),
            "{arguments:?}"
        );
    }
    let misunderstood = ferry.run(&["balance", "Not A Tenant"]);
    assert_eq!(misunderstood.status.code(), Some(2));
    assert!(
        misunderstood.err.contains("not a tenant id"),
        "{}",
        misunderstood.err
    );
}

#[test]
fn revoking_asks_and_stays() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    let key = ferry.json(&["key", "list", "acme"])["keys"][0]["id"].clone();
    let key = key.as_str().expect("an id");
    let asked = ferry.run(&["key", "revoke", "acme", key]);
    assert_eq!(asked.status.code(), Some(1));
    assert_eq!(
        asked.err,
        format!("error: revoking {key} of acme cannot be undone: repeat it with --yes\n")
    );
    assert_eq!(
        ferry.json(&["key", "list", "acme"])["keys"][0]["state"],
        "active"
    );
    assert_eq!(
        ferry.json(&["key", "revoke", "acme", key, "--yes"])["state"],
        "revoked"
    );
    let resumed = ferry.run(&["key", "resume", "acme", key]);
    assert_eq!(
        resumed.err,
        "error: the key is revoked, and stays so: make a new one\n"
    );
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = run(folder.path(), &["balance", "acme"]);
    assert_eq!(ran.status.code(), Some(1));
    let told = "error: cannot reach the server at unix:ferry-admin.sock: is `ferry serve` running?";
    assert!(ran.err.starts_with(told), "{}", ran.err);
    let ran = run(folder.path(), &["--admin", "nowhere", "tenant", "list"]);
    let told = "error: 'nowhere' is neither unix:/path/of/a.sock nor an IP address with a port such as 127.0.0.1:9902, nor http://HOST:PORT\n";
    assert_eq!(ran.err, told);
}

#[test]
fn administration_on_tcp_needs_its_token() {
    let token = ferry_quota_server::principal::CredentialDigest::of(b"operator").to_hex();
    let on_tcp =
        format!("{ON_A_SOCKET}[admin]\nlisten = '127.0.0.1:0'\ntoken_sha256 = '{token}'\n");
    let folder = tempfile::tempdir().expect("a folder");
    let ferry = Ferry::start_with(folder, &config(&on_tcp));
    let at = ferry.admin_address.clone();
    for token in [&[][..], &["--admin-token", "wrong"]] {
        let ran = ferry.run(&[&["--admin", &at], token, &["tenant", "list"]].concat());
        assert_eq!(ran.status.code(), Some(1));
        assert_eq!(
            ran.err,
            "error: the operator's token is missing or wrong: give it in FERRY_ADMIN_TOKEN\n"
        );
    }
    let ran = ferry.run(&[
        "--admin",
        &at,
        "--admin-token",
        "operator",
        "tenant",
        "list",
    ]);
    assert_eq!(ran.out, "no tenants\n", "{}", ran.err);
    let url = format!("http://{at}");
    let ran = ferry.run(&[
        "--admin",
        &url,
        "--admin-token",
        "operator",
        "tenant",
        "list",
    ]);
    assert_eq!(ran.out, "no tenants\n", "{}", ran.err);
}

#[test]
fn check_config_tells_every_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("write");
    };
    file("prices.toml", PRICES);
    file("ferry.toml", &config(""));
    let good = run(folder.path(), &["check-config"]);
    assert!(good.status.success(), "{}", good.err);
    let told = "ferry.toml is good: 1 models at prices test-1 in USD, VND, gateways edge, mesh, leases without a sign of life: release\n";
    assert_eq!(good.out, told);

    file("bad.toml", "prices = 'prices.toml'\nlease = 1\nmore = 2\n");
    for arguments in [
        &["check-config", "bad.toml"][..],
        &["serve", "--config", "bad.toml"],
    ] {
        let bad = run(folder.path(), arguments);
        assert_eq!(bad.status.code(), Some(1));
        for told in [
            "error: bad.toml cannot be used:",
            "principals: missing",
            "lease: must be a table",
            "more: not known",
        ] {
            assert!(bad.err.contains(told), "{told}: {}", bad.err);
        }
    }
    file("prices.toml", &PRICES.replace("\"2\"", "2"));
    let bad = run(folder.path(), &["check-config"]);
    assert!(
        bad.err.contains("model[0].price.output: must be a string"),
        "{}",
        bad.err
    );
    let gone = run(folder.path(), &["check-config", "gone.toml"]);
    assert!(
        gone.err
            .starts_with("error: failed to read gone.toml: No such file"),
        "{}",
        gone.err
    );
}

#[test]
fn the_first_start_says_where_things_are() {
    let ferry = Ferry::start();
    let told = ferry.wait_for_log("ferry key create acme");
    assert!(told.contains(&ferry.path("ferry.db")), "{told}");
    let socket = ferry.path("ferry-admin.sock");
    assert!(
        told.contains(&format!("export FERRY_ADMIN=unix:{socket}")),
        "{told}"
    );
    let version = ferry.run(&["--version"]);
    assert_eq!(
        version.out,
        format!("ferry {}\n", env!("CARGO_PKG_VERSION"))
    );
}
