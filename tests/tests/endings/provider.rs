//! Ends that the provider makes.

use ferry_examples::simulator::{Act, Point, Reply, Script};
use ferry_tests::prices::tokens;
use serde_json::json;

use super::case::{Case, Seen, Told};
use super::usage::{chunk, finished, stream_of};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        breaks_before_the_answer(),
        breaks(
            "reset-before-a-json-body",
            false,
            Point::Event(0),
            Act::Reset,
        ),
        breaks("reset-before-a-stream", true, Point::Event(0), Act::Reset),
        in_json("reset-in-json", Act::Reset),
        in_json("closed-in-json", Act::Close),
        in_a_stream("reset-in-a-stream", Point::Event(9), Act::Reset),
        in_a_stream("closed-in-a-stream", Point::Event(9), Act::Close),
        in_mid_event("closed-in-mid-event", false),
        in_mid_event("closed-in-mid-event-seen", true),
        after_the_usage(),
        error_in_a_stream(),
        refuses_the_gateway(),
    ];
    for stream in [false, true] {
        cases.extend(errors(stream));
    }
    cases
}

/// An error that is an answer is shown as it is, and costs nothing.
fn errors(stream: bool) -> Vec<Case> {
    let names = if stream {
        ["400-stream", "429-stream", "500-stream", "503-stream"]
    } else {
        ["400", "429", "500", "503"]
    };
    [
        (400, "invalid_request_error", None),
        (429, "requests", Some("rate_limit_exceeded")),
        (500, "server_error", None),
        (503, "server_error", None),
    ]
    .into_iter()
    .zip(names)
    .map(|((status, kind, code), name)| Case {
        name,
        more: json!({"stream": stream}),
        script: Script::error(status),
        seen: Seen::Error(status, kind, code),
        cause: "provider_error",
        source: "none",
        usage: Told::Nothing,
        ..Case::default()
    })
    .collect()
}

/// It is the gateway's credential that is bad, not the customer's.
fn refuses_the_gateway() -> Case {
    Case {
        name: "401",
        script: Script::error(401),
        seen: Seen::Error(
            503,
            "service_unavailable_error",
            Some("provider_unavailable"),
        ),
        cause: "provider_error",
        source: "none",
        usage: Told::Nothing,
        ..Case::default()
    }
}

fn broken(name: &'static str, case: Case) -> Case {
    Case {
        name,
        seen: Seen::Part,
        cause: "provider_reset",
        source: "counted",
        flags: &["provisional"],
        usage: Told::InputAndSeen,
        ..case
    }
}

/// It may have worked on the request: what it was asked is charged.
fn breaks_before_the_answer() -> Case {
    Case {
        script: Script::default().at(Point::Start, Act::Reset),
        seen: Seen::Error(503, "server_error", Some("provider_connection_lost")),
        cause: "provider_lost",
        source: "estimated",
        usage: Told::Input,
        ..broken("reset-before-the-answer", Case::default())
    }
}

fn breaks(name: &'static str, stream: bool, point: Point, act: Act) -> Case {
    Case {
        source: "estimated",
        usage: Told::Input,
        ..broken(
            name,
            Case {
                more: json!({"stream": stream}),
                script: Script::tokens(50).at(point, act),
                ..Case::default()
            },
        )
    }
}

fn in_json(name: &'static str, act: Act) -> Case {
    broken(
        name,
        Case {
            script: Script::tokens(90).at(Point::Byte(150), act),
            ..Case::default()
        },
    )
}

fn in_a_stream(name: &'static str, point: Point, act: Act) -> Case {
    broken(
        name,
        Case {
            more: json!({"stream": true}),
            script: Script::tokens(50).at(point, act),
            ..Case::default()
        },
    )
}

/// In the head of an event, before its text. A client that asked for the usage sees that head, another does not.
fn in_mid_event(name: &'static str, include_usage: bool) -> Case {
    let whole = stream_of(&[chunk("Hello"), chunk(" there")]);
    let script = Script {
        reply: Reply::Raw {
            status: 200,
            content_type: "text/event-stream".to_owned(),
            body: [&whole, &b"data: {\"cho"[..]].concat().into(),
        },
        ..Script::default()
    };
    broken(
        name,
        Case {
            more: json!({"stream": true, "stream_options": {"include_usage": include_usage}}),
            script: script.at(Point::Byte(whole.len() + 8), Act::Close),
            ..Case::default()
        },
    )
}

/// What it said last is believed.
fn after_the_usage() -> Case {
    let script = Script {
        input_tokens: Some(30),
        ..Script::tokens(3)
    };
    Case {
        name: "reset-after-the-usage",
        more: json!({"stream": true}),
        script: script.at(Point::Event(6), Act::Reset),
        seen: Seen::Part,
        cause: "provider_reset",
        usage: Told::Reported(tokens(30, 3)),
        ..Case::default()
    }
}

/// What was written before it is charged.
fn error_in_a_stream() -> Case {
    let error = json!({"error": {"message": "overloaded", "type": "server_error", "param": null, "code": null}});
    Case {
        name: "error-in-a-stream",
        more: json!({"stream": true}),
        script: finished(
            "text/event-stream",
            stream_of(&[chunk("Hello there"), error]),
        ),
        cause: "provider_error",
        source: "counted",
        flags: &["provisional"],
        usage: Told::InputAnd(3),
        ..Case::default()
    }
}
