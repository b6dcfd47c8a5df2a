//! Shadow mode: everything is recorded, and nothing is held, charged, refused or touched, whoever asks for whatever.

use ferry_examples::gateway::{Customer, Gateway};
use ferry_examples::simulator::{Act, Gate, Point, Script};
use ferry_examples::wait;
use ferry_quota_server::admin::wire::UsageRecord;
use ferry_tests::books::{audit, open, tagged};
use ferry_tests::client::{Answer, Client, question, with};
use ferry_tests::gateway;
use ferry_tests::prices::{PLAIN, TABLE, nanos, tokens};
use serde_json::json;

const ROUTE: &str = r#"{ "mode": "shadow", "on_quota_unreachable": "deny" }"#;
/// A body that enforcement would have to rewrite in four places.
const BODY: &str = r#"{ "model":"plain", "messages":[{"role":"user","content":"????????????????????????????????????????"}],
 "max_tokens": 20 , "stream" : true, "stream_options": {"include_usage": false} }"#;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_touched_in_shadow_mode() {
    let gateway = gateway!().prices(TABLE).balance("0").route(ROUTE);
    let mut gateway = gateway.start().await.unwrap();
    gateway.simulator().unwrap().script(script());
    a_stream_is_not_touched(&gateway).await;
    an_answer_is_recorded(&gateway, "json").await;
    nothing_is_held(&gateway).await;
    whoever_asks_for_whatever(&gateway).await;

    gateway.server_mut().kill().unwrap();
    let client = Client::of(&gateway, gateway.customer()).unwrap();
    let answer = client.tagged("outage").unwrap().chat(&body()).await;
    assert_eq!(answer.unwrap().status, 200);
    gateway.server_mut().start().await.unwrap();
    let record = tagged(&gateway, gateway.customer(), "outage").await;
    assert_shadow(&record.unwrap(), &["unreserved", "shadow"]);

    let left = audit(&gateway, gateway.customer(), 0).await.unwrap();
    assert_eq!(left, 0);
    gateway.stop().await.unwrap();
}

fn body() -> serde_json::Value {
    with(question(PLAIN.model, 40), json!({"max_tokens": 20}))
}

fn script() -> Script {
    Script {
        input_tokens: Some(30),
        ..Script::tokens(8)
    }
}

fn assert_shadow(record: &UsageRecord, flags: &[&str]) {
    assert_eq!(
        (record.mode.as_str(), record.state.as_str()),
        ("shadow", "settled"),
        "{record:#?}"
    );
    assert_eq!(record.flags, flags, "{record:#?}");
    assert_eq!(nanos(&record.charged).unwrap(), 0, "{record:#?}");
    let cost = PLAIN.charge(&record.usage).unwrap() / 2;
    assert_eq!(nanos(&record.cost).unwrap(), cost, "{record:#?}");
}

/// Sends these bytes, as below, in a request that the provider answers only when the quota server has decided: nothing waits for that decision in
/// shadow mode, and a settlement that overtakes it is recorded without what would have been held.
async fn decided(gateway: &Gateway, client: &Client, body: &str) -> Answer {
    let simulator = gateway.simulator().unwrap();
    simulator.forget();
    let gate = Gate::shut();
    simulator.next([script().at(Point::Start, Act::Hold(gate.clone()))]);
    let decision = async {
        wait::until("the decision", async || {
            let open = open(gateway, gateway.customer()).await?;
            Ok((open.len() == 1).then_some(()))
        })
        .await
        .unwrap();
        gate.open();
    };
    tokio::join!(send(gateway, client, body), decision).0
}

/// Sends these bytes; what the client saw. The provider must have got the same bytes.
async fn untouched(gateway: &Gateway, client: &Client, body: &str) -> Answer {
    gateway.simulator().unwrap().forget();
    send(gateway, client, body).await
}

async fn send(gateway: &Gateway, client: &Client, body: &str) -> Answer {
    let simulator = gateway.simulator().unwrap();
    let begun = client.send(body.as_bytes().to_vec()).await.unwrap();
    let answer = begun.finish().await;
    let seen = simulator.requests();
    assert_eq!(seen.len(), 1, "{answer:?}");
    assert_eq!(String::from_utf8_lossy(&seen[0].body), body);
    answer
}

async fn a_stream_is_not_touched(gateway: &Gateway) {
    let customer = gateway.customer();
    let client = Client::of(gateway, customer).unwrap().tagged("stream");
    let answer = decided(gateway, &client.unwrap(), BODY).await;
    assert_eq!(
        (answer.status, answer.events().len()),
        (200, 8 + 3),
        "{answer:?}"
    );
    let record = tagged(gateway, customer, "stream").await.unwrap();
    assert_eq!(answer.request_id().unwrap(), record.request_id);
    // The client did not ask for the usage, and nobody else does in its place.
    assert_shadow(&record, &["provisional", "shadow"]);
    assert_eq!(record.source.as_deref(), Some("counted"), "{record:#?}");
}

/// What would have been held stands on the record.
async fn an_answer_is_recorded(gateway: &Gateway, tag: &str) {
    let customer = gateway.customer();
    let client = Client::of(gateway, customer).unwrap().tagged(tag).unwrap();
    let answer = decided(gateway, &client, &body().to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let record = tagged(gateway, customer, tag).await.unwrap();
    assert_shadow(&record, &["shadow"]);
    assert_eq!(record.usage, tokens(30, 8), "{record:#?}");
    let reserved = nanos(record.reserved.as_deref().unwrap()).unwrap();
    assert_eq!(reserved, PLAIN.hold(316, 20).unwrap(), "{record:#?}");
}

/// While a request is on its way, too.
async fn nothing_is_held(gateway: &Gateway) {
    let customer: Customer = gateway.customer().clone();
    let gate = Gate::shut();
    let script = Script::default().at(Point::Start, Act::Hold(gate.clone()));
    gateway.simulator().unwrap().next([script]);
    let client = Client::of(gateway, &customer).unwrap();
    let asking = tokio::spawn(async move { client.chat(&body()).await });
    gate.arrived(1).await;
    let balance = gateway.admin().balance(&customer.tenant).await.unwrap();
    assert_eq!(balance.held, "0.000000000");
    gate.open();
    assert_eq!(asking.await.unwrap().unwrap().status, 200);
}

/// Keys that nobody knows, bodies that nobody can read: the provider's answer is the answer.
async fn whoever_asks_for_whatever(gateway: &Gateway) {
    let url = gateway.base_url();
    for key in ["fk_nobody", "sk-some-other-gateways-key"] {
        let stranger = Client::at(&url, key).unwrap();
        let answer = untouched(gateway, &stranger, BODY).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let client = Client::of(gateway, gateway.customer()).unwrap();
    let answer = untouched(gateway, &client, "{ not JSON").await;
    let invalid = "invalid_request_error".to_owned();
    assert_eq!(answer.error(), (400, invalid, None), "{answer:?}");
    let unpriced = BODY.replace("\"plain\"", "\"unpriced\"");
    let answer = untouched(gateway, &client, &unpriced).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let models = client.models().await.unwrap();
    assert_eq!(
        models.json()["data"][0]["owned_by"],
        "simulator",
        "{models:?}"
    );
}
