//! Every refusal, with what the client is told.

use super::*;

fn check(text: &str, param: Option<&str>, message: &str) {
    let fault = scan(&[text.as_bytes()]).expect_err(text);
    assert_eq!(fault.param(), param, "{text}: {fault}");
    assert!(fault.to_string().contains(message), "{text}: {fault}");
    assert_eq!((fault.status(), fault.code()), (400, None), "{text}");
    for cut in 0..=text.len() {
        let (head, tail) = text.as_bytes().split_at(cut);
        assert_eq!(scan(&[head, tail]), Err(fault), "{text} cut at {cut}");
    }
}

fn check_member(member: &str, param: &str, message: &str) {
    check(&with(member), Some(param), message);
}

#[test]
fn bodies_that_are_no_request() {
    check("", None, "not valid JSON: the body is empty");
    check("{\"model\":", None, "ends too early");
    check(
        "{\"model\":\"m\"} x",
        None,
        "unexpected character at byte 14",
    );
    check("[]", None, "must be a JSON object");
    check("\"x\"", None, "must be a JSON object");
    check("null", None, "must be a JSON object");
    check("{}", Some("model"), "must provide 'model'");
    check(
        "{\"model\":\"m\"}",
        Some("messages"),
        "must provide 'messages'",
    );
    check(
        "{\"model\":\"m\",\"messages\":[]}",
        Some("messages"),
        "must provide",
    );
}

