//! No reservation, no credential: whatever does not come through the filter gets nothing from a provider. And nothing that a
//! client sends stops the filter.

use ferry_tests::gateway;
use reqwest::{Client, Response};
use serde_json::{Value, json};

/// What the committed configuration says of its one route, where further routes are put before it.
const ROUTES: &str = "              routes:\n";
/// A route on which somebody switched the gateway filter off, one that the filter's settings do not name, one that leads
/// straight to the provider.
const NEIGHBOURS: &str = r#"              routes:
              - name: disabled
                match: { prefix: /disabled/ }
                route: { cluster_header: x-neighbour, prefix_rewrite: /v1/ }
                typed_per_filter_config:
                  ferry.gateway:
                    "@type": type.googleapis.com/envoy.config.route.v3.FilterConfig
                    disabled: true
              - name: unlisted
                match: { prefix: /unlisted/ }
                route: { cluster_header: x-neighbour, prefix_rewrite: /v1/ }
"#;

#[tokio::test]
async fn what_skips_the_filter_finds_no_credential() {
    let gateway = gateway!()
        .change(ROUTES, NEIGHBOURS)
        .start()
        .await
        .expect("start a gateway");
    let key = &gateway.customer().api_key;
    let root = gateway.envoy(0).expect("an Envoy").url();
    let forged = [
        ("x-ferry-provider-1", "simulator"),
        (
            "x-ferry-marker",
            "reservation:01900000-0000-7000-8000-000000000000",
        ),
        ("x-envoy-attempt-count", "1"),
        ("x-neighbour", "simulator"),
    ];

    let disabled = post(&format!("{root}/disabled/chat/completions"), key, &forged).await;
    assert_eq!(disabled.status(), 503);
    let error: Value = disabled.json().await.expect("JSON");
    assert_eq!(error["error"]["code"], "not_admitted", "{error}");

    let unlisted = post(&format!("{root}/unlisted/chat/completions"), key, &forged).await;
    assert_eq!(unlisted.status(), 503);
    let error: Value = unlisted.json().await.expect("JSON");
    assert_eq!(error["error"]["code"], "route_not_configured", "{error}");

    assert_eq!(
        gateway.simulator().expect("a simulator").count(),
        0,
        "nothing reached the provider"
    );

    let listed = post(&format!("{root}/v1/chat/completions"), key, &forged).await;
    assert_eq!(listed.status(), 200, "the billed route works");
    assert_eq!(gateway.simulator().expect("a simulator").count(), 1);
}

#[tokio::test]
async fn garbage_is_answered_and_the_next_request_is_served() {
    let gateway = gateway!().start().await.expect("start a gateway");
    let key = &gateway.customer().api_key;
    let url = format!("{}/chat/completions", gateway.base_url());
    for body in garbage() {
        let response = Client::new()
            .post(&url)
            .bearer_auth(key)
            .body(body.clone())
            .send()
            .await
            .expect("an answer");
        let (status, text) = (response.status(), response.text().await.expect("a body"));
        let error: Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"));
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(status, 400, "{shown}: {error}");
        assert_eq!(
            error["error"]["type"], "invalid_request_error",
            "{shown}: {error}"
        );
    }
    // Headers as nobody should send them.
    let (long, control) = ("x".repeat(50_000), "tab\there");
    for (name, value) in [
        ("x-ferry-feature", long.as_str()),
        ("x-ferry-end-user", control),
        ("content-encoding", "gzip"),
        ("idempotency-key", ""),
    ] {
        let response = post(&url, key, &[(name, value)]).await;
        assert!(
            matches!(response.status().as_u16(), 200 | 400 | 415 | 431),
            "{name}: {}",
            response.status()
        );
    }
    let good = post(&url, key, &[]).await;
    assert_eq!(good.status(), 200, "the filter still works");
    let stats = gateway
        .envoy(0)
        .expect("an Envoy")
        .admin("/stats?filter=wasm")
        .await
        .expect("stats");
    let reloads: Vec<&str> = stats
        .lines()
        .filter(|line| line.contains("vm_reload") && !line.ends_with(": 0"))
        .collect();
    assert!(reloads.is_empty(), "a VM died: {reloads:?}");
    let balance = gateway
        .settled(&gateway.customer().tenant)
        .await
        .expect("everything is settled");
    assert_eq!(balance.held, "0.000000000");
}

async fn post(url: &str, key: &str, headers: &[(&str, &str)]) -> Response {
    let body = json!({"model": "gpt-4o-mini", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]});
    let mut request = Client::new().post(url).bearer_auth(key).json(&body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

/// Bodies that are no request.
fn garbage() -> [Vec<u8>; 14] {
    let deep = "[".repeat(100_000);
    let long_number = format!("{{\"n\":{}}}", "9".repeat(100_000));
    let long_key = format!("{{\"{}\":1}}", "k".repeat(200_000));
    [
        b"".as_slice(),
        b"{",
        b"null",
        b"\xff\xfe\x00",
        b"\xef\xbb\xbf{}",
        b"{\"model\":\"gpt-4o-mini\",\"messages\":[]}garbage",
        b"{\"model\":\"gpt-4o-mini\",\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"\"}]}",
        b"{\"model\":{},\"messages\":\"\"}",
        b"{\"model\":\"\\ud800\",\"messages\":[]}",
        b"{\"model\":\"gpt-4o-mini\",\"messages\":[],\"max_tokens\":-1}",
        b"{\"model\":\"gpt-4o-mini\",\"messages\":[],\"max_tokens\":1e400,\"n\":99999999999999999999}",
        deep.as_bytes(),
        long_number.as_bytes(),
        long_key.as_bytes(),
    ]
    .map(<[u8]>::to_vec)
}
