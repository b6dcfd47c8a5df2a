//! What the input can count.

use super::*;
use crate::estimate::{
    MESSAGE_OVERHEAD_TOKENS_MAX, REQUEST_OVERHEAD_TOKENS_MAX, TOOLS_OVERHEAD_TOKENS_MAX,
    VALUE_OVERHEAD_TOKENS_MAX,
};

fn messages(messages: &str) -> ScannedRequest {
    scan_text(&format!(r#"{{"model":"m","messages":[{messages}]}}"#))
}

/// The bound of text and roles in so many messages, with so many values of schemas or parts.
fn bound(bytes: u64, messages: u64, values: u64) -> u64 {
    bytes
        + messages * MESSAGE_OVERHEAD_TOKENS_MAX
        + values * VALUE_OVERHEAD_TOKENS_MAX
        + REQUEST_OVERHEAD_TOKENS_MAX
}

#[test]
fn text_counts_its_decoded_bytes() {
    for (text, expected) in [
        (r#"{"role":"user","content":"hello"}"#, bound(4 + 5, 1, 0)),
        (
            r#"{"role":"user","content":"\u00e9\n🚀"}"#,
            bound(4 + 2 + 1 + 4, 1, 0),
        ),
        (
            r#"{"role":"user","content":""},{"role":"assistant","content":null}"#,
            bound(4 + 9, 2, 0),
        ),
        (
            r#"{"role":"user","content":[{"type":"text","text":"ab"},{"text":"c","type":"text"},"d"]}"#,
            bound(4 + 4, 1, 3),
        ),
        (
            r#"{"role":"user","name":"bob","content":"hi"}"#,
            bound(4 + 4 + 3 + 2, 1, 1),
        ),
        (
            r#"{"role":"assistant","tool_calls":[{"id":"c","function":{"arguments":"{\"a\":1}"}}]}"#,
            // Names of four members; "c"; the arguments with two escapes; array, object, id, function, arguments.
            bound(9 + (10 + 2 + 8 + 9) + 1 + 7 + 2, 1, 5),
        ),
        (
            r#"{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}"#,
            bound(4 + 1, 1, 1),
        ),
    ] {
        let scanned = messages(text);
        assert_eq!(scanned.input_tokens_max, expected, "{text}");
        assert!(!scanned.input_unbounded, "{text}");
        assert!(scanned.input_tokens_estimate <= scanned.input_tokens_max);
    }
}

#[test]
fn what_is_no_text_makes_the_input_unbounded_and_is_not_counted() {
    let data = format!("data:image/png;base64,{}", "iVBORw0K".repeat(1000));
    for content in [
        format!(r#"[{{"type":"image_url","image_url":{{"url":"{data}"}}}}]"#),
        format!(r#"[{{"type":"image_url","image_url":"{data}"}}]"#),
        format!(r#"[{{"type":"text","text":"a","image_url":{{"url":"{data}"}}}}]"#),
        format!(r#"[{{"type":"text","type":"image_url","image_url":{{"url":"{data}"}}}}]"#),
        format!(r#"[{{"type":"image_url","type":"text","image_url":{{"url":"{data}"}}}}]"#),
        format!(r#"[{{"image_url":{{"url":"{data}"}}}}]"#),
        format!(r#"[{{"type":"input_audio","input_audio":{{"data":"{data}","format":"wav"}}}}]"#),
        format!(r#"[{{"type":"file","file":{{"file_data":"{data}"}}}}]"#),
        format!(r#"[{{"type":"video_url","video_url":{{"url":"{data}"}}}}]"#),
        r#"[{"type":"some_day"}]"#.to_owned(),
        r#"[{"text":"a"}]"#.to_owned(),
        r#"[{"type":"text","text":{"value":"a"}}]"#.to_owned(),
        r#"[{"Type":"image_url"}]"#.to_owned(),
        r#"[{}]"#.to_owned(),
        r#"[[]]"#.to_owned(),
        r#""a","audio":{"id":"audio_1"}"#.to_owned(),
        r#""a","images":["x"]"#.to_owned(),
        r#""a","Content":[{"type":"image_url"}]"#.to_owned(),
    ] {
        let scanned = messages(&format!(r#"{{"role":"user","content":{content}}}"#));
        assert!(scanned.input_unbounded, "{content:.80}");
        assert!(scanned.input_tokens_max < 400, "{content:.80}");
        assert!(scanned.input_tokens_estimate < 20, "{content:.80}");
    }
    let nulls = r#"{"role":"assistant","content":[{"type":"text","text":"a","image_url":null}],"audio":null}"#;
    assert!(!messages(nulls).input_unbounded);
}

#[test]
fn tools_count_as_a_schema_and_what_the_model_does_not_see_not_at_all() {
    let plain = scan_text(&with(r#""x":1"#)).input_tokens_max;
    let plain = plain - (1 + VALUE_OVERHEAD_TOKENS_MAX + 1);
    let with_members = |members: &str| scan_text(&with(members)).input_tokens_max - plain;
    for unseen in [
        r#""user":"0123456789""#,
        r#""metadata":{"a":"0123456789","b":["c"]}"#,
        r#""logit_bias":{"50256":-100}"#,
        r#""safety_identifier":"0123456789","prompt_cache_key":"0123456789""#,
        r#""stream":true,"stream_options":{"include_usage":true,"x":"0123456789","y":{"z":"w"}}"#,
        r#""store":false,"n":2,"max_tokens":100,"service_tier":"flex","modalities":["text"]"#,
    ] {
        assert_eq!(with_members(unseen), 0, "{unseen}");
    }
    let tool = r#""tools":[{"type":"function","function":{"name":"f","parameters":{"é":{"maximum":1000}}}}]"#;
    let names = 5 + 4 + 8 + 4 + 10 + (3 * 2) + 7;
    let values = 7 * VALUE_OVERHEAD_TOKENS_MAX + 8 + 1 + 4;
    assert_eq!(
        with_members(tool),
        TOOLS_OVERHEAD_TOKENS_MAX + names + values
    );
    let format = r#""response_format":{"type":"json_object"}"#;
    let names = 15 + 4;
    let values = 2 * VALUE_OVERHEAD_TOKENS_MAX + 11;
    assert_eq!(
        with_members(format),
        TOOLS_OVERHEAD_TOKENS_MAX + names + values
    );
    let long_name = "k".repeat(100);
    let unknown = format!(r#""{long_name}":["a"]"#);
    assert_eq!(
        with_members(&unknown),
        3 * 102 + 2 * VALUE_OVERHEAD_TOKENS_MAX + 1
    );
}