#[test]
fn values_of_the_wrong_type() {
    for (member, param) in [
        (r#""stream":1"#, "stream"),
        (r#""stream":"true""#, "stream"),
        (r#""stream":{}"#, "stream"),
        (r#""stream_options":true"#, "stream_options"),
        (r#""stream_options":[]"#, "stream_options"),
        (
            r#""stream_options":{"include_usage":1}"#,
            "stream_options.include_usage",
        ),
        (
            r#""stream_options":{"include_usage":{}}"#,
            "stream_options.include_usage",
        ),
        (r#""service_tier":1"#, "service_tier"),
        (r#""service_tier":["flex"]"#, "service_tier"),
        (r#""modalities":"audio""#, "modalities"),
        (r#""modalities":[1]"#, "modalities"),
        (r#""modalities":[["audio"]]"#, "modalities"),
        (r#""tools":{}"#, "tools"),
        (r#""tools":["x"]"#, "tools"),
        (r#""tools":[[]]"#, "tools"),
        (r#""tools":[{"type":1}]"#, "tools"),
        (r#""tools":[{"type":{}}]"#, "tools"),
        (r#""store":"yes""#, "store"),
        (r#""background":[]"#, "background"),
    ] {
        check_member(member, param, "must be ");
    }
    for (text, param) in [
        (r#"{"model":null}"#, "model"),
        (r#"{"model":1}"#, "model"),
        (r#"{"model":["m"]}"#, "model"),
        (r#"{"model":"m","messages":null}"#, "messages"),
        (r#"{"model":"m","messages":"hi"}"#, "messages"),
        (r#"{"model":"m","messages":{}}"#, "messages"),
        (r#"{"model":"m","messages":["hi"]}"#, "messages"),
        (r#"{"model":"m","messages":[[]]}"#, "messages"),
        (r#"{"model":"m","messages":[{"content":1}]}"#, "messages"),
        (r#"{"model":"m","messages":[{"content":{}}]}"#, "messages"),
        (r#"{"model":"m","messages":[{"content":[1]}]}"#, "messages"),
        (r#"{"model":"m","messages":[{"role":[]}]}"#, "messages"),
    ] {
        check(text, Some(param), "must be ");
    }
}

#[test]
fn numbers_that_readers_could_take_for_another() {
    let too_large = "18446744073709551616";
    let long = "1".repeat(70);
    for param in ["n", "max_tokens", "max_completion_tokens"] {
        for value in [
            "0", "-0", "-1", "1.0", "1e3", "1E2", "0.5", "\"1\"", "true", "[]", "{}", too_large,
            &long,
        ] {
            let member = format!("\"{param}\":{value}");
            check_member(&member, param, "must be an integer between 1 and ");
        }
    }
    check_member(r#""n":129"#, "n", "between 1 and 128");
}

#[test]
fn names_that_are_empty_or_too_long() {
    let model = "m".repeat(MODEL_BYTES_MAX + 1);
    let tier = "t".repeat(SERVICE_TIER_BYTES_MAX + 1);
    check(r#"{"model":""}"#, Some("model"), "between 1 and 256 bytes");
    check(
        &format!(r#"{{"model":"{model}"}}"#),
        Some("model"),
        "256 bytes",
    );
    check_member(r#""service_tier":"""#, "service_tier", "64 bytes");
    check_member(
        &format!(r#""service_tier":"{tier}""#),
        "service_tier",
        "64 bytes",
    );
}

#[test]
fn members_given_twice_or_in_another_spelling() {
    for (member, param) in [
        (r#""model":"m""#, "model"),
        (r#""messages":[{}]"#, "messages"),
        (r#""n":1,"n":1"#, "n"),
        (r#""max_tokens":1,"max_\u0074okens":1"#, "max_tokens"),
        (
            r#""max_completion_tokens":null,"max_completion_tokens":1"#,
            "max_completion_tokens",
        ),
        (r#""stream":true,"stream":false"#, "stream"),
        (
            r#""stream_options":null,"stream_options":{}"#,
            "stream_options",
        ),
        (
            r#""stream_options":{"include_usage":true,"include_usage":false}"#,
            "stream_options.include_usage",
        ),
        (
            r#""service_tier":"flex","service_tier":"flex""#,
            "service_tier",
        ),
        (r#""modalities":[],"modalities":[]"#, "modalities"),
        (r#""tools":[],"tools":[]"#, "tools"),
        (r#""store":false,"store":false"#, "store"),
    ] {
        check_member(member, param, "more than once");
    }
    for (member, param) in [
        (r#""Max_Tokens":1"#, "max_tokens"),
        (r#""max_to\u212aens":1"#, "max_tokens"),
        ("\"max_token\u{17f}\":1", "max_tokens"),
        (r#""N":2"#, "n"),
        (r#""STREAM":true"#, "stream"),
        (
            r#""stream_options":{"Include_Usage":true}"#,
            "stream_options.include_usage",
        ),
        (r#""Store":false"#, "store"),
    ] {
        check_member(member, param, "lower case");
    }
}

#[test]
fn what_has_no_bound_or_outlives_the_exchange() {
    for (member, param) in [
        (r#""store":true"#, "store"),
        (r#""background":true"#, "background"),
        (r#""web_search_options":{}"#, "web_search_options"),
        (
            r#""search_parameters":{"mode":"auto"}"#,
            "search_parameters",
        ),
        (r#""plugins":[{"id":"web"}]"#, "plugins"),
        (
            r#""prediction":{"type":"content","content":"x"}"#,
            "prediction",
        ),
        (r#""best_of":2"#, "best_of"),
        (r#""models":["other"]"#, "models"),
        (r#""previous_response_id":"resp_1""#, "previous_response_id"),
        (r#""conversation":"conv_1""#, "conversation"),
        (r#""prompt":{"id":"pmpt_1"}"#, "prompt"),
        (r#""tools":[{"type":"web_search"}]"#, "tools"),
        (
            r#""tools":[{"type":"function"},{"type":"code_interpreter"}]"#,
            "tools",
        ),
    ] {
        check_member(member, param, "not supported");
    }
}

#[test]
fn a_body_may_have_just_as_many_bytes_as_allowed() {
    let text = with(r#""x":1"#);
    let bytes = text.as_bytes();
    for (bytes_max, is_refused) in [(bytes.len(), false), (bytes.len() - 1, true), (0, true)] {
        for cut in [0, 1, bytes.len() - 1, bytes.len()] {
            let (head, tail) = bytes.split_at(cut);
            let mut scanner = RequestScanner::new(bytes_max as u64);
            let read = scanner.push(head).and_then(|()| scanner.push(tail));
            assert_eq!(read.is_err(), is_refused, "{bytes_max} {cut}");
            let Err(fault) = read else { continue };
            assert_eq!((fault.status(), fault.param()), (413, None));
            assert_eq!(fault.code(), Some("request_too_large"));
        }
    }
}
