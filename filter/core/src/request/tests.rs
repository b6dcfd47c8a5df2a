//! Requests as clients send them, and as they should not.

mod bound;
mod property;
mod refusals;
mod rewriting;

use super::*;

pub(super) fn scan(pieces: &[&[u8]]) -> Result<ScannedRequest, InvalidRequest> {
    let mut scanner = RequestScanner::new(1 << 20);
    for piece in pieces {
        scanner.push(piece)?;
    }
    scanner.finish()
}

pub(super) fn scan_text(text: &str) -> ScannedRequest {
    scan(&[text.as_bytes()]).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

/// A request with `members` besides a model and a message.
pub(super) fn with(members: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{members}}}"#)
}

#[test]
fn what_matters_is_read_from_anywhere() {
    let text = r#" { "max_\u0074okens" : 9, "n":3, "messages":[{"role":"user","content":"hi"}],
        "stream_options":{"include_obfuscation":false,"include_usage":true}, "stream" : true,
        "modalities":["text","audio"], "service_tier":"flex", "max_completion_tokens":7, "\u006dodel":"gpt-\u0034o" } "#;
    let scanned = scan_text(text);
    assert_eq!(scanned.model, "gpt-4o");
    assert_eq!(scanned.choices, 3);
    assert_eq!(scanned.output_tokens_max, Some(7));
    assert_eq!(scanned.service_tier, "flex");
    assert!(scanned.stream && scanned.include_usage && scanned.output_audio);
    assert!(!scanned.input_unbounded);
}

#[test]
fn what_is_absent_or_null_has_its_default() {
    let nulls = r#""n":null,"max_tokens":null,"max_completion_tokens":null,"stream":null,"stream_options":null,
        "service_tier":null,"modalities":null,"tools":null,"store":null,"background":false,"web_search_options":null,
        "prediction":null,"user":null"#;
    for text in [with(nulls), with(r#""x":1"#)] {
        let scanned = scan_text(&text);
        assert_eq!(scanned.choices, 1);
        assert_eq!(scanned.output_tokens_max, None);
        assert_eq!(scanned.service_tier, "");
        assert!(!scanned.stream && !scanned.include_usage && !scanned.output_audio);
    }
}

#[test]
fn usage_is_only_asked_for_by_a_stream() {
    for (members, expected) in [
        (r#""stream_options":{"include_usage":true}"#, false),
        (
            r#""stream":false,"stream_options":{"include_usage":true}"#,
            false,
        ),
        (
            r#""stream":true,"stream_options":{"include_usage":true}"#,
            true,
        ),
        (
            r#""stream":true,"stream_options":{"include_usage":null}"#,
            false,
        ),
        (r#""stream":true"#, false),
    ] {
        assert_eq!(
            scan_text(&with(members)).include_usage,
            expected,
            "{members}"
        );
    }
}

#[test]
fn limits_go_to_the_edge_of_their_range() {
    let members = format!(r#""n":128,"max_tokens":{}"#, u64::MAX);
    let scanned = scan_text(&with(&members));
    assert_eq!(scanned.choices, CHOICES_MAX);
    assert_eq!(scanned.output_tokens_max, Some(u64::MAX));
    let model = "m".repeat(MODEL_BYTES_MAX);
    let text = format!(r#"{{"model":"{model}","messages":[{{}}]}}"#);
    assert_eq!(scan_text(&text).model, model);
}
