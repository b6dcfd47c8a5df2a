//! The path of a request through a real Envoy: that it is whole, and that nothing goes around it.

use anyhow::Context as _;
use ferry_examples::gateway::Gateway;
use ferry_examples::wait;
use ferry_tests::gateway;
use serde_json::{Value, json};

/// A chat completion; with another model it is another request.
fn ask(gateway: &Gateway, more: &Value) -> reqwest::RequestBuilder {
    let mut body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "When does the ferry leave?"}]});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    reqwest::Client::new()
        .post(format!("{}/chat/completions", gateway.base_url()))
        .bearer_auth(&gateway.customer().api_key)
        .json(&body)
}

#[tokio::test]
async fn a_chat_is_answered_and_charged() {
    let gateway = gateway!().workers(2).start().await.unwrap();
    for more in [json!({}), json!({"stream": true}), json!({"max_tokens": 5})] {
        let answer = ask(&gateway, &more).send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        assert_eq!(
            status,
            200,
            "{text} {}",
            gateway.envoy(0).unwrap().log().unwrap()
        );
        assert!(
            text.contains("The ferry") || text.contains(" ferry"),
            "{text}"
        );
        let request = headers["x-ferryapi-request-id"].to_str().unwrap();
        let usage = gateway.usage(request).await.unwrap();
        assert_eq!(usage.state, "settled", "{usage:#?}");
        assert_eq!(usage.source.as_deref(), Some("reported"), "{usage:#?}");
    }
    let balance = gateway.settled(&gateway.customer().tenant).await.unwrap();
    assert_eq!(balance.held, "0.000000000");
    assert_eq!(gateway.simulator().unwrap().count(), 3);
    assert!(gateway.admin().verify().await.unwrap().clean);
    gateway.stop().await.unwrap();
}

#[tokio::test]
async fn a_route_without_the_gateway_filter_reaches_no_provider() {
    let route = "              - name: chat\n";
    let disabled = format!(
        "{route}                typed_per_filter_config:\n                  ferry.gateway:\n                    \
         \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig\n                    disabled: true\n"
    );
    let gateway = gateway!().change(route, disabled).start().await.unwrap();
    let answer = ask(&gateway, &json!({})).header("x-ferry-provider-1", "simulator");
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(gateway.simulator().unwrap().count(), 0);
    gateway.stop().await.unwrap();
}

/// Requests that Envoy has made to the quota server so far; a stream is one.
async fn made_to_the_quota_server(gateway: &Gateway) -> anyhow::Result<u64> {
    const NAME: &str = "cluster.ferry-quota.upstream_rq_total: ";
    let stats = gateway.envoy(0)?.admin("/stats").await?;
    let line = stats.lines().find_map(|line| line.strip_prefix(NAME));
    Ok(line.context("Envoy does not count them")?.parse()?)
}

/// Asks until the calls that it takes go on a stream that was there before.
async fn until_there_is_a_stream(gateway: &Gateway) {
    let stream = wait::until("a stream to the quota server", async || {
        let before = made_to_the_quota_server(gateway).await?;
        ask(gateway, &json!({})).send().await?.text().await?;
        gateway.settled(&gateway.customer().tenant).await?;
        Ok((made_to_the_quota_server(gateway).await? == before).then_some(()))
    });
    stream.await.unwrap();
}

#[tokio::test]
async fn calls_to_the_quota_server_share_a_stream_that_is_opened_again() {
    let mut gateway = gateway!().workers(1).start().await.unwrap();
    for life in 0..2 {
        until_there_is_a_stream(&gateway).await;
        let before = made_to_the_quota_server(&gateway).await.unwrap();
        for more in [json!({}), json!({"stream": true}), json!({"max_tokens": 5})] {
            let answer = ask(&gateway, &more).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
            answer.text().await.unwrap();
        }
        gateway.settled(&gateway.customer().tenant).await.unwrap();
        let after = made_to_the_quota_server(&gateway).await.unwrap();
        assert_eq!(before, after, "calls of their own in life {life}");
        if life == 0 {
            gateway.server_mut().kill().unwrap();
            let answer = ask(&gateway, &json!({})).send().await.unwrap();
            assert_eq!(answer.status(), 503);
            gateway.server_mut().start().await.unwrap();
        }
    }
    assert!(gateway.admin().verify().await.unwrap().clean);
    gateway.stop().await.unwrap();
}
