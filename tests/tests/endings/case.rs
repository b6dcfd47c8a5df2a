//! A request, what becomes of it, and what is to be seen afterwards.

use ferry_examples::gateway::Gateway;
use ferry_examples::simulator::{End, Gate, Script};
use ferry_quota_server::admin::wire::{Usage, UsageRecord};
use ferry_tests::books::tagged;
use ferry_tests::client::{self, Answer, question, with};
use ferry_tests::prices::{PLAIN, Price, nanos, tokens};
use serde_json::{Value, json};

/// The question's length.
const QUESTION_BYTES: usize = 40;
/// What it probably counts: a quarter of a token for each byte of it and of its role, 4 for the message, 3 for the whole.
const INPUT_ESTIMATE: u64 = (QUESTION_BYTES as u64 + 4) / 4 + 4 + 3;
/// The limit that every request sets.
pub(super) const LIMIT: u64 = 100;

#[derive(Clone)]
pub(super) struct Case {
    /// Stands in the record as its feature, so that it is found though the client saw nothing.
    pub name: &'static str,
    pub price: Price,
    /// Members of the request besides the model, the messages and the limit.
    pub more: Value,
    /// What the request's input probably counts.
    pub input_estimate: u64,
    pub script: Script,
    pub client: Client,
    pub seen: Seen,
    pub cause: &'static str,
    pub source: &'static str,
    pub flags: &'static [&'static str],
    pub usage: Told,
    /// What that costs beyond what the request could have cost: left to a person, not charged.
    pub suspended: i64,
}

/// What the client does.
#[derive(Clone)]
pub(super) enum Client {
    Stays,
    /// Leaves once it has so many whole events.
    LeavesAfterEvents(usize),
    /// Leaves once it has so many bytes.
    LeavesAfterBytes(usize),
    /// Leaves once its request is at this gate.
    LeavesAt(Gate),
}

/// What the client sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Seen {
    Nothing,
    /// An answer that came to its end.
    Whole(u16),
    /// An answer that did not.
    Part,
    /// An error in OpenAI's shape: status, type, code.
    Error(u16, &'static str, Option<&'static str>),
}

/// What is charged for.
#[derive(Clone)]
pub(super) enum Told {
    Nothing,
    /// What the question probably counts.
    Input,
    /// That, and so many tokens out.
    InputAnd(u64),
    /// That, and what the client saw of the answer.
    InputAndSeen,
    /// What the provider said.
    Reported(Usage),
}

impl Default for Case {
    fn default() -> Self {
        Self {
            name: "",
            price: PLAIN,
            more: json!({}),
            input_estimate: INPUT_ESTIMATE,
            script: Script::default(),
            client: Client::Stays,
            seen: Seen::Whole(200),
            cause: "complete",
            source: "reported",
            flags: &[],
            usage: Told::Nothing,
            suspended: 0,
        }
    }
}

impl Case {
    /// Carries it out, and looks at what the client, the provider and the books have seen.
    pub async fn check(self, gateway: &Gateway) {
        let name = self.name;
        let customer = gateway.customer();
        let simulator = gateway.simulator().unwrap();
        simulator.forget();
        simulator.next([self.script.clone()]);
        let client = client::Client::of(gateway, customer)
            .unwrap()
            .tagged(name)
            .unwrap();
        let body = with(
            question(self.price.model, QUESTION_BYTES),
            json!({"max_completion_tokens": LIMIT}),
        );
        let answer = self.ask(client, with(body, self.more.clone())).await;
        self.check_seen(answer.as_ref());
        let record = tagged(gateway, customer, name).await.unwrap();
        self.check_record(&record, answer.as_ref());
        if let Some(answer) = &answer {
            assert_eq!(answer.request_id().unwrap(), record.request_id, "{name}");
        }
        // Whoever is gone does not let the provider go on.
        let over =
            |seen: &[ferry_examples::simulator::Seen]| seen.iter().all(|one| one.end != End::Open);
        simulator.until(over).await.unwrap();
        assert_eq!(simulator.requests().len(), 1, "{name}");
    }

