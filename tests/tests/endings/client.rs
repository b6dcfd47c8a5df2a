//! Ends that the client makes.

use ferry_examples::simulator::{Act, Gate, Point, Script};
use ferry_quota_server::admin::wire::Usage;
use ferry_tests::prices::{THINKER, tokens};
use serde_json::json;

use super::case::{Case, Client, Seen, Told};

/// It stays to the end, or leaves where the provider waits.
pub(super) fn cases() -> Vec<Case> {
    let stays = [
        stays_json(),
        stays_stream(),
        thinks(),
        two_choices(),
        calls_a_tool(),
    ];
    let leaves = [
        before_the_answer(),
        in_a_json_answer(),
        in_a_stream(),
        in_a_stream_of_two(),
        in_a_tool_call(),
        after_the_usage(),
        after_the_end(),
    ];
    [stays.to_vec(), leaves.to_vec()].concat()
}

/// Waits for ever at this point.
fn wait(script: Script, point: Point) -> Script {
    script.at(point, Act::Hold(Gate::shut()))
}

fn left(name: &'static str, case: Case) -> Case {
    Case {
        name,
        seen: Seen::Part,
        cause: "client_gone",
        source: "counted",
        flags: &["provisional"],
        usage: Told::InputAndSeen,
        ..case
    }
}

fn stays_json() -> Case {
    Case {
        name: "json",
        script: Script {
            input_tokens: Some(30),
            cached_input_tokens: 10,
            ..Script::tokens(25)
        },
        usage: Told::Reported(Usage {
            cached_input_tokens: 10,
            ..tokens(20, 25)
        }),
        ..Case::default()
    }
}

fn stays_stream() -> Case {
    Case {
        name: "stream",
        more: json!({"stream": true}),
        ..stays_json()
    }
}

fn thinks() -> Case {
    Case {
        name: "thoughts",
        price: THINKER,
        more: json!({"stream": true}),
        script: Script {
            input_tokens: Some(30),
            reasoning_tokens: 15,
            ..Script::tokens(25)
        },
        usage: Told::Reported(Usage {
            reasoning_tokens: 15,
            ..tokens(30, 10)
        }),
        ..Case::default()
    }
}

fn two_choices() -> Case {
    Case {
        name: "two-choices",
        more: json!({"stream": true, "n": 2}),
        script: Script {
            input_tokens: Some(30),
            ..Script::tokens(25)
        },
        usage: Told::Reported(tokens(30, 50)),
        ..Case::default()
    }
}

fn calls_a_tool() -> Case {
    Case {
        name: "tool-call",
        more: json!({"stream": true, "tools": tools()}),
        script: Script {
            input_tokens: Some(90),
            ..Script::default()
        },
        usage: Told::Reported(tokens(90, 5)),
        ..Case::default()
    }
}

/// What the tools below probably count.
const TOOLS_ESTIMATE: u64 = 38;

fn tools() -> serde_json::Value {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    json!([{"type": "function", "function": {"name": "weather", "parameters": parameters}}])
}

/// It may be at work: what it was asked is charged, no more is known.
fn before_the_answer() -> Case {
    let gate = Gate::shut();
    Case {
        script: Script::default().at(Point::Start, Act::Hold(gate.clone())),
        client: Client::LeavesAt(gate),
        seen: Seen::Nothing,
        source: "estimated",
        usage: Told::Input,
        ..left("left-before-the-answer", Case::default())
    }
}

fn in_a_json_answer() -> Case {
    let bytes = 150;
    left(
        "left-in-json",
        Case {
            script: wait(Script::tokens(90), Point::Byte(bytes)),
            client: Client::LeavesAfterBytes(bytes),
            ..Case::default()
        },
    )
}

fn in_a_stream() -> Case {
    let events = 12;
    left(
        "left-in-a-stream",
        Case {
            more: json!({"stream": true}),
            script: wait(Script::tokens(50), Point::Event(events)),
            client: Client::LeavesAfterEvents(events),
            ..Case::default()
        },
    )
}

fn in_a_stream_of_two() -> Case {
    Case {
        name: "left-in-a-stream-of-two",
        more: json!({"stream": true, "n": 2, "stream_options": {"include_usage": false}}),
        ..in_a_stream()
    }
}

fn in_a_tool_call() -> Case {
    let events = 4;
    left(
        "left-in-a-tool-call",
        Case {
            more: json!({"stream": true, "tools": tools()}),
            input_estimate: Case::default().input_estimate + TOOLS_ESTIMATE,
            script: wait(Script::default(), Point::Event(events)),
            client: Client::LeavesAfterEvents(events),
            ..Case::default()
        },
    )
}

/// Of three tokens: the opening, they, the finish, the usage; the end would be the seventh event.
fn after_the_usage() -> Case {
    let script = Script {
        input_tokens: Some(30),
        ..Script::tokens(3)
    };
    Case {
        source: "reported",
        flags: &[],
        usage: Told::Reported(tokens(30, 3)),
        ..left(
            "left-after-the-usage",
            Case {
                more: json!({"stream": true, "stream_options": {"include_usage": true}}),
                script: wait(script, Point::Event(6)),
                client: Client::LeavesAfterEvents(6),
                ..Case::default()
            },
        )
    }
}

/// As some SDKs do.
fn after_the_end() -> Case {
    let script = Script {
        input_tokens: Some(30),
        ..Script::tokens(3)
    };
    Case {
        name: "left-after-the-end",
        more: json!({"stream": true}),
        script: wait(script, Point::Event(7)),
        client: Client::LeavesAfterEvents(6),
        cause: "complete",
        ..after_the_usage()
    }
}
