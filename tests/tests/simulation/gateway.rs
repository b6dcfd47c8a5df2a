//! A gateway of a run: the real core of the filter, one worker, with the host played by hand.

use std::collections::BTreeMap;

use ferry_filter_core::config::PluginConfig;
use ferry_filter_core::effect::{Call, CallFailure, Effect, Effects, Event};
use ferry_filter_core::exchange::Exchange;
use ferry_filter_core::headers::Headers;
use ferry_filter_core::outbox::OutboxCall;
use ferry_filter_core::worker::Worker;
use ferry_types::KeyText;
use serde_json::Value;

use crate::clock::Clock;

const CONFIG: &str = r#"{"role": "gateway", "quota_cluster": "quota",
    "routes": {"enforced": {"mode": "enforce", "on_quota_unreachable": "deny"}},
    "timeouts": {"reserve_ms": 500, "outbox_ms": 800},
    "limits": {"outbox_slots": 64, "batch_items": 8}}"#;

/// A worker and the requests in it.
pub struct Gateway {
    clock: Clock,
    /// How wrong its wall clock is.
    ahead_ms: i64,
    /// Which life of it this is: what was sent to an earlier one is not for this.
    pub life: u64,
    worker: Worker,
    streams: BTreeMap<usize, Stream>,
}

struct Stream {
    exchange: Exchange,
    body: Vec<u8>,
    /// Calls so far: an answer to an earlier one is not heard.
    calls: u64,
}

/// What a gateway does, as the world sees it.
pub enum Deed {
    /// It asks the quota server for a request; answers to calls before this one are not heard.
    Asks(Call, u64),
    /// It lets the request go on, with this body.
    LetsThrough(Vec<u8>),
    /// It answers by itself.
    Refuses(String),
}

impl Gateway {
    pub fn new(clock: Clock, ahead_ms: i64) -> Self {
        Self {
            clock,
            ahead_ms,
            life: 0,
            worker: worker(),
            streams: BTreeMap::new(),
        }
    }

    /// Its virtual machine dies with everything in it.
    pub fn die(&mut self) {
        self.life += 1;
        self.worker = worker();
        self.streams.clear();
    }

    pub fn holds(&self, request: usize) -> bool {
        self.streams.contains_key(&request)
    }

    pub fn is_idle(&self) -> bool {
        self.streams.is_empty() && self.worker.outbox.is_empty()
    }

    pub fn request(
        &mut self,
        request: usize,
        key: &KeyText,
        body: Vec<u8>,
        random: [[u8; 10]; 2],
    ) -> Vec<Deed> {
        let bearer = format!("Bearer {}", key.reveal());
        let headers = headers(&[
            (":method", "POST"),
            (":path", "/v1/chat/completions"),
            ("authorization", &bearer),
        ]);
        let stream = Stream {
            exchange: Exchange::new(),
            body: body.clone(),
            calls: 0,
        };
        self.streams.insert(request, stream);
        let mut deeds = self.on(
            request,
            Event::RequestHeaders {
                route: "enforced",
                headers: &headers,
                end: false,
                random,
            },
        );
        let (chunk, end) = (&body[..], true);
        deeds.extend(self.on(request, Event::RequestBody { chunk, end }));
        deeds
    }

    pub fn answered(&mut self, request: usize, call: u64, answer: Result<&[u8], u32>) -> Vec<Deed> {
        if self.streams.get(&request).is_none_or(|s| s.calls != call) {
            return Vec::new();
        }
        self.on(
            request,
            Event::Answered(answer.map_err(CallFailure::Status)),
        )
    }

    pub fn answer_begins(
        &mut self,
        request: usize,
        status: &str,
        content_type: &str,
        details: &str,
    ) {
        let headers = headers(&[(":status", status), ("content-type", content_type)]);
        let begins = Event::ResponseHeaders {
            headers: &headers,
            details,
            end: false,
        };
        self.on(request, begins);
    }

    pub fn answer_goes_on(&mut self, request: usize, chunk: &[u8], end: bool) {
        self.on(request, Event::ResponseBody { chunk, end });
    }

    pub fn ends(&mut self, request: usize, details: &str, status: u32, attempts: &str) {
        self.on(
            request,
            Event::Ended {
                details,
                status,
                attempts,
            },
        );
        self.streams.remove(&request);
    }

    /// When its outbox wants to be asked.
    pub fn due_at(&self) -> Option<u64> {
        self.worker.outbox.due_at()
    }

    pub fn due(&mut self) -> Vec<OutboxCall> {
        let now = self.clock.of_gateway(self.ahead_ms);
        self.worker.due(now)
    }

    pub fn outbox_answered(&mut self, id: u32, answer: Result<&[u8], u32>, random: u64) {
        let now = self.clock.of_gateway(self.ahead_ms);
        self.worker.outbox_answered(id, answer, now, random);
    }

    fn on(&mut self, request: usize, event: Event<'_>) -> Vec<Deed> {
        let now = self.clock.of_gateway(self.ahead_ms);
        let stream = self.streams.get_mut(&request).expect("a stream");
        let Effects { list, .. } = stream.exchange.on(event, &mut self.worker, now);
        let deeds = list
            .into_iter()
            .filter_map(|effect| stream.carry_out(effect));
        deeds.collect()
    }
}

impl Stream {
    fn carry_out(&mut self, effect: Effect) -> Option<Deed> {
        match effect {
            Effect::Call(call) => {
                self.calls += 1;
                Some(Deed::Asks(call, self.calls))
            }
            Effect::RewriteBody(rewrite) => {
                let end = usize::try_from(rewrite.prefix_end()).unwrap();
                let rest = self.body.split_off(end);
                self.body = rewrite.apply(&self.body).expect("the rewrite fits");
                self.body.extend(rest);
                None
            }
            Effect::Resume => Some(Deed::LetsThrough(self.body.clone())),
            Effect::Reply(reply) => {
                let body: Value = serde_json::from_slice(&reply.body).unwrap();
                let code = body["error"]["code"].as_str().unwrap_or_default();
                Some(Deed::Refuses(code.to_owned()))
            }
            Effect::SetRequestHeader(..)
            | Effect::RemoveRequestHeader(_)
            | Effect::SetMarker(_)
            | Effect::SetResponseHeader(..)
            | Effect::RemoveResponseHeader(_)
            | Effect::ReplaceChunk(_) => None,
        }
    }
}

fn worker() -> Worker {
    match PluginConfig::parse(CONFIG.as_bytes()) {
        Ok(PluginConfig::Gateway(config)) => Worker::new(config),
        other => panic!("the configuration is good: {other:?}"),
    }
}

fn headers(list: &[(&str, &str)]) -> Headers {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
    Headers::new(list.iter().map(pair).collect())
}
