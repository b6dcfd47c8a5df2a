//! The life of one request, without a host. What a client sees and what the server is told are checked, not how it comes about.

mod answers;
mod endings;
mod property;
mod refusals;
mod shadow;

use ferry_api::Message;
use ferry_api::v1::{
    Candidate, Granted, Header, ReleaseRequest, ReserveRequest, ReserveResponse, SettleItem,
    SettleRequest, reserve_response,
};
use ferry_types::KeyText;

use super::*;
use crate::config::PluginConfig;
use crate::effect::{CallFailure, Flow};
use crate::guard::Admission;
use crate::headers::Headers;
use crate::key::sha256;

const CONFIG: &str = r#"{"role":"gateway","quota_cluster":"q","limits":{"outbox_slots":4,"body_bytes_max":4096},"routes":{
    "deny":{"mode":"enforce","on_quota_unreachable":"deny"},
    "known":{"mode":"enforce","on_quota_unreachable":{"admit_known":{"known_for_s":60,"tokens_per_key":20000,"tokens_per_worker":20000}}},
    "shadow":{"mode":"shadow","on_quota_unreachable":"deny"}}}"#;
const BODY: &str = r#"{"model":"gpt","messages":[{"role":"user","content":"hello"}]}"#;
const STREAM: &str =
    r#"{"model":"gpt","stream":true,"messages":[{"role":"user","content":"hello"}]}"#;
const SERVER_MS: u64 = 1_900_000_000_000;

/// A worker, one exchange, and a clock.
struct Rig {
    worker: Worker,
    exchange: Exchange,
    now: Now,
    route: &'static str,
}

fn key() -> KeyText {
    KeyText::new([1; 8], [2; 32], sha256)
}

fn pairs(list: &[(&str, &str)]) -> Headers {
    Headers::new(
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect(),
    )
}

impl Rig {
    fn new(route: &'static str) -> Self {
        let Ok(PluginConfig::Gateway(config)) = PluginConfig::parse(CONFIG.as_bytes()) else {
            panic!("the configuration is good");
        };
        let now = Now {
            monotonic_ms: 1_000,
            unix_ms: 1_800_000_000_000,
        };
        Self {
            worker: Worker::new(config),
            exchange: Exchange::new(),
            now,
            route,
        }
    }

    /// The next request of the same worker.
    fn again(mut self) -> Self {
        self.exchange = Exchange::new();
        self
    }

    fn on(&mut self, event: Event<'_>) -> Effects {
        self.exchange.on(event, &mut self.worker, self.now)
    }

    fn request(&mut self, method: &str, path: &str, more: &[(&str, &str)], end: bool) -> Effects {
        let mut list = vec![(":method", method), (":path", path)];
        list.extend_from_slice(more);
        let random = [[1; 10], [2; 10]];
        self.on(Event::RequestHeaders {
            route: self.route,
            headers: &pairs(&list),
            end,
            random,
        })
    }

    /// A good request's headers.
    fn head(&mut self) -> Effects {
        let bearer = format!("Bearer {}", key().reveal());
        self.request(
            "POST",
            "/v1/chat/completions",
            &[("authorization", &bearer)],
            false,
        )
    }

    fn body(&mut self, body: &str) -> Effects {
        self.on(Event::RequestBody {
            chunk: body.as_bytes(),
            end: true,
        })
    }

    /// A good request up to its Reserve.
    fn reserve(&mut self, body: &str) -> ReserveRequest {
        let effects = self.head();
        assert_eq!(reply_of(&effects), None);
        reserve_of(&self.body(body)).expect("a Reserve")
    }

    fn answer(&mut self, outcome: reserve_response::Outcome) -> Effects {
        let response = ReserveResponse {
            server_time_unix_ms: SERVER_MS,
            outcome: Some(outcome),
            position: None,
        };
        self.on(Event::Answered(Ok(&response.encode_to_vec())))
    }

    fn grant(&mut self) -> Effects {
        self.answer(reserve_response::Outcome::Granted(granted()))
    }

