//! What the provider gets, and what the client does not get to see: the limit that was priced is the one that is written, the
//! usage of a stream is always asked for, and nobody learns of the other side's secrets.

use ferry_examples::gateway::Gateway;
use ferry_examples::simulator::{Script, Seen};
use ferry_tests::client::{Answer, Client, question, with};
use ferry_tests::gateway;
use ferry_tests::prices::{LEGACY, PLAIN, Price, TABLE, THINKER, nanos};
use serde_json::{Value, json};

const QUESTION_BYTES: usize = 40;
/// What the server's policy gives to whom sets no limit.
const CLAMP: u64 = 700;
/// What the tests' question is held for: its bytes and its role's, 16 for the message, 256 for the whole.
const INPUT_BOUND: u64 = QUESTION_BYTES as u64 + 4 + 16 + 256;

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_gets_what_was_priced() {
    let gateway = gateway!().prices(TABLE).clamp_output_tokens_max(CLAMP);
    let gateway = gateway.start().await.unwrap();
    for limit in limits() {
        limit.check(&gateway).await;
    }
    for usage in usages() {
        usage.check(&gateway).await;
    }
    what_needs_no_change_is_not_touched(&gateway).await;
    headers_stay_on_their_side(&gateway).await;
    gateway.stop().await.unwrap();
}

/// Sends a request; what the client saw, and what the provider.
async fn exchange(
    gateway: &Gateway,
    client: &Client,
    body: &Value,
    script: Script,
) -> (Answer, Seen) {
    let simulator = gateway.simulator().unwrap();
    simulator.forget();
    simulator.next([script]);
    let answer = client.chat(body).await.unwrap();
    let seen = simulator.requests();
    assert_eq!((answer.status, seen.len()), (200, 1), "{answer:?}");
    (answer, seen.into_iter().next().unwrap())
}

/// Limits that a client sets, and the one that is priced and written.
struct Limit {
    price: Price,
    asked: Value,
    field: &'static str,
    written: u64,
    /// The client is told, because it is not what it asked for.
    told: bool,
}

fn limits() -> Vec<Limit> {
    let limit = |price, asked, written, told| {
        let field = if price == LEGACY.model {
            "max_tokens"
        } else {
            "max_completion_tokens"
        };
        let price = [PLAIN, LEGACY, THINKER]
            .into_iter()
            .find(|known| known.model == price);
        let price = price.unwrap();
        Limit {
            price,
            asked,
            field,
            written,
            told,
        }
    };
    vec![
        limit("plain", json!({"max_completion_tokens": 33}), 33, false),
        limit("plain", json!({"max_tokens": 33}), 33, false),
        limit(
            "plain",
            json!({"max_tokens": 44, "max_completion_tokens": 33}),
            33,
            false,
        ),
        limit(
            "plain",
            json!({"max_tokens": 22, "max_completion_tokens": 33}),
            22,
            false,
        ),
        limit("plain", json!({"max_tokens": null}), CLAMP, true),
        limit("plain", json!({}), CLAMP, true),
        limit("plain", json!({"stream": true}), CLAMP, true),
        limit("plain", json!({"max_tokens": 1_000_000}), 16_384, true),
        limit("plain", json!({"max_tokens": 33, "n": 3}), 33, false),
        limit("legacy", json!({"max_tokens": 33}), 33, false),
        limit("legacy", json!({"max_completion_tokens": 33}), 33, false),
        limit(
            "legacy",
            json!({"stream": true, "max_completion_tokens": 44, "max_tokens": 33}),
            33,
            false,
        ),
        limit("legacy", json!({}), CLAMP, true),
        limit("thinker", json!({"max_completion_tokens": 33}), 33, false),
    ]
}

