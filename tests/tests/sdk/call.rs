//! Calls that the official package makes, and what became of them.

use ferry_tests::python::Python;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One call.
pub struct Call {
    name: String,
    method: String,
    arguments: Value,
    client: Value,
}

impl Call {
    /// A method of the package's client, with its arguments.
    pub fn new(name: &str, method: &str, arguments: Value) -> Self {
        Self {
            name: name.into(),
            method: method.into(),
            arguments,
            client: json!({}),
        }
    }

    /// The same with another key.
    pub fn with_key(mut self, key: &str) -> Self {
        self.client["api_key"] = json!(key);
        self
    }

    fn to_json(&self) -> Value {
        json!({"name": self.name, "method": self.method, "arguments": self.arguments, "client": self.client})
    }
}

/// What a developer sees of a call.
#[derive(Debug)]
pub struct Outcome {
    /// The answer.
    pub value: Value,
    /// The pieces of a streamed answer.
    pub chunks: Vec<Value>,
    /// What was raised.
    pub error: Value,
    /// Requests that were sent.
    pub tries: u64,
    /// Headers of the last answer.
    pub headers: BTreeMap<String, String>,
}

/// What became of all calls, made by the synchronous and by the asynchronous client.
pub struct Outcomes(Vec<(String, Outcome)>);

impl Outcomes {
    /// Looks at both outcomes of a call.
    pub fn each(&self, call: &str, look: impl Fn(&Outcome)) {
        let mut seen = 0;
        for (name, outcome) in &self.0 {
            if name.split_once('/').is_some_and(|(_, name)| name == call) {
                eprintln!("{name}: {outcome:?}");
                look(outcome);
                seen += 1;
            }
        }
        assert_eq!(seen, 2, "{call} was made by both clients");
    }

    /// Looks at every outcome.
    pub fn all(&self, look: impl Fn(&str, &Outcome)) {
        self.0
            .iter()
            .for_each(|(name, outcome)| look(name, outcome));
    }
}

/// Makes the calls, each with `OpenAI` and with `AsyncOpenAI`.
pub async fn run(base_url: &str, api_key: &str, calls: &[Call]) -> Outcomes {
    let python = tokio::task::spawn_blocking(Python::install)
        .await
        .expect("join")
        .expect("install the package");
    let calls: Vec<Value> = calls.iter().map(Call::to_json).collect();
    let job = json!({"base_url": base_url, "api_key": api_key, "calls": calls}).to_string();
    let told = python
        .run("sdk.py", &[("FERRY_JOB", &job)])
        .await
        .expect("run the calls");
    let told: Map<String, Value> = serde_json::from_value(told).expect("an object");
    let outcomes = told.into_iter().flat_map(|(name, both)| {
        ["sync", "async"].map(|client| (format!("{client}/{name}"), outcome(&both[client])))
    });
    Outcomes(outcomes.collect())
}

fn outcome(told: &Value) -> Outcome {
    let headers = serde_json::from_value(told["headers"].clone()).expect("headers");
    Outcome {
        value: told["value"].clone(),
        chunks: told["chunks"].as_array().cloned().unwrap_or_default(),
        error: told.clone(),
        tries: told["tries"].as_u64().expect("tries"),
        headers,
    }
}
