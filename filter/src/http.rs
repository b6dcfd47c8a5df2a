//! A stream of the gateway instance: the host's callbacks as events, the core's effects as host calls.

use std::rc::Rc;

use ferry_filter_core::effect::{Call, CallFailure, Effect, Effects, Event, Flow};
use ferry_filter_core::exchange::{AsksAtEnd, Exchange};
use ferry_filter_core::guard::{ATTEMPTS, MARKER};
use ferry_filter_core::headers::Headers;
use ferry_filter_core::reply::Reply;
use ferry_filter_core::request::Rewrite;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::gateway::Gateway;
use crate::host::{self, Buffer, Map, Status};

/// One stream of the gateway instance.
pub struct GatewayStream {
    gateway: Rc<Gateway>,
    exchange: Exchange,
    /// The host keeps the request's body: each callback sees all of it.
    held: bool,
    /// Bytes of the request's body seen so far.
    body_bytes: usize,
    /// The request came in chunks of unknown number.
    chunked: bool,
    /// The call under way.
    token: Option<u32>,
}

impl GatewayStream {
    pub fn new(gateway: Rc<Gateway>) -> Self {
        Self {
            gateway,
            exchange: Exchange::new(),
            held: false,
            body_bytes: 0,
            chunked: false,
            token: None,
        }
    }

    fn on(&mut self, event: Event<'_>) -> Effects {
        let exchange = &mut self.exchange;
        self.gateway
            .with(|worker, now| exchange.on(event, worker, now))
            .unwrap_or(Effects::none())
    }

    /// Handles an event of the request: an effect that fails goes back to the core, once.
    fn request(&mut self, event: Event<'_>) -> Action {
        let effects = self.on(event);
        let mut flow = effects.flow;
        if let Err(status) = self.carry_out(effects.list) {
            log::warn!("failed to change a request: {status}");
            let effects = self.on(Event::EffectFailed);
            flow = effects.flow;
            if let Err(status) = self.carry_out(effects.list) {
                log::warn!("failed to refuse a request: {status}");
            }
        }
        self.held = flow == Flow::Hold;
        action(flow)
    }

    /// Handles an event of the answer: what fails here cannot be taken back.
    fn response(&mut self, event: Event<'_>) -> Action {
        let effects = self.on(event);
        for effect in effects.list {
            if let Err(status) = self.carry_out(vec![effect]) {
                log::warn!("failed to change an answer: {status}");
            }
        }
        action(effects.flow)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), Status> {
        for effect in effects {
            match effect {
                Effect::SetRequestHeader(name, value) => {
                    host::set_header(Map::Request, &name, &value)?
                }
                Effect::RemoveRequestHeader(name) => host::remove_header(Map::Request, &name)?,
                Effect::RewriteBody(rewrite) => self.rewrite_body(&rewrite)?,
                Effect::SetMarker(marker) => host::set_property(MARKER, &marker)?,
                Effect::Call(call) => self.call(&call),
                Effect::Resume => {
                    host::clear_route_cache()?;
                    host::continue_request()?;
                }
                Effect::Reply(reply) => send(&reply)?,
                Effect::SetResponseHeader(name, value) => {
                    host::set_header(Map::Response, &name, &value)?
                }
                Effect::RemoveResponseHeader(name) => host::remove_header(Map::Response, &name)?,
                Effect::ReplaceChunk(bytes) => {
                    host::set_buffer_prefix(Buffer::Response, usize::MAX, &bytes)?
                }
            }
        }
        Ok(())
    }

    fn rewrite_body(&mut self, rewrite: &Rewrite) -> Result<(), Status> {
        /// What the host calls an argument that it cannot take.
        const BAD_ARGUMENT: Status = Status(2);
        let end = usize::try_from(rewrite.prefix_end()).map_err(|_| BAD_ARGUMENT)?;
        let prefix = host::buffer(Buffer::Request, 0, end)?;
        let changed = rewrite.apply(&prefix).ok_or(BAD_ARGUMENT)?;
        host::set_buffer_prefix(Buffer::Request, end, &changed)?;
        let rest = self.body_bytes.checked_sub(end).ok_or(BAD_ARGUMENT)?;
        let length = rest.checked_add(changed.len()).ok_or(BAD_ARGUMENT)?;
        if self.chunked {
            host::remove_header(Map::Request, "transfer-encoding")?;
        }
        host::set_header(Map::Request, "content-length", &length.to_string())
    }

