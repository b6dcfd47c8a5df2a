//! What a rewritten body looks like, byte by byte.

use super::*;

const MESSAGES: &str = r#""messages":[{"role":"user"}]"#;

fn rewritten(text: &str, tokens: u64, field: OutputLimitField, model: Option<&str>) -> String {
    let scanned = scan_text(text);
    let rewrite = scanned.rewrite(OutputLimit { tokens, field }, model);
    let end = rewrite.prefix_end() as usize;
    let mut edited = rewrite.apply(&text.as_bytes()[..end]).unwrap();
    edited.extend_from_slice(&text.as_bytes()[end..]);
    let edited = String::from_utf8(edited).unwrap();
    assert_eq!(rewrite.is_empty(), edited == text, "{text}");
    edited
}

/// `$M` stands for the messages.
fn check(cases: &[(&str, &str)], field: OutputLimitField) {
    for (before, after) in cases {
        let (before, after) = (
            before.replace("$M", MESSAGES),
            after.replace("$M", MESSAGES),
        );
        assert_eq!(rewritten(&before, 5, field, None), after);
        assert_eq!(rewritten(&after, 5, field, None), after, "twice");
    }
}

#[test]
fn one_limit_is_written_and_its_other_spelling_removed() {
    check(
        &[
            (r#"{"model":"m",$M}"#, r#"{"max_tokens":5,"model":"m",$M}"#),
            (
                r#" { "model":"m",$M}"#,
                r#" {"max_tokens":5, "model":"m",$M}"#,
            ),
            (
                r#"{"model":"m",$M,"max_tokens":9}"#,
                r#"{"model":"m",$M,"max_tokens":5}"#,
            ),
            (
                r#"{"model":"m",$M,"max_tokens" : null }"#,
                r#"{"model":"m",$M,"max_tokens" : 5 }"#,
            ),
            (
                r#"{"max_completion_tokens":9, "model":"m",$M}"#,
                r#"{"max_tokens":5,"model":"m",$M}"#,
            ),
            (
                r#"{"model":"m" , "max_completion_tokens" : 9 ,$M}"#,
                r#"{"max_tokens":5,"model":"m"  ,$M}"#,
            ),
            (
                r#"{"model":"m",$M, "max_completion_tokens":null }"#,
                r#"{"max_tokens":5,"model":"m",$M }"#,
            ),
            (
                r#"{"max_completion_tokens":9,"max_tokens":9,"model":"m",$M}"#,
                r#"{"max_tokens":5,"model":"m",$M}"#,
            ),
            (
                r#"{"max_tokens":9,"max_completion_tokens":9,"model":"m",$M}"#,
                r#"{"max_tokens":5,"model":"m",$M}"#,
            ),
            (
                r#"{"model":"m","max_tokens":5,$M,"max_completion_tokens":9}"#,
                r#"{"model":"m","max_tokens":5,$M}"#,
            ),
        ],
        OutputLimitField::MaxTokens,
    );
    check(
        &[
            (
                r#"{"max_tokens":5,"model":"m",$M}"#,
                r#"{"max_completion_tokens":5,"model":"m",$M}"#,
            ),
            (
                r#"{"model":"m","max_\u0063ompletion_tokens":6,$M}"#,
                r#"{"model":"m","max_\u0063ompletion_tokens":5,$M}"#,
            ),
        ],
        OutputLimitField::MaxCompletionTokens,
    );
}

#[test]
fn the_usage_of_a_stream_is_forced_by_that_one_key() {
    let limited = r#"{"max_tokens":5,"stream":true,"model":"m",$M"#;
    for (before, after) in [
        ("", ""),
        (
            r#","stream_options":null"#,
            r#","stream_options":{"include_usage":true}"#,
        ),
        (
            r#","stream_options":{}"#,
            r#","stream_options":{"include_usage":true}"#,
        ),
        (
            r#","stream_options": { }"#,
            r#","stream_options": {"include_usage":true }"#,
        ),
        (
            r#","stream_options":{ "include_obfuscation":false}"#,
            r#","stream_options":{"include_usage":true, "include_obfuscation":false}"#,
        ),
        (
            r#","stream_options":{"a":1,"include_usage": false ,"b":{"include_usage":false}}"#,
            r#","stream_options":{"a":1,"include_usage": true ,"b":{"include_usage":false}}"#,
        ),
        (
            r#","stream_options":{"include_usage":null}"#,
            r#","stream_options":{"include_usage":true}"#,
        ),
        (
            r#","stream_options":{"include_usage":true}"#,
            r#","stream_options":{"include_usage":true}"#,
        ),
    ] {
        let opening = if after.is_empty() {
            limited.replacen('{', r#"{"stream_options":{"include_usage":true},"#, 1)
        } else {
            limited.to_owned()
        };
        check(
            &[(
                &format!("{limited}{before}}}"),
                &format!("{opening}{after}}}"),
            )],
            OutputLimitField::MaxTokens,
        );
    }
    let not_streamed =
        r#"{"max_tokens":5,"stream_options":{"include_usage":false},"model":"m",$M}"#;
    check(&[(not_streamed, not_streamed)], OutputLimitField::MaxTokens);
}

#[test]
fn the_model_is_replaced_where_it_differs() {
    let text = r#"{"max_tokens":5,"model":"a\u0062" ,"messages":[{}]}"#;
    for (model, after) in [
        (None, r#""a\u0062""#),
        (Some("ab"), r#""a\u0062""#),
        (Some("c\"\\\n"), r#""c\"\\\n""#),
    ] {
        let expected = text.replace(r#""a\u0062""#, after);
        let field = OutputLimitField::MaxTokens;
        assert_eq!(rewritten(text, 5, field, model), expected);
    }
}

#[test]
fn a_prefix_of_another_length_is_not_edited() {
    let text = with(r#""max_tokens":9,"x":1"#);
    let limit = OutputLimit {
        tokens: 5,
        field: OutputLimitField::MaxTokens,
    };
    let rewrite = scan_text(&text).rewrite(limit, None);
    let end = rewrite.prefix_end() as usize;
    assert!(text[..end].ends_with('9'));
    assert_eq!(rewrite.apply(&text.as_bytes()[..end - 1]), None);
    assert_eq!(rewrite.apply(text.as_bytes()), None);
    assert!(rewrite.apply(&text.as_bytes()[..end]).is_some());
}

#[test]
fn fields_have_names() {
    for field in [
        OutputLimitField::MaxTokens,
        OutputLimitField::MaxCompletionTokens,
    ] {
        assert_eq!(OutputLimitField::from_name(field.name()), Some(field));
    }
    assert_eq!(OutputLimitField::from_name("max_output_tokens"), None);
}
