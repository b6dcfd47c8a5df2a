//! Every recorded answer, whole and in pieces.

use super::*;
use crate::json::tests::spelling::cut;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use std::path::PathBuf;

struct Fixture {
    name: &'static str,
    usage: Usage,
    source: UsageSource,
    model: &'static str,
    service_tier: &'static str,
    choices_finished: u32,
    done: bool,
    has_error: bool,
}

/// A fixture of OpenAI's that ended well.
fn fixture(name: &'static str, model: &'static str, usage: Usage) -> Fixture {
    Fixture {
        name,
        usage,
        source: UsageSource::Reported,
        model,
        service_tier: "default",
        choices_finished: 1,
        done: true,
        has_error: false,
    }
}

const MINI: &str = "gpt-4o-mini-2024-07-18";
const THINKER: &str = "gpt-5-mini-2025-08-07";

/// A cached prompt and a completion that is mostly thought.
const THOUGHT: Usage = Usage {
    input_tokens: 86,
    cached_input_tokens: 1920,
    cache_write_tokens: 0,
    audio_input_tokens: 0,
    output_tokens: 108,
    reasoning_tokens: 192,
    audio_output_tokens: 0,
};

fn documents() -> Vec<Fixture> {
    vec![
        fixture("chat.json", MINI, input_output(19, 17)),
        Fixture {
            service_tier: "flex",
            ..fixture("chat-reasoning-cached.json", THINKER, THOUGHT)
        },
        Fixture {
            choices_finished: 2,
            ..fixture(
                "chat-tools-n2.json",
                "gpt-4o-2024-08-06",
                input_output(82, 34),
            )
        },
        Fixture {
            source: UsageSource::None,
            service_tier: "",
            choices_finished: 0,
            has_error: true,
            ..fixture("error.json", "", Usage::default())
        },
    ]
}

fn streams_of_openai() -> Vec<Fixture> {
    vec![
        fixture("stream-usage.sse", MINI, input_output(19, 7)),
        Fixture {
            source: UsageSource::Counted,
            ..fixture("stream-plain.sse", MINI, input_output(0, 7))
        },
        fixture("stream-tools.sse", MINI, input_output(97, 27)),
        Fixture {
            choices_finished: 2,
            ..fixture("stream-n2.sse", MINI, input_output(11, 9))
        },
        fixture("stream-reasoning-cached.sse", THINKER, THOUGHT),
        Fixture {
            source: UsageSource::Counted,
            choices_finished: 0,
            done: false,
            has_error: true,
            ..fixture("stream-error.sse", MINI, input_output(0, 3))
        },
    ]
}

fn streams_of_others() -> Vec<Fixture> {
    let other = |name, model, usage| Fixture {
        service_tier: "",
        ..fixture(name, model, usage)
    };
    let half_cached = Usage {
        cached_input_tokens: 4,
        ..input_output(4, 2)
    };
    vec![
        other("stream-azure.sse", "gpt-4o-2024-11-20", input_output(25, 5)),
        other(
            "stream-vllm-continuous.sse",
            "Qwen/Qwen3-8B",
            input_output(31, 8),
        ),
        Fixture {
            source: UsageSource::Counted,
            choices_finished: 0,
            done: false,
            ..other("stream-vllm-cut.sse", "Qwen/Qwen3-8B", input_output(31, 7))
        },
        other(
            "stream-crlf-comments.sse",
            "deepseek/deepseek-chat",
            input_output(14, 4),
        ),
        other("stream-last-choice-usage.sse", "grok-3", half_cached),
    ]
}

fn fixtures() -> Vec<Fixture> {
    let mut all = documents();
    all.extend(streams_of_openai());
    all.extend(streams_of_others());
    all
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/openai")
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

/// The meters that a fixture may pass, and whether they hide its usage.
fn meters(name: &str) -> Vec<(Meter, bool)> {
    if name.ends_with(".sse") {
        vec![(Meter::sse(false), false), (Meter::sse(true), true)]
    } else {
        vec![(Meter::json(), false)]
    }
}

/// A stream's data, read as a client reads them.
fn data(stream: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stream).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into()))
        .collect()
}

/// The same as a provider sends them that was not asked for the usage.
fn without_usage(mut data: Vec<Value>) -> Vec<Value> {
    data.retain(|value| {
        value["choices"] != Value::Array(Vec::new()) || !value["usage"].is_object()
    });
    for value in &mut data {
        if let Some(members) = value.as_object_mut() {
            members.remove("usage");
        }
    }
    data
}

