//! Ends and starts: SIGTERM finishes what is in flight, SIGKILL loses nothing that was answered.

use crate::ferry::{EDGE_TOKEN, Ferry, ON_A_SOCKET, config};
use crate::gateway::{digest, facts, granted, id, reserve, settle};
use ferry_api::v1;

#[tokio::test]
async fn sigterm_ends_in_good_order() {
    let mut ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    granted(&mut gateway, reserve(id(1), key, facts())).await;
    // The gateway's connection hangs while this thread waits: it does not hold up the end.
    ferry.terminate();
    let status = ferry.wait();
    assert!(status.success(), "{status}");
    ferry.wait_for_log(" stopped");
    for socket in ["quota.sock", "ferry-admin.sock", "http.sock"] {
        assert!(
            !std::path::Path::new(&ferry.path(socket)).exists(),
            "{socket}"
        );
    }
    // The log was carried into the database: there is nothing to recover.
    assert!(!std::path::Path::new(&ferry.path("ferry.db-wal")).exists());
}

#[tokio::test]
async fn what_was_answered_survives_sigkill() {
    let ferry = Ferry::start();
    let text = ferry.tenant_with("acme", "5");
    let key = digest(&text);
    let one = id(1);
    granted(
        &mut ferry.gateway(Some(EDGE_TOKEN)).await,
        reserve(one, key, facts()),
    )
    .await;
    let folder = ferry.kill();

    let ferry = Ferry::start_with(folder, &config(ON_A_SOCKET));
    assert_eq!(ferry.json(&["balance", "acme"])["held"], "0.000200000");
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let items = vec![settle(one, key)];
    let answer = gateway
        .settle(v1::SettleRequest { items })
        .await
        .expect("an answer");
    let outcome = answer
        .into_inner()
        .results
        .pop()
        .and_then(|result| result.outcome);
    let Some(v1::settle_result::Outcome::Settled(settled)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(settled.charged, "0.000120000");
    let balance = ferry.json(&["balance", "acme"]);
    assert_eq!(
        (&balance["posted"], &balance["held"]),
        (&"4.999880000".into(), &"0.000000000".into())
    );
}

#[test]
fn one_database_has_one_server() {
    let ferry = Ferry::start();
    let ran = ferry.run(&["serve"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.err.starts_with("error: failed to open "), "{}", ran.err);
    // The first one is not disturbed.
    assert_eq!(
        ferry.json(&["tenant", "list"])["tenants"],
        serde_json::json!([])
    );
}

#[test]
fn every_balance_is_in_a_currency_that_has_prices() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    let folder = ferry.kill();
    let prices = crate::ferry::PRICES
        .replace("test-1", "test-2")
        .replace("USD", "EUR");
    std::fs::write(folder.path().join("prices.toml"), prices).expect("write the prices");
    let ran = crate::ferry::run(folder.path(), &["serve"]);
    assert_eq!(ran.status.code(), Some(1));
    let told = "error: the price table has prices in EUR, VND, but the money of tenant 'acme' is in USD: give its [exchange] a rate \
                for USD\n";
    assert!(ran.err.ends_with(told), "{}", ran.err);
}

#[test]
fn a_changed_price_table_needs_a_new_version() {
    let ferry = Ferry::start();
    let folder = ferry.kill();
    let prices = crate::ferry::PRICES.replace("input = \"1\"", "input = \"3\"");
    std::fs::write(folder.path().join("prices.toml"), prices).expect("write the prices");
    let ran = crate::ferry::run(folder.path(), &["serve"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(
        ran.err
            .contains("price version 'test-1' is known with other content"),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn no_secret_is_in_the_log() {
    let debug = format!("{ON_A_SOCKET}[log]\nfilter = 'trace'\nformat = 'json'\n");
    let folder = tempfile::tempdir().expect("a folder");
    let ferry = Ferry::start_with(folder, &config(&debug));
    let text = ferry.tenant_with("acme", "5");
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    granted(&mut gateway, reserve(id(1), digest(&text), facts())).await;
    ferry.terminate();
    let log = ferry.wait_for_log("\"stopped\"");
    let hex: String = digest(&text)
        .as_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    for secret in [text.as_str(), &text[12..], EDGE_TOKEN, &hex] {
        assert!(!log.contains(secret), "{secret}");
    }
}