    /// Calls the quota server. A call that cannot be sent is answered at once.
    fn call(&mut self, call: &Call) {
        match host::call_quota(
            &self.gateway.quota,
            call.method,
            &call.message,
            call.timeout_ms,
        ) {
            Ok(token) => self.token = Some(token),
            Err(_) => {
                self.token = None;
                self.request(Event::Answered(Err(CallFailure::NotSent)));
            }
        }
    }
}

fn action(flow: Flow) -> Action {
    match flow {
        Flow::Continue => Action::Continue,
        Flow::Hold => Action::Pause,
    }
}

fn send(reply: &Reply) -> Result<(), Status> {
    host::reply(reply.status, &reply.details, &reply.headers, &reply.body)
}

fn headers(map: Map) -> Headers {
    match host::headers(map) {
        Ok(pairs) => Headers::new(pairs),
        Err(status) => {
            log::warn!("failed to read headers: {status}");
            Headers::default()
        }
    }
}

fn text_property(path: &[&str]) -> String {
    host::property(path)
        .and_then(|value| String::from_utf8(value).ok())
        .unwrap_or_default()
}

/// The status of the answer; the host gives it as a 64-bit integer.
fn status_property() -> u32 {
    let value = host::property(&["response", "code"]).unwrap_or_default();
    let status = value
        .first_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes));
    u32::try_from(status).unwrap_or(0)
}

impl Context for GatewayStream {
    fn on_grpc_call_response(&mut self, token: u32, status: u32, size: usize) {
        if self.token != Some(token) {
            return;
        }
        self.token = None;
        match (status, host::buffer(Buffer::Grpc, 0, size)) {
            (0, Ok(bytes)) => self.request(Event::Answered(Ok(&bytes))),
            (0, Err(_)) => self.request(Event::Answered(Err(CallFailure::Status(14)))),
            (status, _) => self.request(Event::Answered(Err(CallFailure::Status(status)))),
        };
    }
}

impl HttpContext for GatewayStream {
    fn on_http_request_headers(&mut self, _count: usize, end: bool) -> Action {
        let route = text_property(&["xds", "route_name"]);
        let random = self.gateway.randomness.pair();
        let headers = headers(Map::Request);
        self.chunked = headers.has("transfer-encoding");
        match random {
            Some(random) => self.request(Event::RequestHeaders {
                route: &route,
                headers: &headers,
                end,
                random,
            }),
            None => {
                let refused = send(&Reply::reason(
                    ferry_filter_core::reply::Reason::GatewayFailed,
                ));
                if let Err(status) = refused {
                    log::warn!("failed to refuse a request: {status}");
                }
                Action::Pause
            }
        }
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        let start = if self.held { self.body_bytes } else { 0 };
        let chunk = match host::buffer(Buffer::Request, start, size.saturating_sub(start)) {
            Ok(chunk) => chunk,
            Err(status) => {
                log::warn!("failed to read a request's body: {status}");
                return self.request(Event::EffectFailed);
            }
        };
        self.body_bytes = self.body_bytes.saturating_add(chunk.len());
        self.request(Event::RequestBody { chunk: &chunk, end })
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.request(Event::RequestBody {
            chunk: &[],
            end: true,
        })
    }

    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        let headers = headers(Map::Response);
        let details = text_property(&["response", "code_details"]);
        self.response(Event::ResponseHeaders {
            headers: &headers,
            details: &details,
            end,
        })
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        let chunk = host::buffer(Buffer::Response, 0, size).unwrap_or_else(|status| {
            log::warn!("failed to read an answer's body: {status}");
            Vec::new()
        });
        self.response(Event::ResponseBody { chunk: &chunk, end })
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.response(Event::ResponseBody {
            chunk: &[],
            end: true,
        })
    }

    fn on_log(&mut self) {
        let asks = self.exchange.asks_at_end();
        let (details, status) = match asks {
            AsksAtEnd::Everything => (
                text_property(&["response", "code_details"]),
                status_property(),
            ),
            AsksAtEnd::Attempts | AsksAtEnd::Nothing => (String::new(), 0),
        };
        let attempts = match asks {
            AsksAtEnd::Everything | AsksAtEnd::Attempts => text_property(&[ATTEMPTS]),
            AsksAtEnd::Nothing => String::new(),
        };
        self.on(Event::Ended {
            details: &details,
            status,
            attempts: &attempts,
        });
    }
}