#[test]
fn every_fixture_gives_its_evidence_and_is_explained() {
    let explained = String::from_utf8(bytes("README.md")).unwrap();
    let known = fixtures();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_known = known.iter().any(|fixture| fixture.name == name);
        assert!(is_known || name == "README.md", "{name} is not checked");
    }
    for fixture in known {
        let Fixture {
            name,
            usage,
            source,
            model,
            service_tier,
            choices_finished,
            done,
            has_error,
        } = fixture;
        assert!(explained.contains(&format!("`{name}`")), "{name}");
        for (meter, _) in meters(name) {
            let (_, evidence) = read(meter, &[&bytes(name)]);
            assert_eq!(evidence.usage, usage, "{name}");
            assert_eq!(evidence.source, source, "{name}");
            assert_eq!(evidence.model, model, "{name}");
            assert_eq!(evidence.service_tier, service_tier, "{name}");
            assert_eq!(evidence.choices_finished, choices_finished, "{name}");
            assert_eq!(
                (evidence.done, evidence.has_error),
                (done, has_error),
                "{name}"
            );
            assert_eq!(evidence.unread, 0, "{name}");
            let has_id = !evidence.provider_response_id.is_empty();
            assert_eq!(has_id, name != "error.json", "{name}");
        }
    }
}

#[test]
fn a_client_that_did_not_ask_sees_no_usage_and_nothing_else_missing() {
    for fixture in fixtures() {
        let original = bytes(fixture.name);
        for (meter, is_hidden) in meters(fixture.name) {
            let (client, _) = read(meter, &[&original]);
            if is_hidden {
                assert_eq!(
                    data(&client),
                    without_usage(data(&original)),
                    "{}",
                    fixture.name
                );
                assert!(!String::from_utf8(client).unwrap().contains("\"usage\""));
            } else {
                assert_eq!(client, original, "{}", fixture.name);
            }
        }
    }
}

#[test]
fn every_fixture_cut_at_every_byte_is_the_same() {
    for fixture in fixtures() {
        let original = bytes(fixture.name);
        for (meter, _) in meters(fixture.name) {
            let whole = read(meter.clone(), &[&original]);
            let mut head = meter.clone();
            let mut before = Vec::new();
            for cut in 0..=original.len() {
                // The head was read by the byte, the tail is read at once: what was read before is not read again.
                let (client, evidence) = read(head.clone(), &[&original[cut..]]);
                let joined = [before.as_slice(), &client].concat();
                assert!((joined, evidence) == whole, "{} cut at {cut}", fixture.name);
                let next = original.get(cut..=cut).unwrap_or_default();
                match head.push(next, false) {
                    Output::Pass => before.extend_from_slice(next),
                    Output::Replace(bytes) => before.extend_from_slice(&bytes),
                }
            }
            let single: Vec<&[u8]> = original.chunks(1).collect();
            assert!(
                read(meter, &single) == whole,
                "{} by the byte",
                fixture.name
            );
        }
    }
}

proptest! {
    // Each case reads every fixture four times.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_fixture_in_many_pieces_is_the_same(cuts in vec(any::<usize>(), 0..20)) {
        for fixture in fixtures() {
            let original = bytes(fixture.name);
            for (meter, _) in meters(fixture.name) {
                let whole = read(meter.clone(), &[&original]);
                let pieces = read(meter, &cut(&original, &cuts));
                prop_assert_eq!(pieces, whole, "{}", fixture.name);
            }
        }
    }

}

proptest! {
    #[test]
    fn a_damaged_stream_is_the_same_in_every_split(
        which in any::<prop::sample::Index>(),
        damage in vec((any::<usize>(), prop_oneof![any::<u8>(), prop::sample::select(b"\r\n:{}[],\"".to_vec())]), 1..5),
        cuts in vec(any::<usize>(), 0..10),
    ) {
        let fixtures = fixtures();
        let fixture = which.get(&fixtures);
        let mut stream = bytes(fixture.name);
        for (at, byte) in damage {
            let at = at % stream.len();
            stream[at] = byte;
        }
        for (meter, is_hidden) in meters(fixture.name) {
            let whole = read(meter.clone(), &[&stream]);
            if !is_hidden {
                prop_assert_eq!(&whole.0, &stream);
            }
            prop_assert_eq!(read(meter, &cut(&stream, &cuts)), whole);
        }
    }

    #[test]
    fn garbage_passes_through(stream in vec(any::<u8>(), 0..300), cuts in vec(any::<usize>(), 0..10)) {
        for meter in [Meter::json(), Meter::sse(false), Meter::sse(true)] {
            let (client, _) = read(meter, &cut(&stream, &cuts));
            prop_assert_eq!(&client, &stream);
        }
    }
}