    async fn ask(&self, client: client::Client, body: Value) -> Option<Answer> {
        match &self.client {
            Client::Stays => Some(client.chat(&body).await.unwrap()),
            Client::LeavesAfterEvents(events) => {
                let mut begun = client.begin(&body).await.unwrap();
                begun.events(*events).await.unwrap();
                Some(begun.hang_up())
            }
            Client::LeavesAfterBytes(bytes) => {
                let mut begun = client.begin(&body).await.unwrap();
                begun.bytes(*bytes).await.unwrap();
                Some(begun.hang_up())
            }
            Client::LeavesAt(gate) => {
                let asking = tokio::spawn(async move { client.chat(&body).await });
                gate.arrived(1).await;
                asking.abort();
                assert!(asking.await.unwrap_err().is_cancelled());
                None
            }
        }
    }

    fn check_seen(&self, answer: Option<&Answer>) {
        let name = self.name;
        let seen = match answer {
            None => Seen::Nothing,
            Some(answer) if answer.broken => Seen::Part,
            Some(answer) => Seen::Whole(answer.status),
        };
        let (Seen::Error(status, kind, code), Some(answer)) = (self.seen, answer) else {
            assert_eq!(seen, self.seen, "{name}: {answer:?}");
            return;
        };
        let expected = (status, kind.to_owned(), code.map(str::to_owned));
        assert_eq!(answer.error(), expected, "{name}: {answer:?}");
        // Those are of the gateway's account at the provider.
        for header in [
            "x-request-id",
            "openai-processing-ms",
            "x-ratelimit-limit-requests",
        ] {
            assert_eq!(answer.header(header), None, "{name}: {answer:?}");
        }
    }

    fn check_record(&self, record: &UsageRecord, answer: Option<&Answer>) {
        let name = self.name;
        let usage = self.usage_expected(answer);
        let told = (
            record.state.as_str(),
            record.cause.as_deref(),
            record.source.as_deref(),
        );
        let expected = ("settled", Some(self.cause), Some(self.source));
        assert_eq!(told, expected, "{name}: {record:#?}");
        assert_eq!(record.flags, self.flags, "{name}: {record:#?}");
        assert_eq!(record.usage, usage, "{name}: {record:#?}");
        let charge = self.price.charge(&usage).unwrap();
        let charged = nanos(&record.charged).unwrap();
        let suspended = nanos(&record.suspended).unwrap();
        assert_eq!(
            (charged, suspended),
            (charge - self.suspended, self.suspended),
            "{name}: {record:#?}"
        );
        assert_eq!(nanos(&record.cost).unwrap(), charge / 2, "{name}");
        let status = answer.map_or(0, |answer| u32::from(answer.status));
        assert_eq!(record.status, status, "{name}: {record:#?}");
        let attempts: Vec<&str> = record
            .attempts
            .iter()
            .map(|attempt| attempt.provider.as_str())
            .collect();
        assert_eq!(attempts, ["simulator"], "{name}: {record:#?}");
    }

    fn usage_expected(&self, answer: Option<&Answer>) -> Usage {
        match &self.usage {
            Told::Nothing => Usage::default(),
            Told::Input => tokens(self.input_estimate, 0),
            Told::InputAnd(output) => tokens(self.input_estimate, *output),
            Told::InputAndSeen => tokens(self.input_estimate, answer.map_or(0, tokens_seen)),
            Told::Reported(usage) => usage.clone(),
        }
    }
}

/// What the text in an answer counts at least: a token a piece, and a token for four bytes.
fn tokens_seen(answer: &Answer) -> u64 {
    let text = answer.text();
    let pieces: Vec<String> = if text.starts_with("data: ") {
        let events = answer.events();
        events
            .iter()
            .flat_map(|data| pieces_of_event(data))
            .collect()
    } else {
        // Perhaps it ends in the middle of its text.
        let (_, rest) = text.split_once(r#""content":""#).unwrap();
        vec![rest.split('"').next().unwrap_or_default().to_owned()]
    };
    let bytes: usize = pieces.iter().map(String::len).sum();
    assert!(bytes > 0, "the case shows no text: {text}");
    pieces.len().max(bytes.div_ceil(4)) as u64
}

fn pieces_of_event(data: &str) -> Vec<String> {
    let event: Value = serde_json::from_str(data).unwrap_or_default();
    let choices = event["choices"].as_array().cloned().unwrap_or_default();
    let pieces = choices.iter().flat_map(|choice| {
        let delta = &choice["delta"];
        let call = &delta["tool_calls"][0]["function"];
        [&delta["content"], &call["name"], &call["arguments"]].map(Value::clone)
    });
    pieces
        .filter_map(|piece| piece.as_str().map(str::to_owned))
        .filter(|piece| !piece.is_empty())
        .collect()
}
