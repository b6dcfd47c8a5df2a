//! A completion in OpenAI's shape, whole or as the events of a stream.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use serde_json::{Value, json};

use super::script::{Output, Reply, Script};

const WORDS: [&str; 12] = [
    "The", " ferry", " leaves", " at", " dawn", ",", " crosses", " the", " bay", " and",
    " returns", ".",
];
/// What a tool is called with, token by token.
const ARGUMENTS: [&str; 5] = ["{\"", "city", "\":\"", "Paris", "\"}"];
const USUAL_TOKENS: u64 = 16;

/// What is sent: a head, and the body's events.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub content_type: String,
    /// One, if it is no stream.
    pub events: Vec<Bytes>,
}

/// Answers a chat completion.
pub(super) fn answer(request: &Value, script: &Script, number: u64) -> Answer {
    match &script.reply {
        Reply::Error(status) => Answer {
            status: *status,
            content_type: "application/json".to_owned(),
            events: vec![Bytes::from(error(*status).to_string())],
        },
        Reply::Raw {
            status,
            content_type,
            body,
        } => Answer {
            status: *status,
            content_type: content_type.clone(),
            events: vec![body.clone()],
        },
        Reply::Completion => {
            let completion = Completion::new(request, script, number);
            if request["stream"] == true {
                Answer {
                    status: 200,
                    content_type: "text/event-stream; charset=utf-8".to_owned(),
                    events: completion.events(),
                }
            } else {
                Answer {
                    status: 200,
                    content_type: "application/json".to_owned(),
                    events: vec![Bytes::from(completion.whole().to_string())],
                }
            }
        }
    }
}

fn error(status: u16) -> Value {
    let (message, kind, code) = match status {
        429 => (
            "Rate limit reached for this organization.",
            "requests",
            Some("rate_limit_exceeded"),
        ),
        500.. => (
            "The server had an error while processing your request.",
            "server_error",
            None,
        ),
        _ => (
            "The request was not understood.",
            "invalid_request_error",
            None,
        ),
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

struct Completion {
    id: String,
    created: u64,
    model: Value,
    choices: u64,
    /// Tokens of each choice that are shown.
    shown: Vec<&'static str>,
    tool: Option<String>,
    finish: &'static str,
    usage: Option<Value>,
    /// The client asked for the usage of a stream.
    usage_chunk: bool,
}

impl Completion {
    fn new(request: &Value, script: &Script, number: u64) -> Self {
        let limit = request["max_completion_tokens"]
            .as_u64()
            .or_else(|| request["max_tokens"].as_u64());
        let tool = tool(request);
        let wanted = match (script.output, &tool) {
            (Output::Tokens(_), Some(_)) => ARGUMENTS.len() as u64 + script.reasoning_tokens,
            (Output::Tokens(tokens), None) => tokens,
            (Output::Limit, _) => limit.unwrap_or(USUAL_TOKENS),
        };
        let output = limit.map_or(wanted, |limit| wanted.min(limit));
        let reasoning = script.reasoning_tokens.min(output);
        let source: &[&str] = if tool.is_some() { &ARGUMENTS } else { &WORDS };
        let shown = usize::try_from(output - reasoning).unwrap_or(usize::MAX);
        let shown = if tool.is_some() {
            source.iter().copied().take(shown).collect()
        } else {
            source.iter().copied().cycle().take(shown).collect()
        };
        let choices = request["n"].as_u64().unwrap_or(1).max(1);
        let finish = if output < wanted || limit == Some(output) && tool.is_none() {
            "length"
        } else if tool.is_some() {
            "tool_calls"
        } else {
            "stop"
        };
        Self {
            id: format!("chatcmpl-{number:08}"),
            created: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            model: request["model"].clone(),
            choices,
            shown,
            tool,
            finish,
            usage: (!script.without_usage)
                .then(|| usage(request, script, choices * output, choices * reasoning)),
            usage_chunk: request["stream_options"]["include_usage"] == true,
        }
    }

    fn whole(&self) -> Value {
        let text = self.shown.concat();
        let message = match &self.tool {
            Some(name) => {
                json!({"role": "assistant", "content": null, "refusal": null, "tool_calls":
                [{"id": "call_1", "type": "function", "function": {"name": name, "arguments": text}}]})
            }
            None => {
                json!({"role": "assistant", "content": text, "refusal": null, "annotations": []})
            }
        };
        let choices: Vec<Value> = (0..self.choices)
            .map(|index| json!({"index": index, "message": message, "logprobs": null, "finish_reason": self.finish}))
            .collect();
        let mut whole = self.head("chat.completion");
        whole["choices"] = choices.into();
        if let Some(usage) = &self.usage {
            whole["usage"] = usage.clone();
        }
        whole
    }

    fn events(&self) -> Vec<Bytes> {
        let mut events = Vec::new();
        for index in 0..self.choices {
            events.push(self.chunk(index, &self.opening(), None));
        }
        for token in &self.shown {
            let delta = match self.tool {
                Some(_) => json!({"tool_calls": [{"index": 0, "function": {"arguments": token}}]}),
                None => json!({"content": token}),
            };
            for index in 0..self.choices {
                events.push(self.chunk(index, &delta, None));
            }
        }
        for index in 0..self.choices {
            events.push(self.chunk(index, &json!({}), Some(self.finish)));
        }
        if let (true, Some(usage)) = (self.usage_chunk, &self.usage) {
            let mut last = self.head("chat.completion.chunk");
            last["choices"] = json!([]);
            last["usage"] = usage.clone();
            events.push(event(&last));
        }
        events.push(Bytes::from_static(b"data: [DONE]\n\n"));
        events
    }

    fn opening(&self) -> Value {
        match &self.tool {
            Some(name) => {
                json!({"role": "assistant", "content": null, "tool_calls": [{"index": 0, "id": "call_1",
                "type": "function", "function": {"name": name, "arguments": ""}}]})
            }
            None => json!({"role": "assistant", "content": "", "refusal": null}),
        }
    }

    fn chunk(&self, index: u64, delta: &Value, finish: Option<&str>) -> Bytes {
        let mut chunk = self.head("chat.completion.chunk");
        chunk["choices"] =
            json!([{"index": index, "delta": delta, "logprobs": null, "finish_reason": finish}]);
        if self.usage_chunk {
            chunk["usage"] = Value::Null;
        }
        event(&chunk)
    }

    fn head(&self, object: &str) -> Value {
        json!({"id": self.id, "object": object, "created": self.created, "model": self.model,
            "service_tier": "default", "system_fingerprint": "fp_ferry"})
    }
}

fn event(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\n\n"))
}

/// The tool to call: the first one offered, unless a tool has just answered.
fn tool(request: &Value) -> Option<String> {
    let last = request["messages"]
        .as_array()
        .and_then(|messages| messages.last());
    if last.is_some_and(|message| message["role"] == "tool") {
        return None;
    }
    request["tools"][0]["function"]["name"]
        .as_str()
        .map(str::to_owned)
}

fn usage(request: &Value, script: &Script, output: u64, reasoning: u64) -> Value {
    let input = script.input_tokens.unwrap_or_else(|| {
        // Four bytes a token is near enough to what tokenizers make of English.
        request["messages"].to_string().len() as u64 / 4 + 1
    });
    json!({
        "prompt_tokens": input,
        "completion_tokens": output,
        "total_tokens": input + output,
        "prompt_tokens_details": {"cached_tokens": script.cached_input_tokens.min(input), "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
    })
}
