//! Who learns what: prompts stay in Envoy, the customer's key never goes upstream, the provider's key never comes down.

use ferry_examples::gateway::Gateway;
use ferry_examples::simulator::{Script, Seen};
use ferry_tests::gateway;
use reqwest::Client;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Words that occur nowhere else.
const PROMPT_MARKER: &str = "zanzibar-prompt-7f3a";
const TOOL_MARKER: &str = "zanzibar-tool-91bc";
const IDEMPOTENCY_MARKER: &str = "zanzibar-idempotency-22e0";

#[tokio::test]
async fn secrets_and_prompts_stay_where_they_belong() {
    let gateway = gateway!().start().await.expect("start a gateway");
    let key = &gateway.customer().api_key;
    let simulator = gateway.simulator().expect("a simulator");
    let provider_key = simulator.provider().key().to_owned();
    // An answer and an error, each a JSON body and a stream; then one whose key is refused.
    simulator.next([
        Script::default(),
        Script::default(),
        Script::error(500),
        Script::error(429),
    ]);
    let mut answers = Vec::new();
    for (number, stream) in (0..).zip([false, true, false, true]) {
        answers.push(send(&gateway, key, stream, number).await);
    }
    answers.push(send(&gateway, "fk_wrong", false, 4).await);
    gateway
        .settled(&gateway.customer().tenant)
        .await
        .expect("everything is settled");

    upstream_learns_no_customer(&simulator.requests(), key, &provider_key);
    for answer in &answers {
        assert!(
            !answer.contains(&provider_key),
            "the provider's key comes downstream: {answer}"
        );
    }
    envoy_tells_no_secret(&gateway, &[&provider_key, key, PROMPT_MARKER]).await;
    let secrets = [
        PROMPT_MARKER,
        TOOL_MARKER,
        IDEMPOTENCY_MARKER,
        key,
        &provider_key,
    ];
    server_knows_no_secret(&gateway, &secrets).await;
}

fn upstream_learns_no_customer(seen: &[Seen], key: &str, provider_key: &str) {
    assert_eq!(seen.len(), 4, "four requests reached the provider");
    for request in seen {
        let told = format!(
            "{:?} {}",
            request.headers,
            String::from_utf8_lossy(&request.body)
        );
        assert!(
            told.contains(PROMPT_MARKER),
            "the prompt goes to the provider"
        );
        assert!(
            !told.contains(key),
            "the customer's key goes upstream: {told}"
        );
        assert!(!told.contains(IDEMPOTENCY_MARKER), "{told}");
        assert_eq!(
            request.header("authorization"),
            Some(format!("Bearer {provider_key}").as_str())
        );
        assert_eq!(request.header("accept-encoding"), Some("identity"));
        let ours = ["x-ferry-", "x-ferryapi-", "x-envoy-", "idempotency-key"];
        let leaked: Vec<_> = request
            .headers
            .iter()
            .filter(|(name, _)| ours.iter().any(|o| name.starts_with(o)))
            .collect();
        assert!(leaked.is_empty(), "{leaked:?}");
    }
}

async fn envoy_tells_no_secret(gateway: &Gateway, secrets: &[&str]) {
    let envoy = gateway.envoy(0).expect("an Envoy");
    let dump = envoy
        .admin("/config_dump?include_eds")
        .await
        .expect("a config dump");
    assert!(
        dump.contains("quota_cluster"),
        "the dump shows the filter's configuration"
    );
    let texts = [
        ("config dump", dump),
        ("log", envoy.log().expect("a log")),
        ("access log", envoy.access_log().expect("an access log")),
    ];
    for (name, text) in &texts {
        for secret in secrets {
            assert!(!text.contains(secret), "Envoy's {name} holds {secret}");
        }
    }
}

async fn server_knows_no_secret(gateway: &Gateway, secrets: &[&str]) {
    let metrics = gateway.server().metrics().await.expect("metrics");
    for secret in secrets {
        assert!(!metrics.contains(secret), "metrics hold {secret}");
        nowhere_in(&server_files(gateway), secret);
    }
}

/// Sends a prompt with everything in it that must not travel, and returns all that comes back.
async fn send(gateway: &Gateway, key: &str, stream: bool, number: u32) -> String {
    let body = json!({
        "model": "gpt-4o-mini", "stream": stream, "max_tokens": 20, "user": PROMPT_MARKER,
        "messages": [{"role": "user", "content": PROMPT_MARKER}],
        "tools": [{"type": "function", "function": {"name": TOOL_MARKER, "parameters": {}}}],
    });
    let response = Client::new()
        .post(format!("{}/chat/completions", gateway.base_url()))
        .bearer_auth(key)
        // Each its own: one key is free only once its settlement has landed.
        .header("idempotency-key", format!("{IDEMPOTENCY_MARKER}-{number}"))
        .header("x-ferry-feature", "secrecy")
        .header("x-ferry-provider-1", "openai")
        .header("x-ferryapi-request-id", "mine")
        .header("x-envoy-upstream-rq-timeout-ms", "1")
        .json(&body)
        .send()
        .await
        .expect("an answer");
    let head = format!("{:?}", response.headers());
    format!("{head}\n{}", response.text().await.expect("a body"))
}

/// Everything that the quota server wrote: database with its journal, logs.
fn server_files(gateway: &Gateway) -> Vec<PathBuf> {
    let database = gateway.server().database();
    let folder = database.parent().expect("a folder");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("read the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .collect();
    files.push(gateway.server().log());
    files
}

fn nowhere_in(files: &[PathBuf], secret: &str) {
    assert!(files.len() >= 2, "the database and the log: {files:?}");
    for file in files {
        assert!(
            !holds(file, secret.as_bytes()),
            "{} holds {secret}",
            file.display()
        );
    }
}

fn holds(file: &Path, secret: &[u8]) -> bool {
    let bytes = std::fs::read(file).expect("read the file");
    bytes.windows(secret.len()).any(|window| window == secret)
}
