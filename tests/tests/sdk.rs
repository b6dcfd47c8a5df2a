//! The official OpenAI package against a whole gateway: what works with OpenAI works here, and what goes wrong is raised as
//! the package's users expect, and retried as often.

#[path = "sdk/call.rs"]
mod call;
#[path = "sdk/keys.rs"]
mod keys;

use call::{Call, Outcome, run};
use ferry_tests::gateway;
use keys::{Keys, TOKEN};
use serde_json::{Value, json};

/// One cheap model, and one whose window is so small that a page of text cannot fit.
const PRICES: &str = r#"
version = "sdk-1"
currency = "USD"

[[model]]
name = "gpt-4o-mini"
provider = "simulator"
context_tokens_max = 128000
output_tokens_max = 16384
output_limit_field = "max_completion_tokens"
price = { input = "0.15", output = "0.60" }
cost = { input = "0.15", output = "0.60" }

[[model]]
name = "tiny"
provider = "simulator"
context_tokens_max = 100
output_tokens_max = 50
output_limit_field = "max_tokens"
price = { input = "1", output = "2" }
cost = { input = "1", output = "2" }
"#;
/// More than `tiny` can take, whatever its tokens are: 128 bytes each at most.
const TOO_LONG_CHARS: usize = 100 * 128 + 1_000;
/// What the gateway of these tests takes, so that a body over it need not be 25 MiB.
const BODY_BYTES_MAX: usize = 65_536;
/// What the package does on its own: the first try, and two more.
const TRIES_WITH_RETRIES: u64 = 3;

fn chat(model: &str, more: Value) -> Value {
    let mut arguments =
        json!({"model": model, "messages": [{"role": "user", "content": "Say hello."}]});
    let object = arguments.as_object_mut().expect("an object");
    object.extend(more.as_object().expect("an object").clone());
    arguments
}

