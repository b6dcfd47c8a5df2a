//! A stream of the gateway instance: the host's callbacks as events, the core's effects as host calls.

use core::cell::RefCell;
use std::rc::{Rc, Weak};

use ferry_filter_core::effect::{Call, CallFailure, Effect, Effects, Event, Flow};
use ferry_filter_core::exchange::{AsksAtEnd, Exchange};
use ferry_filter_core::guard::{ATTEMPTS, MARKER};
use ferry_filter_core::headers::Headers;
use ferry_filter_core::reply::Reply;
use ferry_filter_core::request::Rewrite;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::asker::Asker;
use crate::gateway::Gateway;
use crate::host::{self, Buffer, Map, Status};
use crate::quota::Ask;

/// One stream of the gateway instance, as the host's dispatcher has it.
pub struct Shared(Rc<RefCell<GatewayStream>>);

/// One stream of the gateway instance.
pub struct GatewayStream {
    gateway: Rc<Gateway>,
    context_id: u32,
    /// Itself, for whoever hears the answers to its calls.
    this: Weak<RefCell<GatewayStream>>,
    exchange: Exchange,
    /// The host keeps the request's body: each callback sees all of it.
    held: bool,
    /// Bytes of the request's body seen so far.
    body_bytes: usize,
    /// The request came in chunks of unknown number.
    chunked: bool,
    /// The number of its last call.
    call: u32,
}

impl Shared {
    pub fn new(gateway: Rc<Gateway>, context_id: u32) -> Self {
        Self(Rc::new_cyclic(|this| {
            RefCell::new(GatewayStream::new(gateway, context_id, Weak::clone(this)))
        }))
    }

    /// Lets the stream handle a callback. `None` if it is handling one, which cannot be: the host never calls back from within a call.
    fn with<T>(&self, handle: impl FnOnce(&mut GatewayStream) -> T) -> Option<T> {
        let stream = self.0.try_borrow_mut();
        stream.map(|mut stream| handle(&mut stream)).ok()
    }

    fn flow(&self, handle: impl FnOnce(&mut GatewayStream) -> Action) -> Action {
        self.with(handle).unwrap_or(Action::Pause)
    }
}

impl GatewayStream {
    fn new(gateway: Rc<Gateway>, context_id: u32, this: Weak<RefCell<Self>>) -> Self {
        Self {
            gateway,
            context_id,
            this,
            exchange: Exchange::of_stream(context_id),
            held: false,
            body_bytes: 0,
            chunked: false,
            call: 0,
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
        self.call = self.call.saturating_add(1);
        let asker = Asker::Request {
            context_id: self.context_id,
            stream: Weak::clone(&self.this),
            call: self.call,
        };
        let ask = Ask {
            method: call.method,
            message: &call.message,
            timeout_ms: call.timeout_ms,
        };
        if self.gateway.ask(asker, &ask).is_err() {
            self.request(Event::Answered(Err(CallFailure::NotSent)));
        }
    }

    /// Hears the answer to a call.
    pub fn answered(&mut self, call: u32, result: Result<&[u8], CallFailure>) {
        if self.call == call {
            self.request(Event::Answered(result));
        }
    }
}

/// Bytes of a body. A message often ends with a callback that brings none: then the host is not asked.
fn read(buffer: Buffer, start: usize, size: usize) -> Result<Vec<u8>, Status> {
    if size == 0 {
        return Ok(Vec::new());
    }
    host::buffer(buffer, start, size)
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

impl Context for Shared {
    fn on_grpc_call_response(&mut self, token: u32, status: u32, size: usize) {
        let gateway = self.with(|stream| Rc::clone(&stream.gateway));
        if let Some(gateway) = gateway {
            gateway.answered_alone(token, status, size);
        }
    }
}

impl HttpContext for Shared {
    fn on_http_request_headers(&mut self, _count: usize, end: bool) -> Action {
        self.flow(|stream| stream.on_request_headers(end))
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        self.flow(|stream| stream.on_request_body(size, end))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.flow(|stream| {
            stream.request(Event::RequestBody {
                chunk: &[],
                end: true,
            })
        })
    }

    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        self.flow(|stream| stream.on_response_headers(end))
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        self.flow(|stream| stream.on_response_body(size, end))
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.flow(|stream| {
            stream.response(Event::ResponseBody {
                chunk: &[],
                end: true,
            })
        })
    }

    fn on_log(&mut self) {
        if self.with(GatewayStream::on_end).is_none() {
            log::error!("a request ended while it was being handled");
        }
    }
}

/// What the host calls for.
impl GatewayStream {
    fn on_request_headers(&mut self, end: bool) -> Action {
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

    fn on_request_body(&mut self, size: usize, end: bool) -> Action {
        let start = if self.held { self.body_bytes } else { 0 };
        let chunk = match read(Buffer::Request, start, size.saturating_sub(start)) {
            Ok(chunk) => chunk,
            Err(status) => {
                log::warn!("failed to read a request's body: {status}");
                return self.request(Event::EffectFailed);
            }
        };
        self.body_bytes = self.body_bytes.saturating_add(chunk.len());
        self.request(Event::RequestBody { chunk: &chunk, end })
    }

    fn on_response_headers(&mut self, end: bool) -> Action {
        let headers = headers(Map::Response);
        let details = text_property(&["response", "code_details"]);
        self.response(Event::ResponseHeaders {
            headers: &headers,
            details: &details,
            end,
        })
    }

    fn on_response_body(&mut self, size: usize, end: bool) -> Action {
        let chunk = read(Buffer::Response, 0, size).unwrap_or_else(|status| {
            log::warn!("failed to read an answer's body: {status}");
            Vec::new()
        });
        self.response(Event::ResponseBody { chunk: &chunk, end })
    }

    fn on_end(&mut self) {
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
