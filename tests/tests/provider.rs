//! Providers' answers as they come: the client gets the same bytes, and the record says the same numbers.

use ferry_examples::envoy::config::Provider;
use ferry_examples::gateway::Gateway;
use ferry_quota_server::admin::wire::UsageRecord;
use ferry_tests::gateway;
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const KEY: &str = "sk-wiremock";

/// What a provider answers, and what is to be read from it.
struct Answer {
    file: &'static str,
    stream: bool,
    choices: u32,
    source: &'static str,
    input: u64,
    cached: u64,
    output: u64,
    reasoning: u64,
}

#[tokio::test]
async fn fixtures_pass_unchanged_and_are_billed_as_reported() {
    let provider = MockServer::start().await;
    let gateway = gateway!()
        .provider(Provider::Simulator {
            address: *provider.address(),
            key: KEY.to_owned(),
        })
        .start()
        .await
        .expect("start a gateway");
    for answer in answers() {
        let body = fixture(answer.file);
        let kind = if answer.stream {
            "text/event-stream"
        } else {
            "application/json"
        };
        let mock = Mock::given(method("POST"))
            .and(path("/v1/chat/completions"))
            .and(header("authorization", format!("Bearer {KEY}").as_str()))
            .respond_with(ResponseTemplate::new(200).set_body_raw(body.clone(), kind))
            .expect(1)
            .mount_as_scoped(&provider)
            .await;
        let (told, record) = ask(&gateway, &answer).await;
        drop(mock);
        assert!(told == body, "{}: the client got other bytes", answer.file);
        is_billed(&answer, &record);
    }
    assert!(gateway.admin().verify().await.expect("verify").clean);
}

/// Sends a request that asks for usage itself, so that nothing is to be hidden.
async fn ask(gateway: &Gateway, answer: &Answer) -> (Vec<u8>, UsageRecord) {
    let mut request = json!({
        "model": "gpt-4o-mini", "n": answer.choices, "max_tokens": 4_000, "stream": answer.stream,
        "messages": [{"role": "user", "content": "When does the ferry leave?"}],
    });
    if answer.stream {
        request["stream_options"] = json!({"include_usage": true});
    }
    let response = reqwest::Client::new()
        .post(format!("{}/chat/completions", gateway.base_url()))
        .bearer_auth(&gateway.customer().api_key)
        .json(&request)
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), 200, "{}", answer.file);
    let id = response.headers()["x-ferryapi-request-id"]
        .to_str()
        .expect("text")
        .to_owned();
    let told = response.bytes().await.expect("a body").to_vec();
    (told, gateway.usage(&id).await.expect("a usage record"))
}

fn is_billed(answer: &Answer, record: &UsageRecord) {
    let Answer { file, .. } = answer;
    let usage = &record.usage;
    assert_eq!(record.source.as_deref(), Some(answer.source), "{file}");
    assert_eq!(usage.input_tokens, answer.input, "{file}: input");
    assert_eq!(usage.cached_input_tokens, answer.cached, "{file}: cached");
    assert_eq!(usage.output_tokens, answer.output, "{file}: output");
    assert_eq!(
        usage.reasoning_tokens, answer.reasoning,
        "{file}: reasoning"
    );
    assert_eq!(record.attempts.len(), 1, "{file}");
    assert_eq!(record.cause.as_deref(), Some("complete"), "{file}");
}

/// The numbers are read from the fixtures' own usage blocks, by a parser that is not ours.
fn answers() -> Vec<Answer> {
    [
        ("chat.json", false, 1),
        ("chat-reasoning-cached.json", false, 1),
        ("chat-tools-n2.json", false, 2),
        ("stream-usage.sse", true, 1),
        ("stream-tools.sse", true, 1),
        ("stream-reasoning-cached.sse", true, 1),
        ("stream-vllm-continuous.sse", true, 1),
        ("stream-crlf-comments.sse", true, 1),
    ]
    .map(|(file, stream, choices)| {
        let usage = last_usage(file);
        let number = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let cached = number("/prompt_tokens_details/cached_tokens");
        let reasoning = number("/completion_tokens_details/reasoning_tokens");
        Answer {
            file,
            stream,
            choices,
            source: "reported",
            input: number("/prompt_tokens") - cached,
            cached,
            output: number("/completion_tokens") - reasoning,
            reasoning,
        }
    })
    .into()
}

/// The last usage block of a fixture.
fn last_usage(file: &str) -> Value {
    let text = String::from_utf8(fixture(file)).expect("UTF-8");
    if file.ends_with(".json") {
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        return answer["usage"].clone();
    }
    let mut chunks = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str::<Value>(data).ok())
        .filter(|chunk| chunk["usage"].is_object());
    chunks.next_back().expect("a usage block")["usage"].clone()
}

fn fixture(file: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/openai/");
    std::fs::read(format!("{folder}{file}")).unwrap_or_else(|error| panic!("read {file}: {error}"))
}
