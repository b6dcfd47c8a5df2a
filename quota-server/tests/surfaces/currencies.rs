//! A tenant that pays in another currency than the price table's: its money is its own, the provider's is the table's.

use crate::ferry::{EDGE_TOKEN, Ferry};
use crate::gateway::{digest, facts, granted, id, reserve, settle};
use ferry_api::v1;

#[tokio::test]
async fn a_tenant_pays_in_dong_and_the_provider_is_paid_in_dollars() {
    let ferry = Ferry::start();
    ferry.json(&["tenant", "create", "pho", "--currency", "VND"]);
    let topped_up = ferry.json(&["topup", "pho", "100"]);
    assert_eq!(
        (&topped_up["position"]["available"], &topped_up["currency"]),
        (&"100.000000".into(), &"VND".into())
    );
    let created = ferry.json(&["key", "create", "pho"]);
    let key = digest(created["api_key"].as_str().expect("a key"));
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    // 100 tokens in at 26,000.50 a million, 50 out at 52,001: and a millionth of a dong for each line that may round up.
    let told = granted(&mut gateway, reserve(id(1), key, facts())).await;
    assert_eq!(
        (told.reserved.as_str(), told.currency.as_str()),
        ("5.200103", "VND")
    );
    let remaining = v1::Header {
        name: "x-ai-quota-remaining-vnd".into(),
        value: "94.799897".into(),
    };
    assert!(told.headers.contains(&remaining), "{:?}", told.headers);
    let request = v1::SettleRequest {
        items: vec![settle(id(1), key)],
    };
    gateway.settle(request).await.expect("an answer");
    // 80 tokens in, 20 out.
    let record = &ferry.json(&["usage"])["usage"][0];
    for (field, is) in [
        ("currency", "VND"),
        ("charged", "3.120060"),
        ("cost", "0.000060000"),
        ("cost_currency", "USD"),
    ] {
        assert_eq!(record[field], is, "{record}");
    }
    assert!(record["margin"].is_null(), "{record}");
    let shown = ferry.run(&["usage"]).out;
    assert!(shown.contains("0.000060000 USD"), "{shown}");
    let accounts = ferry.json(&["accounts", "--tenant", "pho"]);
    let told: Vec<String> = accounts["accounts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|told| {
            let text = |field: &str| told[field].as_str().expect("text").to_owned();
            format!(
                "{} {} {}",
                text("account"),
                text("balance"),
                text("currency")
            )
        })
        .collect();
    let expected = [
        "asset.clearing 100.000000 VND",
        "expense.provider_cost 0.000060000 USD",
        "liability.prepaid -96.879940 VND",
        "liability.provider_payable:simulator -0.000060000 USD",
        "revenue.usage -3.120060 VND",
    ];
    assert_eq!(told, expected);
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}

#[test]
fn a_currency_without_a_rate_is_refused_and_a_rate_that_went_away_is_told() {
    let ferry = Ferry::start();
    let refused = ferry.run(&["tenant", "create", "paris", "--currency", "EUR"]);
    assert!(
        !refused.status.success() && refused.err.contains("none of USD, VND"),
        "{}",
        refused.err
    );
    ferry.json(&["tenant", "create", "pho", "--currency", "VND"]);
    let other = ferry.run(&["tenant", "create", "pho"]);
    assert!(
        !other.status.success() && other.err.contains("currency"),
        "{}",
        other.err
    );
    assert_eq!(ferry.json(&["verify"])["clean"], true);
}
