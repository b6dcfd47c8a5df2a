//! A provider that cannot be reached has not worked on anything.

use ferry_examples::envoy::config::Provider;
use ferry_tests::books::{audit, records};
use ferry_tests::client::{Client, question, with};
use ferry_tests::gateway;
use ferry_tests::prices::{PLAIN, TABLE};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_never_reached_a_provider_costs_nothing() {
    // Nobody listens there: it takes more than a user to open that port.
    let nobody = Provider::Simulator {
        address: "127.0.0.1:1".parse().unwrap(),
        key: "of no use".to_owned(),
    };
    let gateway = gateway!().prices(TABLE).balance("1").provider(nobody);
    let gateway = gateway.start().await.unwrap();
    let customer = gateway.customer();
    let client = Client::of(&gateway, customer).unwrap();
    for stream in [false, true] {
        let body = with(question(PLAIN.model, 40), json!({"stream": stream}));
        let answer = client.chat(&body).await.unwrap();
        let kind = "service_unavailable_error".to_owned();
        let code = Some("provider_unavailable".to_owned());
        assert_eq!(answer.error(), (503, kind, code), "{answer:?}");
    }
    let left = audit(&gateway, customer, 1_000_000_000).await.unwrap();
    assert_eq!(left, 1_000_000_000);
    assert_eq!(records(&gateway, customer).await.unwrap(), []);
    gateway.stop().await.unwrap();
}