#[expect(
    clippy::too_many_lines,
    reason = "a list of calls, and what each shows"
)]
#[tokio::test]
async fn what_works_with_openai_works_here() {
    let gateway = gateway!()
        .prices(PRICES)
        .start()
        .await
        .expect("start a gateway");
    let tool = json!({"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties":
        {"city": {"type": "string"}}}}});
    let create = "chat.completions.create";
    let calls = [
        Call::new(
            "chat",
            create,
            chat("gpt-4o-mini", json!({"max_completion_tokens": 50})),
        ),
        Call::new("unlimited", create, chat("gpt-4o-mini", json!({}))),
        Call::new(
            "two",
            create,
            chat("gpt-4o-mini", json!({"n": 2, "max_tokens": 50})),
        ),
        Call::new(
            "stream",
            create,
            chat("gpt-4o-mini", json!({"stream": true})),
        ),
        Call::new(
            "usage",
            create,
            chat(
                "gpt-4o-mini",
                json!({"stream": true, "stream_options": {"include_usage": true}}),
            ),
        ),
        Call::new(
            "no_usage",
            create,
            chat(
                "gpt-4o-mini",
                json!({"stream": true, "stream_options": {"include_usage": false}}),
            ),
        ),
        Call::new(
            "tools",
            create,
            chat("gpt-4o-mini", json!({"tools": [tool]})),
        ),
        Call::new(
            "streamed_tools",
            create,
            chat("gpt-4o-mini", json!({"tools": [tool], "stream": true})),
        ),
        Call::new("models", "models.list", json!({})),
        Call::new("model", "models.retrieve", json!({"model": "tiny"})),
    ];
    let outcomes = run(&gateway.base_url(), &gateway.customer().api_key, &calls).await;

    outcomes.each("chat", |outcome| {
        assert!(
            outcome.value["choices"][0]["message"]["content"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
        assert!(
            outcome.value["usage"]["total_tokens"]
                .as_u64()
                .is_some_and(|tokens| tokens > 0)
        );
        assert!(
            !outcome
                .headers
                .contains_key("x-ai-quota-output-tokens-limit"),
            "nothing was clamped"
        );
        has_quota_headers(outcome);
    });
    outcomes.each("unlimited", |outcome| {
        assert_eq!(outcome.headers["x-ai-quota-output-tokens-limit"], "4096");
    });
    outcomes.each("two", |outcome| {
        assert_eq!(outcome.value["choices"].as_array().map(Vec::len), Some(2))
    });
    for name in ["stream", "no_usage"] {
        outcomes.each(name, |outcome| {
            has_quota_headers(outcome);
            assert!(
                outcome.chunks.len() > 2,
                "streamed in pieces: {:?}",
                outcome.chunks
            );
            for chunk in &outcome.chunks {
                assert!(chunk["usage"].is_null(), "usage was not asked for: {chunk}");
                assert!(
                    !chunk["choices"].as_array().expect("choices").is_empty(),
                    "the usage chunk is hidden: {chunk}"
                );
            }
        });
    }
    outcomes.each("usage", |outcome| {
        let last = outcome.chunks.last().expect("a chunk");
        assert!(
            last["choices"].as_array().is_some_and(Vec::is_empty),
            "{last}"
        );
        assert!(
            last["usage"]["completion_tokens"]
                .as_u64()
                .is_some_and(|tokens| tokens > 0),
            "{last}"
        );
    });
    outcomes.each("tools", |outcome| {
        let message = &outcome.value["choices"][0]["message"];
        assert_eq!(
            message["tool_calls"][0]["function"]["name"], "weather",
            "{message}"
        );
    });
    outcomes.each("streamed_tools", |outcome| {
        let names = outcome
            .chunks
            .iter()
            .filter_map(|c| c["choices"][0]["delta"]["tool_calls"][0]["function"]["name"].as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["weather"]);
    });
    outcomes.each("models", |outcome| {
        let mut ids: Vec<_> = outcome
            .value
            .as_array()
            .into_iter()
            .flatten()
            .map(|m| m["id"].clone())
            .collect();
        ids.sort_by_key(Value::to_string);
        assert_eq!(ids, ["gpt-4o-mini", "tiny"]);
    });
    outcomes.each("model", |outcome| assert_eq!(outcome.value["id"], "tiny"));
    outcomes.all(|name, outcome| assert_eq!(outcome.tries, 1, "{name}"));

    let balance = gateway
        .settled(&gateway.customer().tenant)
        .await
        .expect("everything is settled");
    assert_eq!(balance.held, "0.000000000");
    assert!(gateway.admin().verify().await.expect("verify").clean);
}

fn has_quota_headers(outcome: &Outcome) {
    for name in [
        "x-ferryapi-request-id",
        "x-ai-quota-policy",
        "x-ai-quota-remaining-usd",
    ] {
        assert!(
            outcome.headers.contains_key(name),
            "no {name} among {:?}",
            outcome.headers
        );
    }
}

/// Status, exception, `type`, `code`, `param`, and how often the package sends the request.
struct Raised(
    u64,
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
    u64,
);

#[expect(clippy::too_many_lines, reason = "a table of cases")]
#[tokio::test]
async fn what_goes_wrong_is_raised_and_retried_as_with_openai() {
    let mut gateway = gateway!()
        .prices(PRICES)
        .principal("by-hand", TOKEN)
        .change("\"quota_cluster\": \"ferry-quota\",", format!(r#""quota_cluster": "ferry-quota", "limits": {{"body_bytes_max": {BODY_BYTES_MAX}}},"#))
        .start()
        .await
        .expect("start a gateway");
    let keys = Keys::make(&gateway).await;
    let good = gateway.customer().api_key.clone();
    let create = "chat.completions.create";
    let page = json!({"messages": [{"role": "user", "content": "x".repeat(TOO_LONG_CHARS)}]});
    let book = json!({"messages": [{"role": "user", "content": "x".repeat(BODY_BYTES_MAX)}]});
    let embed = json!({"model": "text-embedding-3-small", "input": "hello"});
    let invalid = "invalid_request_error";
    let key_refused = || {
        Raised(
            401,
            "AuthenticationError",
            invalid,
            Some("invalid_api_key"),
            None,
            1,
        )
    };
    #[rustfmt::skip]
    let cases = [
        ("mistyped key", keys.mistyped.as_str(), create, chat("gpt-4o-mini", json!({})), key_refused()),
        ("foreign key", "sk-proj-abc", create, chat("gpt-4o-mini", json!({})), key_refused()),
        ("unknown key", &keys.unknown, create, chat("gpt-4o-mini", json!({})), key_refused()),
        ("revoked key", &keys.revoked, create, chat("gpt-4o-mini", json!({})), key_refused()),
        ("unknown key lists", &keys.unknown, "models.list", json!({}), key_refused()),
        ("paused key", &keys.paused, create, chat("gpt-4o-mini", json!({})),
            Raised(403, "PermissionDeniedError", invalid, Some("key_paused"), None, 1)),
        ("endpoint", &good, "embeddings.create", embed,
            Raised(403, "PermissionDeniedError", invalid, Some("endpoint_not_supported"), None, 1)),
        ("model", &good, create, chat("gpt-9", json!({})),
            Raised(404, "NotFoundError", invalid, Some("model_not_found"), None, 1)),
        ("too long", &good, create, chat("tiny", page),
            Raised(400, "BadRequestError", invalid, Some("context_length_exceeded"), Some("messages"), 1)),
        ("bad field", &good, create, chat("gpt-4o-mini", json!({"n": 0})),
            Raised(400, "BadRequestError", invalid, None, Some("n"), 1)),
        ("background", &good, create, chat("gpt-4o-mini", json!({"store": true})),
            Raised(400, "BadRequestError", invalid, None, Some("store"), 1)),
        ("too large", &good, create, chat("gpt-4o-mini", book),
            Raised(413, "APIStatusError", invalid, Some("request_too_large"), None, 1)),
        ("no money", &keys.poor, create, chat("gpt-4o-mini", json!({"max_tokens": 16000})),
            Raised(429, "RateLimitError", "insufficient_quota", Some("credit_balance_exhausted"), None, 1)),
        ("spent", &keys.spent, create, chat("gpt-4o-mini", json!({})),
            Raised(429, "RateLimitError", "insufficient_quota", Some("organization_spend_limit_exceeded"), None, 1)),
        ("used up", &keys.used_up, create, chat("gpt-4o-mini", json!({})),
            Raised(429, "RateLimitError", "insufficient_quota", Some("organization_usage_limit_exceeded"), None, 1)),
        ("busy", &keys.busy, create, chat("gpt-4o-mini", json!({})),
            Raised(429, "RateLimitError", "requests", Some("rate_limit_exceeded"), None, TRIES_WITH_RETRIES)),
    ];
    let calls: Vec<Call> = cases
        .iter()
        .map(|(name, key, method, arguments, _)| {
            Call::new(name, method, arguments.clone()).with_key(key)
        })
        .collect();
    let outcomes = run(&gateway.base_url(), &good, &calls).await;
    for (name, _, _, _, expected) in &cases {
        outcomes.each(name, |outcome| is_raised(name, outcome, expected));
    }
    assert_eq!(
        gateway.simulator().expect("a simulator").count(),
        0,
        "nothing reached the provider"
    );

    gateway.server_mut().kill().expect("kill the quota server");
    let calls = [Call::new(
        "unreachable",
        create,
        chat("gpt-4o-mini", json!({})),
    )];
    let outcomes = run(&gateway.base_url(), &good, &calls).await;
    let expected = Raised(
        503,
        "InternalServerError",
        "service_unavailable_error",
        Some("server_is_overloaded"),
        None,
        TRIES_WITH_RETRIES,
    );
    outcomes.each("unreachable", |outcome| {
        is_raised("unreachable", outcome, &expected);
        assert_eq!(outcome.headers["retry-after"], "1");
        assert_eq!(outcome.headers["x-should-retry"], "true");
    });
    assert_eq!(
        gateway.simulator().expect("a simulator").count(),
        0,
        "nothing reached the provider"
    );
}

fn is_raised(name: &str, outcome: &Outcome, expected: &Raised) {
    let Raised(status, raised, kind, code, param, tries) = expected;
    let told = &outcome.error;
    assert_eq!(told["raised"], *raised, "{name}: {told}");
    assert_eq!(told["status"], *status, "{name}: {told}");
    assert_eq!(told["type"], *kind, "{name}: {told}");
    assert_eq!(told["code"], json!(code), "{name}: {told}");
    assert_eq!(told["param"], json!(param), "{name}: {told}");
    assert_eq!(outcome.tries, *tries, "{name}: tries");
    assert!(
        outcome.headers.contains_key("x-ferryapi-request-id"),
        "{name}: {:?}",
        outcome.headers
    );
}