impl Limit {
    async fn check(self, gateway: &Gateway) {
        let client = Client::of(gateway, gateway.customer()).unwrap();
        let body = with(
            question(self.price.model, QUESTION_BYTES),
            self.asked.clone(),
        );
        let (answer, seen) = exchange(gateway, &client, &body, Script::default()).await;
        let at_provider = seen.json();
        let other = if self.field == "max_tokens" {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        assert_eq!(at_provider[self.field], self.written, "{}", self.asked);
        assert_eq!(at_provider.get(other), None, "{}", self.asked);
        let told = answer
            .header("x-ai-quota-output-tokens-limit")
            .map(str::to_owned);
        let expected = self.told.then(|| self.written.to_string());
        assert_eq!(told, expected, "{}", self.asked);
        // Everything else is as the client wrote it.
        let mut rest = at_provider;
        for member in [
            "max_tokens",
            "max_completion_tokens",
            "stream_options",
            "model",
        ] {
            rest.as_object_mut().unwrap().remove(member);
        }
        let mut expected = body;
        for member in [
            "max_tokens",
            "max_completion_tokens",
            "stream_options",
            "model",
        ] {
            expected.as_object_mut().unwrap().remove(member);
        }
        assert_eq!(rest, expected, "{}", self.asked);
        let record = gateway.usage(answer.request_id().unwrap()).await.unwrap();
        let choices = self.asked["n"].as_u64().unwrap_or(1);
        let held = self
            .price
            .hold(INPUT_BOUND, choices * self.written)
            .unwrap();
        let reserved = nanos(record.reserved.as_deref().unwrap()).unwrap();
        assert_eq!(reserved, held, "{}: {record:#?}", self.asked);
        assert_eq!(record.model_requested, self.price.model);
    }
}

/// What a client says about the usage of its stream.
struct Usage {
    options: Value,
    at_provider: Value,
    shown: bool,
}

fn usages() -> Vec<Usage> {
    let usage = |options, at_provider, shown| Usage {
        options,
        at_provider,
        shown,
    };
    let on = json!({"include_usage": true});
    vec![
        usage(json!({}), on.clone(), false),
        usage(json!({"stream_options": null}), on.clone(), false),
        usage(json!({"stream_options": {}}), on.clone(), false),
        usage(
            json!({"stream_options": {"include_usage": false}}),
            on.clone(),
            false,
        ),
        usage(
            json!({"stream_options": {"include_obfuscation": false}}),
            json!({"include_obfuscation": false, "include_usage": true}),
            false,
        ),
        usage(
            json!({"stream_options": {"include_obfuscation": false, "include_usage": false}}),
            json!({"include_obfuscation": false, "include_usage": true}),
            false,
        ),
        usage(json!({"stream_options": {"include_usage": true}}), on, true),
    ]
}

impl Usage {
    async fn check(self, gateway: &Gateway) {
        let told = &self.options;
        let client = Client::of(gateway, gateway.customer()).unwrap();
        let body = with(
            question(PLAIN.model, QUESTION_BYTES),
            json!({"stream": true, "max_tokens": 9}),
        );
        // In small pieces, so that what is hidden is hidden from pieces too.
        let script = Script {
            piece_bytes: Some(23),
            ..Script::tokens(5)
        };
        let body = with(body, self.options.clone());
        let (answer, seen) = exchange(gateway, &client, &body, script).await;
        assert_eq!(seen.json()["stream_options"], self.at_provider, "{told}");
        let mut events = answer.events();
        assert!(
            !answer.broken && answer.body.ends_with(b"data: [DONE]\n\n"),
            "{told}: {answer:?}"
        );
        assert_eq!(events.pop().as_deref(), Some("[DONE]"));
        let events: Vec<Value> = events
            .iter()
            .map(|data| serde_json::from_str(data).unwrap())
            .collect();
        let text: String = events
            .iter()
            .filter_map(|event| event["choices"][0]["delta"]["content"].as_str())
            .collect();
        assert_eq!(text, "The ferry leaves at dawn", "{told}");
        let usages: Vec<&Value> = events
            .iter()
            .filter_map(|event| event.get("usage"))
            .collect();
        if self.shown {
            // As OpenAI does: null with every chunk, then a chunk that has nothing else.
            assert_eq!((events.len(), usages.len()), (8, 8), "{told}: {answer:?}");
            assert_eq!(
                usages.iter().filter(|usage| usage.is_null()).count(),
                7,
                "{told}"
            );
            let last = events.last().unwrap();
            assert_eq!(last["choices"], json!([]), "{told}");
            assert_eq!(last["usage"]["completion_tokens"], 5, "{told}");
        } else {
            assert_eq!((events.len(), usages.len()), (7, 0), "{told}: {answer:?}");
        }
        let record = gateway.usage(answer.request_id().unwrap()).await.unwrap();
        assert_eq!(
            (record.source.as_deref(), record.usage.output_tokens),
            (Some("reported"), 5),
            "{told}: {record:#?}"
        );
    }
}

/// A body that says already what is to be said goes through byte for byte.
async fn what_needs_no_change_is_not_touched(gateway: &Gateway) {
    let client = Client::of(gateway, gateway.customer()).unwrap();
    let body = "{ \"model\" : \"legacy\",\n  \"messages\":[{\"role\":\"user\",\"content\":\"\\u00e9 ?\"}], \"seed\": 1.50, \"max_tokens\":7 , \
         \"stream\" :true, \"stream_options\": {\"include_usage\": true} }\n";
    let simulator = gateway.simulator().unwrap();
    simulator.forget();
    let begun = client.send(body.as_bytes().to_vec()).await.unwrap();
    assert_eq!(begun.finish().await.status, 200);
    assert_eq!(String::from_utf8_lossy(&simulator.requests()[0].body), body);
}

/// What a client sends besides what it must.
const SENT: [(&str, &str); 13] = [
    ("x-ferry-feature", "search"),
    ("x-ferry-environment", "staging"),
    ("x-ferry-end-user", "user-7"),
    ("x-ferry-session", "session-9"),
    ("x-ferry-agent", "planner"),
    ("x-ferry-provider-1", "openai"),
    ("x-ferry-unknown", "1"),
    ("x-ferryapi-request-id", "mine"),
    ("x-envoy-retry-on", "5xx"),
    ("x-envoy-upstream-rq-timeout-ms", "1"),
    ("idempotency-key", "once"),
    ("accept-encoding", "gzip, br"),
    ("x-stainless-lang", "rust"),
];

/// The customer's key and tags are not the provider's business, nor is the provider's key the customer's.
async fn headers_stay_on_their_side(gateway: &Gateway) {
    let customer = gateway.customer();
    let mut client = Client::of(gateway, customer).unwrap();
    for (name, value) in SENT {
        client = client.with(name, value).unwrap();
    }
    let (answer, seen) = exchange(
        gateway,
        &client,
        &question(PLAIN.model, QUESTION_BYTES),
        Script::default(),
    )
    .await;
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
    assert_eq!(seen.header("x-stainless-lang"), Some("rust"));
    for (name, value) in &seen.headers {
        let ours =
            name.starts_with("x-ferry") || name.starts_with("x-envoy") || name == "idempotency-key";
        assert!(!ours, "the provider got {name}: {value}");
        assert!(
            !value.contains(&customer.api_key),
            "the provider got the key in {name}"
        );
    }
    assert!(!String::from_utf8_lossy(&seen.body).contains(&customer.api_key));
    // The simulator answers only to its own key, which it has got, and which is shown to nobody.
    let key = seen
        .header("authorization")
        .unwrap()
        .trim_start_matches("Bearer ");
    let shown = format!("{answer:?}");
    for secret in [
        key,
        "x-ratelimit",
        "openai-processing",
        "x-envoy",
        "req_simulator",
    ] {
        assert!(!shown.contains(secret), "the client got {secret}: {shown}");
    }
    let record = gateway.usage(answer.request_id().unwrap()).await.unwrap();
    let tags = &record.tags;
    assert_eq!(
        [
            &tags.feature,
            &tags.environment,
            &tags.end_user,
            &tags.session,
            &tags.agent
        ],
        ["search", "staging", "user-7", "session-9", "planner"]
    );
    assert_eq!(
        (
            record.model_requested.as_str(),
            record.model_served.as_str()
        ),
        ("plain", "plain-2024-07-18")
    );
}
