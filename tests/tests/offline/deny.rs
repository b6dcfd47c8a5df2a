//! Fail closed: nobody is served, nothing is held, and the first request after the outage is served as ever.

use ferry_examples::gateway::Gateway;
use ferry_tests::books::audit;
use ferry_tests::client::{Client, question, with};
use ferry_tests::gateway;
use ferry_tests::pause::Paused;
use ferry_tests::prices::{PLAIN, TABLE, tokens};
use ferry_tests::stats;
use serde_json::{Value, json};

use crate::assert_unreachable;

const PAID_IN: i64 = 1_000_000_000;
/// The gateway waits this long for a decision: several times as long as it takes to tell how many requests it has.
const SETTINGS: (&str, &str) = (
    r#""quota_cluster": "ferry-quota","#,
    r#""quota_cluster": "ferry-quota", "timeouts": { "reserve_ms": 5000 },"#,
);

fn bodies() -> [Value; 2] {
    let body = with(question(PLAIN.model, 40), json!({"max_tokens": 20}));
    [body.clone(), with(body, json!({"stream": true}))]
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_served_while_it_is_gone() {
    let gateway = gateway!().prices(TABLE).balance("1");
    let gateway = gateway.change(SETTINGS.0, SETTINGS.1).start().await;
    let mut gateway = gateway.unwrap();
    let client = Client::of(&gateway, gateway.customer()).unwrap();
    assert_served(&gateway, &client, 1).await;

    gateway.server_mut().kill().unwrap();
    assert_nobody_is_served(&gateway, &client, 1).await;
    gateway.server_mut().start().await.unwrap();
    assert_served(&gateway, &client, 2).await;

    hangs(&gateway, &client).await;
    assert_served(&gateway, &client, 3).await;
    gateway.stop().await.unwrap();
}

/// Nothing comes back, and a client that waits for it leaves.
async fn hangs(gateway: &Gateway, client: &Client) {
    let paused = Paused::process(gateway.server().id().unwrap()).unwrap();
    assert_nobody_is_served(gateway, client, 2).await;
    let [body, _] = bodies();
    let impatient = client.clone();
    let before = taken(gateway).await;
    let asking = tokio::spawn(async move { impatient.chat(&body).await });
    let more = "the request to wait for its decision";
    ferry_examples::wait::until(more, async || {
        Ok((taken(gateway).await > before).then_some(()))
    })
    .await
    .unwrap();
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    // Were the decision there before Envoy sees this, the request would go on to its provider, and be charged.
    ferry_examples::wait::until("Envoy to see that its client left", async || {
        let envoy = gateway.envoy(0)?;
        let active = stats::count(envoy, "http.ferry.downstream_rq_active").await?;
        Ok((active == 0).then_some(()))
    })
    .await
    .unwrap();
    drop(paused);
    stats::delivered(gateway.envoy(0).unwrap()).await.unwrap();
}

/// Requests that the gateway has something to tell of.
async fn taken(gateway: &Gateway) -> u64 {
    let envoy = gateway.envoy(0).unwrap();
    stats::count(envoy, "ferry_outbox_slots_taken")
        .await
        .unwrap()
}

async fn assert_nobody_is_served(gateway: &Gateway, client: &Client, served: u64) {
    for body in bodies() {
        assert_unreachable(&client.chat(&body).await.unwrap());
    }
    assert_unreachable(&client.models().await.unwrap());
    assert_eq!(gateway.simulator().unwrap().count(), served);
}

async fn assert_served(gateway: &Gateway, client: &Client, served: u64) {
    let [body, _] = bodies();
    let simulator = gateway.simulator().unwrap();
    simulator.next([ferry_examples::simulator::Script {
        input_tokens: Some(30),
        ..ferry_examples::simulator::Script::tokens(20)
    }]);
    let answer = client.chat(&body).await.unwrap();
    assert_eq!(
        (answer.status, simulator.count()),
        (200, served),
        "{answer:?}"
    );
    // Nothing of what was asked in the meantime is held or charged.
    let left = audit(gateway, gateway.customer(), PAID_IN).await.unwrap();
    let charge = PLAIN.charge(&tokens(30, 20)).unwrap();
    assert_eq!(left, PAID_IN - i64::try_from(served).unwrap() * charge);
}
