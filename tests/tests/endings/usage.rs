//! Ends that are good, but for what the provider says of its usage.

use ferry_examples::simulator::{Reply, Script};
use ferry_tests::prices::{PLAIN, tokens};
use serde_json::{Value, json};

use super::case::{Case, LIMIT, Seen, Told};

pub(super) fn cases() -> Vec<Case> {
    vec![
        left_out("no-usage", false),
        left_out("no-usage-stream", true),
        without_an_end(),
        unreadable(
            "negative",
            json!({"prompt_tokens": 30, "completion_tokens": -3}),
        ),
        unreadable("zero", json!({"prompt_tokens": 30, "completion_tokens": 0})),
        unreadable(
            "more-cached-than-read",
            json!({"prompt_tokens": 30, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 31}}),
        ),
        unreadable("half-a-usage", json!({"prompt_tokens": 30})),
        unreadable_stream(),
        overrun(),
        beyond_reason(),
        no_completion("not-json", "text/html", b"<html>Hello</html>"),
        no_completion("empty", "application/json", b""),
    ]
}

pub(super) fn finished(content_type: &str, body: Vec<u8>) -> Script {
    Script {
        reply: Reply::Raw {
            status: 200,
            content_type: content_type.to_owned(),
            body: body.into(),
        },
        ..Script::default()
    }
}

pub(super) fn chunk(content: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": null}]})
}

pub(super) fn stream_of(events: &[Value]) -> Vec<u8> {
    let text: String = events
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect();
    text.into_bytes()
}

/// An answer that says "Hello there", and this as its usage.
fn said(usage: &Value) -> Script {
    let choice = json!({"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "Hello there"}});
    let answer = json!({"object": "chat.completion", "choices": [choice], "usage": usage});
    finished("application/json", answer.to_string().into_bytes())
}

fn counted(name: &'static str, case: Case) -> Case {
    Case {
        name,
        source: "counted",
        flags: &["provisional"],
        usage: Told::InputAndSeen,
        ..case
    }
}

fn left_out(name: &'static str, stream: bool) -> Case {
    let case = Case {
        more: json!({"stream": stream}),
        script: Script {
            without_usage: true,
            ..Script::tokens(25)
        },
        ..Case::default()
    };
    counted(name, case)
}

/// Neither a usage nor `[DONE]`.
fn without_an_end() -> Case {
    let case = Case {
        more: json!({"stream": true}),
        script: finished(
            "text/event-stream",
            stream_of(&[chunk("Hello"), chunk(" there")]),
        ),
        ..Case::default()
    };
    counted("stream-without-an-end", case)
}

/// A usage that contradicts itself or what was seen is never taken for nothing.
fn unreadable(name: &'static str, usage: Value) -> Case {
    let case = Case {
        script: said(&usage),
        ..Case::default()
    };
    Case {
        source: "unreadable",
        ..counted(name, case)
    }
}

fn unreadable_stream() -> Case {
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 30, "completion_tokens": 2.5}});
    let mut stream = stream_of(&[chunk("Hello"), chunk(" there"), usage]);
    stream.extend_from_slice(b"data: [DONE]\n\n");
    let case = Case {
        more: json!({"stream": true}),
        script: finished("text/event-stream", stream),
        ..Case::default()
    };
    Case {
        source: "unreadable",
        ..counted("unreadable-stream", case)
    }
}

/// The provider did not keep to the limit: what it reports is charged, and told.
fn overrun() -> Case {
    let usage = json!({"prompt_tokens": 30, "completion_tokens": 7 * LIMIT, "total_tokens": 30 + 7 * LIMIT});
    Case {
        name: "overrun",
        script: said(&usage),
        flags: &["overrun"],
        usage: Told::Reported(tokens(30, 7 * LIMIT)),
        ..Case::default()
    }
}

/// More than the request could have cost at all: a person has to look at it.
fn beyond_reason() -> Case {
    let output = 1_000_000;
    // The model's whole window and the limit, and 2 % for a provider that counts in its own way.
    let most = PLAIN.hold(128_000, LIMIT).unwrap() * 102 / 100;
    let usage = json!({"prompt_tokens": 30, "completion_tokens": output});
    Case {
        name: "beyond-reason",
        script: said(&usage),
        flags: &["overrun", "suspended"],
        usage: Told::Reported(tokens(30, output)),
        suspended: PLAIN.charge(&tokens(30, output)).unwrap() - most,
        ..Case::default()
    }
}

fn no_completion(name: &'static str, content_type: &str, body: &[u8]) -> Case {
    Case {
        name,
        script: finished(content_type, body.to_vec()),
        seen: Seen::Whole(200),
        source: "estimated",
        flags: &["provisional"],
        usage: Told::Input,
        ..Case::default()
    }
}
