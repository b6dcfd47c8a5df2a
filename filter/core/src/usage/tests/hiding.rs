//! What a client sees that did not ask for the usage.

use super::*;

fn check(before: &str, after: &str) -> Evidence {
    let (client, evidence) = read(Meter::sse(true), &[before.as_bytes()]);
    assert_eq!(String::from_utf8(client).unwrap(), after, "{before:?}");
    for cut in 0..=before.len() {
        let (head, tail) = before.as_bytes().split_at(cut);
        let (client, same) = read(Meter::sse(true), &[head, tail]);
        assert_eq!(
            String::from_utf8_lossy(&client),
            after,
            "{before:?} cut at {cut}"
        );
        assert_eq!(same, evidence, "{before:?} cut at {cut}");
    }
    let bytes: Vec<&[u8]> = before.as_bytes().chunks(1).collect();
    let (client, same) = read(Meter::sse(true), &bytes);
    assert_eq!(
        (String::from_utf8_lossy(&client), same),
        (after.into(), evidence.clone())
    );
    let (client, same) = read(Meter::sse(false), &[before.as_bytes()]);
    assert_eq!(
        (client.as_slice(), same),
        (before.as_bytes(), evidence.clone())
    );
    evidence
}

#[test]
fn the_member_is_cut_out_and_nothing_else_changes() {
    for (before, after) in [
        (r#"{"usage":null}"#, "{}"),
        (
            r#"{ "usage" : null , "choices":[] }"#,
            r#"{ "choices":[] }"#,
        ),
        (r#"{"choices":[{}] , "usage":null}"#, r#"{"choices":[{}] }"#),
        (
            r#"{"a":1,"\u0075sage":{"prompt_tokens":1},"choices":[{}]}"#,
            r#"{"a":1,"choices":[{}]}"#,
        ),
        (
            r#"{"choices":[{"usage":1}]}"#,
            r#"{"choices":[{"usage":1}]}"#,
        ),
        (r#"{"usage":{"prompt_tokens":1}}"#, "{}"),
        ("[DONE]", "[DONE]"),
        ("{\"usage\":null", "{\"usage\":null"),
        (r#"{"usage":null} x"#, r#"{"usage":null} x"#),
        (
            r#"{"usage":null,"usage":null}"#,
            r#"{"usage":null,"usage":null}"#,
        ),
        ("", ""),
    ] {
        for (open, close) in [
            ("data: ", "\n\n"),
            ("data:", "\r\n\r\n"),
            ("data: ", "\r\r"),
            (": note\nevent: x\nid: 1\ndata:", "\nretry: 5\n\n"),
            ("\u{feff}data: ", "\n\n"),
            ("data: ", "\n"),
            ("data: ", ""),
        ] {
            let text = |data: &str| format!("{open}{data}{close}: end\n\n");
            if close.len() < 2 {
                let text = |data: &str| format!("{open}{data}{close}");
                check(&text(before), &text(after));
            } else {
                check(&text(before), &text(after));
            }
        }
    }
}

#[test]
fn an_event_of_usage_alone_is_dropped() {
    let only = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":0}}"#;
    for end in ["\n", "\r\n", "\r"] {
        let text = |data: &str| format!("data: x{end}{end}{data}data: [DONE]{end}{end}");
        let dropped = format!(": note{end}event: x{end}data: {only}{end}{end}");
        let evidence = check(&text(&dropped), &text(""));
        assert!(evidence.done);
        assert_eq!(evidence.usage, input_output(7, 0));
    }
    check(&format!("data: {only}"), "");
    check(&format!("data: {only}\n\n"), "");
}

#[test]
fn data_of_several_lines_is_edited_too() {
    check(
        "data: {\"choices\":[{}],\ndata:\"usage\"\ndata: :null,\ndata: \"x\":1}\n\n",
        "data: {\"choices\":[{}],\ndata: \"x\":1}\n\n",
    );
    check(
        "data: {\"a\":\ndata\ndata: 1}\n\n",
        "data: {\"a\":\ndata\ndata: 1}\n\n",
    );
    check(
        "data: {\ndata: \"usage\":\ndata: null\ndata: }\n\n",
        "data: {\ndata: \ndata: }\n\n",
    );
    // A line end inside a string is no JSON.
    check(
        "data: {\"usage\":null,\"a\":\"x\ndata: y\"}\n\n",
        "data: {\"usage\":null,\"a\":\"x\ndata: y\"}\n\n",
    );
}

#[test]
fn names_of_fields_are_exact() {
    let data = r#"{"usage":null}"#;
    for name in [
        "Data",
        "dat",
        "dataa",
        " data",
        "data ",
        "event",
        "\u{feff}\u{feff}data",
        "xdata",
    ] {
        let text = format!("\n{name}: {data}\n\n");
        check(&text, &text);
    }
    // A byte order mark has its meaning only at the start.
    let text = format!("\n\u{feff}data: {data}\n\n");
    check(&text, &text);
}

#[test]
fn an_event_over_the_bound_goes_through_and_is_still_read() {
    let event = |length: usize| {
        let report = usage("7", "1", "");
        let rest = format!(
            "data: {{\"pad\":\"\"{report},\"choices\":[{{\"finish_reason\":\"stop\"}}]}}\n\n"
        );
        let pad = "x".repeat(length - rest.len());
        (rest.replace("\"\"", &format!("\"{pad}\"")), report)
    };
    for (length, is_hidden) in [(EVENT_BYTES_MAX, true), (EVENT_BYTES_MAX + 1, false)] {
        let (text, report) = event(length);
        assert_eq!(text.len(), length);
        let expected = if is_hidden {
            text.replace(&report, "")
        } else {
            text.clone()
        };
        let follower = "data: {\"usage\":null}\n\n";
        let text = text + follower;
        let expected = expected + "data: {}\n\n";
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(10_000).collect();
        for pieces in [
            vec![text.as_bytes()],
            pieces,
            vec![&text.as_bytes()[..length], follower.as_bytes()],
        ] {
            let (client, evidence) = read(Meter::sse(true), &pieces);
            assert!(client == expected.as_bytes(), "{length}");
            assert_eq!(
                (evidence.usage, evidence.source),
                (input_output(7, 1), UsageSource::Reported)
            );
        }
    }
}

#[test]
fn no_more_than_the_bound_is_held() {
    let mut meter = Meter::sse(true);
    assert_eq!(meter.push(b"data: \"", false), Output::Replace(Vec::new()));
    let filler = vec![b'x'; EVENT_BYTES_MAX];
    let Output::Replace(bytes) = meter.push(&filler, false) else {
        panic!("what was held comes first");
    };
    assert_eq!(bytes.len(), EVENT_BYTES_MAX + 7);
    assert_eq!(meter.push(&filler, false), Output::Pass);
    assert_eq!(meter.push(b"\"\n\ndata: 1\n\n", false), Output::Pass);
    assert_eq!(meter.push(b"data: 1", false), Output::Replace(Vec::new()));
    assert_eq!(meter.push(b"", true), Output::Replace(b"data: 1".to_vec()));
}
