use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::{Act, End, Gate, Output, Point, Reply, Script, Simulator};

const KEY: &str = "sk-simulator";

async fn simulator() -> Simulator {
    Simulator::start(KEY).await.unwrap()
}

fn ask(simulator: &Simulator, body: &Value) -> RequestBuilder {
    let url = format!("{}/chat/completions", simulator.base_url());
    Client::new().post(url).bearer_auth(KEY).json(body)
}

fn request(more: &Value) -> Value {
    let mut request =
        json!({"model": "m", "messages": [{"role": "user", "content": "When does it leave?"}]});
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

/// The chunks of a stream; it must end with the mark of its end.
fn chunks(text: &str) -> Vec<Value> {
    let mut events: Vec<_> = text.split_terminator("\n\n").collect();
    assert_eq!(events.pop(), Some("data: [DONE]"));
    let chunk = |event: &str| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
    events.into_iter().map(chunk).collect()
}

#[tokio::test]
async fn the_output_keeps_to_the_limit() {
    let simulator = simulator().await;
    for (script, more, tokens, finish) in [
        (Script::default(), json!({}), 16, "stop"),
        (Script::default(), json!({"max_tokens": 5}), 5, "length"),
        (
            Script::default(),
            json!({"max_completion_tokens": 5, "max_tokens": 9}),
            5,
            "length",
        ),
        (
            Script::tokens(100),
            json!({"max_tokens": 30, "n": 3}),
            90,
            "length",
        ),
        (Script::tokens(100), json!({}), 100, "stop"),
        (
            Script {
                output: Output::Limit,
                ..Script::default()
            },
            json!({"max_tokens": 40}),
            40,
            "length",
        ),
        (
            Script {
                reasoning_tokens: 10,
                ..Script::default()
            },
            json!({"max_tokens": 4}),
            4,
            "length",
        ),
    ] {
        simulator.script(script);
        let answer: Value = ask(&simulator, &request(&more))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let choices = more["n"].as_u64().unwrap_or(1);
        assert_eq!(answer["usage"]["completion_tokens"], tokens, "{more}");
        assert_eq!(answer["choices"].as_array().unwrap().len() as u64, choices);
        assert_eq!(answer["choices"][0]["finish_reason"], finish, "{more}");
    }
}

#[tokio::test]
async fn a_stream_says_the_same_and_its_usage_only_if_asked() {
    let simulator = simulator().await;
    for (more, usage) in [
        (json!({"stream": true}), false),
        (
            json!({"stream": true, "n": 2, "stream_options": {"include_usage": true}}),
            true,
        ),
        (
            json!({"stream": true, "stream_options": {"include_usage": false}}),
            false,
        ),
    ] {
        let text = ask(&simulator, &request(&more))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let chunks = chunks(&text);
        let said: String = chunks
            .iter()
            .filter(|chunk| chunk["choices"][0]["index"] == 0)
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
            .collect();
        assert_eq!(
            said,
            "The ferry leaves at dawn, crosses the bay and returns.The ferry leaves at"
        );
        let last = chunks.last().unwrap();
        assert_eq!(last["usage"].is_object(), usage, "{more}");
        assert_eq!(last["choices"].as_array().unwrap().is_empty(), usage);
        let null = chunks[0].get("usage").is_some_and(Value::is_null);
        assert_eq!(null, usage, "{more}");
    }
}

#[tokio::test]
async fn the_first_tool_is_called_until_it_has_answered() {
    let simulator = simulator().await;
    let tools = json!([{"type": "function", "function": {"name": "weather", "parameters": {}}}]);
    let asked = request(&json!({"tools": tools}));
    let answer: Value = ask(&simulator, &asked)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let call = &answer["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(
        (call["name"].as_str(), call["arguments"].as_str()),
        (Some("weather"), Some(r#"{"city":"Paris"}"#))
    );
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");

    let streamed = request(&json!({"tools": tools, "stream": true}));
    let text = ask(&simulator, &streamed)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let said: String = chunks(&text)
        .iter()
        .filter_map(|chunk| {
            chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str()
        })
        .collect();
    assert_eq!(said, r#"{"city":"Paris"}"#);

    let mut told = asked;
    told["messages"] = json!([{"role": "tool", "tool_call_id": "call_1", "content": "rain"}]);
    let answer: Value = ask(&simulator, &told)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn another_key_and_errors_are_answered_as_openai_does() {
    let simulator = simulator().await;
    let refused = ask(&simulator, &request(&json!({}))).bearer_auth("x");
    // A second authorization header does not make the first one good.
    assert_eq!(refused.send().await.unwrap().status(), 200);
    let url = format!("{}/models", simulator.base_url());
    for (key, status) in [("other", 401), (KEY, 200)] {
        let answer = Client::new()
            .get(&url)
            .bearer_auth(key)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status);
    }
    for status in [400, 429, 500, 503] {
        simulator.next([Script::error(status)]);
        let answer = ask(&simulator, &request(&json!({}))).send().await.unwrap();
        assert_eq!(answer.status(), status);
        let error: Value = answer.json().await.unwrap();
        assert!(error["error"]["message"].is_string(), "{error}");
    }
    simulator.next([Script {
        reply: Reply::Raw {
            status: 200,
            content_type: "text/plain".into(),
            body: "odd".into(),
        },
        ..Script::default()
    }]);
    assert_eq!(
        ask(&simulator, &request(&json!({})))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "odd"
    );
}

#[tokio::test]
async fn an_answer_breaks_where_it_should() {
    let simulator = simulator().await;
    let stream = request(&json!({"stream": true}));
    for act in [Act::Close, Act::Reset] {
        simulator.forget();
        simulator.next([Script::default().at(Point::Start, act.clone())]);
        assert!(ask(&simulator, &stream).send().await.is_err(), "{act:?}");

        for (point, whole) in [
            (Point::Event(0), 0),
            (Point::Event(3), 3),
            (Point::Byte(700), 2),
        ] {
            simulator.next([Script::default().at(point, act.clone())]);
            let mut answer = ask(&simulator, &stream).send().await.unwrap();
            let mut text = Vec::new();
            let broken = loop {
                match answer.chunk().await {
                    Ok(Some(bytes)) => text.extend(bytes),
                    Ok(None) => break false,
                    Err(_) => break true,
                }
            };
            assert!(broken, "{point:?}");
            let text = String::from_utf8(text).unwrap();
            assert_eq!(text.matches("\n\n").count(), whole, "{point:?} {text}");
            if point == Point::Byte(700) {
                assert_eq!(text.len(), 700);
            }
        }
        let ends: Vec<_> = simulator.requests().iter().map(|seen| seen.end).collect();
        assert_eq!(ends, [End::Broken; 4]);
    }
}

#[tokio::test]
async fn a_gate_holds_an_answer_and_a_client_that_leaves_is_noticed() {
    let simulator = simulator().await;
    let stream = request(&json!({"stream": true}));
    let gate = Gate::shut();
    let held = Script::default().at(Point::Event(2), Act::Hold(gate.clone()));
    simulator.next([held.clone(), held]);

    let leaves = tokio::spawn(ask(&simulator, &stream).send());
    gate.arrived(1).await;
    drop(leaves.await.unwrap().unwrap());
    simulator
        .until(|seen| seen[0].end == End::Gone)
        .await
        .unwrap();

    let stays = ask(&simulator, &stream).send().await.unwrap();
    gate.arrived(2).await;
    assert_eq!(simulator.requests()[1].end, End::Open);
    gate.open();
    assert_eq!(chunks(&stays.text().await.unwrap()).len(), 18);
    simulator
        .until(|seen| seen[1].end == End::Complete)
        .await
        .unwrap();
    assert_eq!(simulator.count(), 2);
}

#[tokio::test]
async fn pieces_and_pauses_change_nothing_of_what_is_said() {
    let simulator = simulator().await;
    for more in [json!({}), json!({"stream": true})] {
        for piece_bytes in [1, 7] {
            let slow = Script {
                piece_bytes: Some(piece_bytes),
                pace: Duration::from_millis(1),
                ..Script::tokens(2)
            };
            simulator.next([slow, Script::tokens(2)]);
            let mut said = Vec::new();
            for _ in 0..2 {
                let text = ask(&simulator, &request(&more))
                    .send()
                    .await
                    .unwrap()
                    .text()
                    .await
                    .unwrap();
                said.push(text.replace(|c: char| c.is_ascii_digit(), ""));
            }
            assert_eq!(said[0], said[1]);
        }
    }
}