    fn response(&mut self, status: u32, content_type: &str, details: &str) -> Effects {
        let status = status.to_string();
        let headers = [
            (":status", status.as_str()),
            ("content-type", content_type),
            ("x-request-id", "req_1"),
            ("x-ratelimit-limit-requests", "5"),
            ("openai-organization", "org"),
        ];
        self.on(Event::ResponseHeaders {
            headers: &pairs(&headers),
            details,
            end: false,
        })
    }

    fn chunk(&mut self, chunk: &str, end: bool) -> Effects {
        self.on(Event::ResponseBody {
            chunk: chunk.as_bytes(),
            end,
        })
    }

    fn end(&mut self, details: &str, status: u32, attempts: &str) {
        let asks = self.exchange.asks_at_end();
        let (details, status) = if asks == AsksAtEnd::Everything {
            (details, status)
        } else {
            ("", 0)
        };
        let effects = self.on(Event::Ended {
            details,
            status,
            attempts: if asks == AsksAtEnd::Nothing {
                ""
            } else {
                attempts
            },
        });
        assert_eq!(effects, Effects::none());
    }

    /// What the outbox has to say, in all: settlements, and ids released.
    fn told(&mut self) -> (Vec<SettleItem>, Vec<Vec<u8>>) {
        let now = Now {
            monotonic_ms: self.now.monotonic_ms + 10,
            ..self.now
        };
        let mut settled = Vec::new();
        let mut released = Vec::new();
        for call in self.worker.due(now) {
            let message = call.message.as_slice();
            match call.method {
                "Settle" => settled.extend(SettleRequest::decode(message).expect("Settle").items),
                "Release" => {
                    let items = ReleaseRequest::decode(message).expect("Release").items;
                    released.extend(items.into_iter().map(|item| item.reservation_id));
                }
                other => panic!("unexpected call {other}"),
            }
        }
        (settled, released)
    }

    fn counted(&mut self, metric: Metric) -> u64 {
        let mut count = 0;
        self.worker
            .counters
            .drain(|other, by| count += if other == metric { by } else { 0 });
        count
    }
}

fn candidate(provider: &str) -> Candidate {
    Candidate {
        provider: provider.into(),
        model: "gpt-1".into(),
        output_limit_field: "max_tokens".into(),
    }
}

fn granted() -> Granted {
    Granted {
        tenant_id: "acme".into(),
        candidates: vec![candidate("openai"), candidate("azure")],
        output_tokens_max: 100,
        clamped: true,
        lease_ms: 60_000,
        mode: 1,
        headers: vec![Header {
            name: "x-ai-quota-policy".into(),
            value: "default".into(),
        }],
        ..Granted::default()
    }
}

fn reserve_of(effects: &Effects) -> Option<ReserveRequest> {
    effects.list.iter().find_map(|effect| {
        if let Effect::Call(call) = effect
            && call.method == "Reserve"
        {
            return ReserveRequest::decode(call.message.as_slice()).ok();
        }
        None
    })
}

fn reply_of(effects: &Effects) -> Option<(u32, String)> {
    let reply = effects.list.iter().find_map(as_reply)?;
    let body: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
    let code = body["error"]["code"].as_str().unwrap_or_default();
    Some((reply.status, code.to_owned()))
}

fn as_reply(effect: &Effect) -> Option<&Reply> {
    if let Effect::Reply(reply) = effect {
        Some(reply)
    } else {
        None
    }
}

fn set_request(name: &str, value: &str) -> Effect {
    Effect::SetRequestHeader(name.to_owned(), value.to_owned())
}

fn set_response(name: &str, value: &str) -> Effect {
    Effect::SetResponseHeader(name.to_owned(), value.to_owned())
}

/// The request's id, as the answer shows it.
fn shown_id(effects: &Effects) -> Option<String> {
    let of_reply = |reply: &Reply| {
        reply
            .headers
            .iter()
            .find(|(name, _)| name == REQUEST_ID)
            .map(|(_, id)| id.clone())
    };
    effects.list.iter().find_map(|effect| {
        if let Effect::SetResponseHeader(name, id) = effect
            && name == REQUEST_ID
        {
            return Some(id.clone());
        }
        as_reply(effect).and_then(of_reply)
    })
}
