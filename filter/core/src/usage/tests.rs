//! Recorded answers, and what the meter makes of them in every split.

mod evidence;
mod fixtures;
mod hiding;

use super::*;
use ferry_types::{Usage, UsageSource};

/// Reads an answer in pieces: what the client gets, and what is known at the end.
pub(super) fn read(mut meter: Meter, pieces: &[&[u8]]) -> (Vec<u8>, Evidence) {
    let mut client = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        match meter.push(piece, index + 1 == pieces.len()) {
            Output::Pass => client.extend_from_slice(piece),
            Output::Replace(bytes) => {
                assert_ne!(&bytes, piece, "what does not change is passed");
                client.extend_from_slice(&bytes);
            }
        }
    }
    (client, meter.evidence())
}

pub(super) fn input_output(input: u64, output: u64) -> Usage {
    Usage {
        input_tokens: input,
        output_tokens: output,
        ..Usage::default()
    }
}

/// Events with these data.
pub(super) fn events(data: &[&str]) -> String {
    data.iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect()
}

/// A chunk of choice 0.
pub(super) fn chunk(content: &str, finish: &str, more: &str) -> String {
    format!(
        r#"{{"choices":[{{"index":0,"delta":{{"content":"{content}"}},"finish_reason":{finish}}}]{more}}}"#
    )
}

pub(super) fn usage(prompt: &str, completion: &str, more: &str) -> String {
    format!(r#","usage":{{"prompt_tokens":{prompt},"completion_tokens":{completion}{more}}}"#)
}
