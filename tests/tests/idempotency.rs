//! Two requests under one idempotency key: while the first is in flight, the second is told so; afterwards it is a request like
//! any other, and is charged.

use ferry_examples::gateway::Gateway;
use ferry_examples::simulator::{Act, Gate, Point, Script};
use ferry_quota_server::admin::wire::CreateKey;
use ferry_tests::gateway;
use reqwest::Response;
use serde_json::{Value, json};

async fn ask(gateway: &Gateway, api_key: &str) -> Response {
    let body = json!({"model": "gpt-4o-mini", "max_tokens": 20, "messages": [{"role": "user", "content": "When does the ferry leave?"}]});
    reqwest::Client::new()
        .post(format!("{}/chat/completions", gateway.base_url()))
        .bearer_auth(api_key)
        .header("idempotency-key", "order-4711")
        .json(&body)
        .send()
        .await
        .expect("an answer")
}

/// The request is answered by the provider, and charged.
async fn is_charged(gateway: &Gateway, answer: Response) {
    assert_eq!(answer.status(), 200);
    let request = answer.headers()["x-ferryapi-request-id"].clone();
    answer.bytes().await.expect("a body");
    let usage = gateway.usage(request.to_str().expect("text")).await;
    let usage = usage.expect("a usage record");
    assert_eq!(usage.state, "settled");
    assert_ne!(usage.charged, "0.000000000");
}

/// The request is told that another one is in flight, and not to come again by itself.
async fn is_in_use(answer: Response) {
    assert_eq!(answer.status(), 409);
    assert_eq!(answer.headers()["x-should-retry"], "false");
    let mut told: Value = answer.json().await.expect("JSON");
    let message = told["error"]["message"].take();
    assert!(
        message
            .as_str()
            .is_some_and(|m| m.contains("idempotency key")),
        "{message}"
    );
    let expected = json!({"error": {
        "message": null, "type": "invalid_request_error", "param": null, "code": "idempotency_key_in_use",
    }});
    assert_eq!(told, expected);
}

#[tokio::test]
async fn of_two_requests_under_one_key_the_second_waits_its_turn() {
    let gateway = gateway!().start().await.expect("start a gateway");
    let simulator = gateway.simulator().expect("a simulator");
    let customer = gateway.customer();
    let gate = Gate::shut();
    simulator.next([Script::default().at(Point::Start, Act::Hold(gate.clone()))]);

    let first = ask(&gateway, &customer.api_key);
    let meanwhile = async {
        gate.arrived(1).await;
        is_in_use(ask(&gateway, &customer.api_key).await).await;
        // What another of the customer's keys sends is another request.
        let second_key = CreateKey {
            label: "second".into(),
            ..CreateKey::default()
        };
        let created = gateway
            .admin()
            .create_key(&customer.tenant, &second_key)
            .await;
        let api_key = created.expect("a key").api_key;
        is_charged(&gateway, ask(&gateway, &api_key).await).await;
        assert_eq!(simulator.count(), 2, "the refused one reached the provider");
        gate.open();
    };
    let (first, ()) = tokio::join!(first, meanwhile);
    is_charged(&gateway, first).await;

    // It has ended once it is settled; the same key is free then, and nothing is replayed.
    gateway.settled(&customer.tenant).await.expect("settled");
    is_charged(&gateway, ask(&gateway, &customer.api_key).await).await;
    assert_eq!(simulator.count(), 3);
    let records = gateway
        .admin()
        .usage(Some(&customer.tenant), None, 10)
        .await;
    assert_eq!(records.expect("usage records").usage.len(), 3);
    assert!(gateway.admin().verify().await.expect("verify").clean);
    gateway.stop().await.expect("stop");
}
