//! What counts as evidence, and for how much.

use super::*;

fn check_stream(data: &[&str], usage: Usage, source: UsageSource) -> Evidence {
    let text = events(data);
    let (client, evidence) = read(Meter::sse(false), &[text.as_bytes()]);
    assert_eq!(client, text.as_bytes());
    assert_eq!((evidence.usage, evidence.source), (usage, source), "{text}");
    let document = data.concat();
    if data.len() == 1 {
        let (_, evidence) = read(Meter::json(), &[document.as_bytes()]);
        assert_eq!(evidence.source, source, "{document}");
    }
    evidence
}

fn only_usage(prompt: &str, completion: &str, more: &str) -> String {
    format!(r#"{{"choices":[]{}}}"#, usage(prompt, completion, more))
}

#[test]
fn a_report_is_final_only_after_every_choice_has_finished() {
    let text = chunk("Hello", "null", "");
    let stop = chunk("", "\"stop\"", "");
    let report = only_usage("7", "9", "");
    let (reported, counted) = (UsageSource::Reported, UsageSource::Counted);
    check_stream(&[&text, &stop, &report], input_output(7, 9), reported);
    check_stream(&[&text, &report], input_output(7, 9), counted);
    check_stream(&[&text, &report, &stop], input_output(7, 9), counted);
    check_stream(&[&text, &report, "[DONE]"], input_output(7, 9), reported);
    // More came after the report.
    let more = chunk("x", "null", "");
    check_stream(&[&text, &stop, &report, &more], input_output(7, 9), counted);
    // Twelve pieces of 60 bytes are more than the nine tokens that were reported.
    let mut early = vec![report.as_str()];
    early.extend(vec![text.as_str(); 12]);
    check_stream(&early, input_output(7, 15), counted);
    early.push("[DONE]");
    check_stream(&early, input_output(7, 15), counted);
}

#[test]
fn a_report_waits_for_as_many_choices_as_were_asked_for() {
    let text = events(&[&chunk("Hello", "\"stop\"", &usage("7", "1", ""))]);
    for (choices, source) in [
        (0, UsageSource::Reported),
        (1, UsageSource::Reported),
        (2, UsageSource::Counted),
    ] {
        let meter = Meter::sse(false).expecting(choices);
        let (_, evidence) = read(meter, &[text.as_bytes()]);
        assert_eq!(evidence.source, source, "{choices}");
        assert_eq!(evidence.choices_finished, 1);
        // By its own account the answer is complete, though it has fewer choices.
        let text = text.clone() + "data: [DONE]\n\n";
        let meter = Meter::sse(false).expecting(choices);
        let (_, evidence) = read(meter, &[text.as_bytes()]);
        assert_eq!(evidence.source, UsageSource::Reported, "{choices}");
    }
}

#[test]
fn cumulative_reports_may_grow_and_not_shrink() {
    let grow = |last: (&str, &str)| {
        [
            chunk("a", "null", &usage("7", "2", "")),
            chunk("", "\"stop\"", &usage(last.0, last.1, "")),
        ]
    };
    for (last, usage, source) in [
        (("7", "2"), input_output(7, 2), UsageSource::Reported),
        (("7", "3"), input_output(7, 3), UsageSource::Reported),
        (("7", "1"), input_output(0, 1), UsageSource::Unreadable),
        (("6", "3"), input_output(0, 1), UsageSource::Unreadable),
    ] {
        let [first, second] = grow(last);
        check_stream(&[&first, &second], usage, source);
    }
}

#[test]
fn contradictions_are_unreadable_and_never_zero() {
    let details = r#","prompt_tokens_details":"#;
    for more in [
        usage("7", "0", ""),
        usage("0", "3", ""),
        usage("-7", "3", ""),
        usage("7.5", "3", ""),
        usage("\"7\"", "3", ""),
        usage("{}", "3", ""),
        usage("18446744073709551616", "3", ""),
        usage("7", "3", r#","total_tokens":11"#),
        usage("7", "3", &format!(r#"{details}{{"cached_tokens":8}}"#)),
        usage(
            "7",
            "3",
            r#","completion_tokens_details":{"reasoning_tokens":4}"#,
        ),
        r#","usage":{"prompt_tokens":7}"#.to_owned(),
    ] {
        let document = chunk("Hello", "\"stop\"", &more);
        let evidence = check_stream(&[&document], input_output(0, 2), UsageSource::Unreadable);
        assert!(evidence.generated);
    }
    // Nothing was seen, but there must have been something.
    let document = chunk("", "\"stop\"", &usage("7", "-3", ""));
    check_stream(&[&document], input_output(0, 1), UsageSource::Unreadable);
    // The same member twice: which of them is meant cannot be known.
    let twice = usage("7", "3", "") + &usage("7", "3", "");
    let document = chunk("Hello", "\"stop\"", &twice);
    let evidence = check_stream(&[&document], input_output(7, 3), UsageSource::Counted);
    assert_eq!(evidence.unread, 1);
}

#[test]
fn a_report_without_text_is_believed() {
    let document = chunk("", "\"stop\"", &usage("7", "0", ""));
    let evidence = check_stream(&[&document], input_output(7, 0), UsageSource::Reported);
    assert!(!evidence.generated);
    let nulls = r#","total_tokens":null,"prompt_tokens_details":null,"completion_tokens_details":{"reasoning_tokens":null}"#;
    let document = chunk("x", "\"stop\"", &usage("7", "1", nulls));
    check_stream(&[&document], input_output(7, 1), UsageSource::Reported);
}

#[test]
fn whatever_is_generated_is_counted() {
    let delta = |delta: &str| format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#);
    for (text, tokens) in [
        (r#"{"content":"Hello"}"#, 2),
        (r#"{"content":"\u0048\u0065"}"#, 1),
        (r#"{"refusal":"No."}"#, 1),
        (r#"{"reasoning_content":"Hmm, so"}"#, 2),
        (r#"{"reasoning":"Hmm, so"}"#, 2),
        (
            r#"{"reasoning_content":"Hmm, so","reasoning":"Hmm, so","content":"x"}"#,
            3,
        ),
        (
            r#"{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]}"#,
            2,
        ),
        (
            r#"{"tool_calls":[{"custom":{"name":"f","input":"abcde"}},{"function":{"arguments":"xyz"}}]}"#,
            3,
        ),
        (r#"{"function_call":{"name":"f","arguments":""}}"#, 1),
        (
            r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"abcde"}]},"x"]}"#,
            2,
        ),
        (
            r#"{"role":"assistant","content":"","annotations":["x"]}"#,
            0,
        ),
        (r#"{"audio":{"id":"a","transcript":"Hello"}}"#, 2),
    ] {
        let source = if tokens == 0 {
            UsageSource::Estimated
        } else {
            UsageSource::Counted
        };
        let evidence = check_stream(&[&delta(text)], input_output(0, tokens), source);
        assert_eq!(evidence.generated, tokens > 0, "{text}");
    }
    let sound = delta(r#"{"audio":{"id":"a","data":"AAAA"}}"#);
    let one = Usage {
        audio_output_tokens: 1,
        ..Usage::default()
    };
    check_stream(
        &[&sound, &sound],
        Usage {
            audio_output_tokens: 2,
            ..one
        },
        UsageSource::Counted,
    );
}

#[test]
fn a_floor_and_a_count_are_not_added_up() {
    let details = r#","completion_tokens_details":{"reasoning_tokens":5}"#;
    let early = chunk("", "null", &usage("7", "6", details));
    let text = chunk("Hello", "null", "");
    let floor = Usage {
        reasoning_tokens: 5,
        ..input_output(7, 1)
    };
    check_stream(&[&early, &text], floor, UsageSource::Counted);
    let mut more = vec![early.as_str()];
    more.extend(vec![text.as_str(); 10]);
    check_stream(
        &more,
        Usage {
            output_tokens: 8,
            ..floor
        },
        UsageSource::Counted,
    );
}

#[test]
fn an_answer_that_was_cut_counts_as_far_as_it_came() {
    let document = chunk("0123456789", "\"stop\"", &usage("7", "9", ""));
    let digits = document.find("0123").unwrap() + 1;
    for (length, tokens) in [
        (digits - 1, 0),
        (digits, 1),
        (digits + 4, 2),
        (digits + 9, 3),
        (document.len() - 1, 9),
    ] {
        let (_, evidence) = read(Meter::json(), &[&document.as_bytes()[..length]]);
        let source = if tokens == 0 {
            UsageSource::Estimated
        } else {
            UsageSource::Counted
        };
        assert_eq!(
            (evidence.usage.output_tokens, evidence.source),
            (tokens, source),
            "{length}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    let text = chunk("Hello", "null", "");
    let evidence = check_stream(
        &[&text, "{\"choices\":[}"],
        input_output(0, 2),
        UsageSource::Unreadable,
    );
    assert_eq!(evidence.unread, 1);
    check_stream(&["oops"], Usage::default(), UsageSource::Estimated);
    // A final report makes up for it.
    let stop = chunk("", "\"stop\"", &usage("7", "9", ""));
    check_stream(
        &["oops", &text, &stop],
        input_output(7, 9),
        UsageSource::Reported,
    );
    for html in ["<html>502</html>", "", "[]", "null", "{\"choices\":"] {
        let (_, evidence) = read(Meter::json(), &[html.as_bytes()]);
        assert_eq!(
            (evidence.usage, evidence.source),
            (Usage::default(), UsageSource::Estimated),
            "{html}"
        );
    }
}

#[test]
fn an_error_that_generated_nothing_used_nothing() {
    let error = r#"{"error":{"message":"no","type":"x","param":null,"code":null}}"#;
    let evidence = check_stream(&[error], Usage::default(), UsageSource::None);
    assert!(evidence.has_error && !evidence.generated);
    let evidence = check_stream(&[r#"{"error":"no"}"#], Usage::default(), UsageSource::None);
    assert!(evidence.has_error);
    let text = chunk("Hello", "null", "");
    let evidence = check_stream(&[&text, error], input_output(0, 2), UsageSource::Counted);
    assert!(evidence.has_error);
    let fine = chunk("Hello", "null", r#","error":null"#);
    assert!(!check_stream(&[&fine], input_output(0, 2), UsageSource::Counted).has_error);
}

#[test]
fn names_are_the_last_and_the_id_the_first_that_were_told() {
    let named = |id, model, tier| {
        format!(r#"{{"id":{id},"model":{model},"service_tier":{tier},"choices":[]}}"#)
    };
    let data = [
        named("\"\"", "\"\"", "null"),
        named("\"first\"", "\"asked\"", "\"auto\""),
        named("\"second\"", "\"served\"", "\"flex\""),
        named("null", "null", "null"),
    ];
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    let evidence = check_stream(&data, Usage::default(), UsageSource::Estimated);
    assert_eq!(evidence.provider_response_id, "first");
    assert_eq!(evidence.model, "served");
    assert_eq!(evidence.service_tier, "flex");
}

#[test]
fn evidence_can_be_had_at_any_byte() {
    let whole = chunk("Hello", "\"stop\"", &usage("7", "9", ""));
    let text = format!("data: {whole}\n\n");
    let complete = text.find('}').unwrap()..text.len();
    let mut last = input_output(0, 0);
    for cut in 0..=text.len() {
        let mut meter = Meter::sse(true);
        meter.push(&text.as_bytes()[..cut], false);
        let evidence = meter.evidence();
        assert_eq!(
            evidence.usage.max(&last),
            evidence.usage,
            "it never shrinks"
        );
        assert_eq!(evidence.unread, 0);
        if cut >= complete.end - 2 {
            assert_eq!(
                evidence.source,
                UsageSource::Reported,
                "complete without its line end"
            );
        }
        last = evidence.usage;
    }
    assert_eq!(last, input_output(7, 9));
    let mut meter = Meter::sse(true);
    meter.push((text + "data: [DON").as_bytes(), false);
    assert_eq!(meter.evidence().unread, 0);
    meter.push(b"E]", false);
    assert!(meter.evidence().done);
}
