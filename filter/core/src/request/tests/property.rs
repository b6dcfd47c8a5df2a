//! Random requests, in random spellings and splits.

use super::*;
use crate::json::tests::spelling::{Json, any_json, any_text, cut, spell};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn optional(
    name: &'static str,
    value: impl Strategy<Value = Json>,
) -> impl Strategy<Value = Option<(String, Json)>> {
    let value = prop_oneof![3 => value, 1 => Just(Json::Null)];
    prop::option::of(value.prop_map(move |value| (name.to_owned(), value)))
}

fn limit() -> impl Strategy<Value = Json> {
    (1..100u64).prop_map(|tokens| Json::Number(tokens.to_string()))
}

fn any_content() -> impl Strategy<Value = Json> {
    let part = prop_oneof![
        any_text()
            .prop_map(|text| vec![("type", Json::text("text")), ("text", Json::String(text))]),
        any_json().prop_map(|json| vec![("image_url", json), ("type", Json::text("image_url"))]),
    ];
    let part = part.prop_map(|members| {
        let named = members
            .into_iter()
            .map(|(name, json)| (name.to_owned(), json));
        Json::Object(named.collect())
    });
    prop_oneof![
        any_text().prop_map(Json::String),
        vec(part, 0..3).prop_map(Json::Array)
    ]
}

fn any_message() -> impl Strategy<Value = Json> {
    (any_text(), any_content(), any_json(), any_text()).prop_map(|(role, content, other, name)| {
        Json::Object(vec![
            ("role".to_owned(), Json::String(role)),
            ("content".to_owned(), content),
            (format!("other {name}"), other),
        ])
    })
}

fn any_stream_options() -> impl Strategy<Value = Json> {
    let usage = prop_oneof![Just(Json::Null), any::<bool>().prop_map(Json::Bool)];
    let usage = prop::option::of(usage.prop_map(|usage| ("include_usage".to_owned(), usage)));
    let others = vec(
        (
            any_text().prop_map(|name| format!("other {name}")),
            any_json(),
        ),
        0..3,
    );
    (usage, others)
        .prop_map(|(usage, others)| usage.into_iter().chain(others).collect::<Vec<_>>())
        .prop_shuffle()
        .prop_map(Json::Object)
}

fn any_request() -> impl Strategy<Value = Json> {
    let fixed = (any_text(), vec(any_message(), 1..3)).prop_map(|(model, messages)| {
        [
            ("model".to_owned(), Json::String(format!("m{model}"))),
            ("messages".to_owned(), Json::Array(messages)),
        ]
    });
    let members = (
        optional("max_tokens", limit()),
        optional("max_completion_tokens", limit()),
        optional("stream", any::<bool>().prop_map(Json::Bool)),
        optional("stream_options", any_stream_options()),
        optional("n", limit()),
        optional("service_tier", Just(Json::text("flex"))),
        optional("user", any_text().prop_map(Json::String)),
    );
    let members = members.prop_map(|(a, b, c, d, e, f, g)| [a, b, c, d, e, f, g]);
    let others = vec(
        (
            any_text().prop_map(|name| format!("other {name}")),
            any_json(),
        ),
        0..3,
    );
    (fixed, members, others)
        .prop_map(|(fixed, members, others)| {
            let members = members.into_iter().flatten();
            fixed
                .into_iter()
                .chain(members)
                .chain(others)
                .collect::<Vec<_>>()
        })
        .prop_shuffle()
        .prop_map(Json::Object)
}

/// What the provider is to read.
fn expected(before: &Value, limit: OutputLimit, model: Option<&str>) -> Value {
    let mut after: Map<String, Value> = before.as_object().unwrap().clone();
    after.remove("max_tokens");
    after.remove("max_completion_tokens");
    after.insert(limit.field.name().to_owned(), limit.tokens.into());
    if after.get("stream") == Some(&Value::Bool(true)) {
        let options = after.entry("stream_options").or_insert(Value::Null);
        if options.is_null() {
            *options = json!({});
        }
        options["include_usage"] = Value::Bool(true);
    }
    if let Some(model) = model {
        after.insert("model".to_owned(), model.into());
    }
    Value::Object(after)
}

/// What the model reads of a message's content, at most a token a byte.
fn content_bytes(request: &Value) -> u64 {
    let messages = request["messages"].as_array().unwrap();
    let text = |part: &Value| part["text"].as_str().map_or(0, str::len);
    let bytes = messages.iter().map(|message| match &message["content"] {
        Value::String(text) => text.len(),
        Value::Array(parts) => parts.iter().map(text).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => 0,
    });
    bytes.sum::<usize>() as u64
}

proptest! {
    #[test]
    fn a_rewritten_body_differs_in_what_it_must_only(
        request in any_request(), style in vec(any::<u8>(), 0..40), cuts in vec(any::<usize>(), 0..6),
        tokens in 1..100u64, is_max_tokens in any::<bool>(), model in prop::option::of(any_text()),
    ) {
        let text = spell(&request, &style);
        let before: Value = serde_json::from_str(&text).unwrap();
        let scanned = scan_text(&text);
        prop_assert_eq!(&scan(&cut(text.as_bytes(), &cuts)), &Ok(scanned.clone()));
        prop_assert_eq!(&scan(&text.as_bytes().chunks(1).collect::<Vec<_>>()), &Ok(scanned.clone()));

        let limits = ["max_tokens", "max_completion_tokens"];
        let least = limits.into_iter().filter_map(|name| before[name].as_u64()).min();
        prop_assert_eq!(scanned.output_tokens_max, least);
        prop_assert_eq!(Some(scanned.model.as_str()), before["model"].as_str());
        prop_assert_eq!(u64::from(scanned.choices), before["n"].as_u64().unwrap_or(1));
        prop_assert_eq!(scanned.stream, before["stream"] == true);
        prop_assert_eq!(scanned.include_usage, scanned.stream && before["stream_options"]["include_usage"] == true);
        prop_assert!(scanned.input_tokens_max >= content_bytes(&before));
        prop_assert!(scanned.input_tokens_estimate <= scanned.input_tokens_max);

        let field = if is_max_tokens { OutputLimitField::MaxTokens } else { OutputLimitField::MaxCompletionTokens };
        let limit = OutputLimit { tokens, field };
        let rewrite = scanned.rewrite(limit, model.as_deref());
        let end = rewrite.prefix_end() as usize;
        let mut edited = rewrite.apply(&text.as_bytes()[..end]).unwrap();
        edited.extend_from_slice(&text.as_bytes()[end..]);
        let after: Value = serde_json::from_slice(&edited).unwrap();
        prop_assert_eq!(&after, &expected(&before, limit, model.as_deref()));
        prop_assert_eq!(rewrite.is_empty(), edited == text.as_bytes());
    }

    #[test]
    fn a_damaged_body_is_judged_alike_in_every_split(
        request in any_request(), style in vec(any::<u8>(), 0..40),
        damage in vec((any::<usize>(), any::<u8>()), 1..4), cuts in vec(any::<usize>(), 0..6),
    ) {
        let mut text = spell(&request, &style).into_bytes();
        for (at, byte) in damage {
            let at = at % text.len();
            text[at] = byte;
        }
        prop_assert_eq!(scan(&cut(&text, &cuts)), scan(&[&text]));
    }
}
