//! A stream of the upstream instance, in a provider cluster's chain: no marker, no provider.

use std::rc::Rc;

use ferry_filter_core::attempts;
use ferry_filter_core::config::UpstreamConfig;
use ferry_filter_core::effect::Effect;
use ferry_filter_core::guard::{self, ATTEMPTS, MARKER};
use ferry_filter_core::headers::Headers;
use ferry_filter_core::metrics::{Counters, Metric};
use ferry_filter_core::reply::{Reason, Reply};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::gateway::Metrics;
use crate::host::{self, Map, Status};

/// One attempt at this provider. Without a configuration it lets nothing pass.
pub struct UpstreamStream {
    instance: Option<(Rc<UpstreamConfig>, Rc<Metrics>)>,
    /// What was noted when this attempt began.
    notes: String,
}

impl UpstreamStream {
    pub const fn new(instance: Option<(Rc<UpstreamConfig>, Rc<Metrics>)>) -> Self {
        Self {
            instance,
            notes: String::new(),
        }
    }

    fn admit(&mut self) -> Result<(), Reply> {
        let failed = |_: Status| Reply::reason(Reason::GatewayFailed);
        let Some((config, _)) = &self.instance else {
            return Err(Reply::reason(Reason::NotAdmitted));
        };
        let marker = property(MARKER);
        let headers = Headers::new(host::headers(Map::Request).map_err(failed)?);
        for effect in guard::admit(config, marker.as_deref(), &headers)? {
            carry_out(effect).map_err(failed)?;
        }
        self.notes = attempts::begun(
            &property(ATTEMPTS).unwrap_or_default(),
            &config.provider,
            host::monotonic_ms(),
        );
        host::set_property(ATTEMPTS, &self.notes).map_err(failed)
    }

    fn refuse(&self, reply: &Reply) {
        if let Some((_, metrics)) = &self.instance {
            let mut counters = Counters::default();
            counters.count(Metric::Unmarked);
            metrics.flush(&mut counters);
        }
        if let Err(status) = host::reply(reply.status, &reply.details, &reply.headers, &reply.body)
        {
            log::warn!("failed to refuse a request: {status}");
        }
    }
}

fn property(name: &str) -> Option<String> {
    host::property(&[name]).and_then(|value| String::from_utf8(value).ok())
}

fn carry_out(effect: Effect) -> Result<(), Status> {
    match effect {
        Effect::SetRequestHeader(name, value) => host::set_header(Map::Request, &name, &value),
        Effect::RemoveRequestHeader(name) => host::remove_header(Map::Request, &name),
        Effect::RewriteBody(_)
        | Effect::SetMarker(_)
        | Effect::Call(_)
        | Effect::Resume
        | Effect::Reply(_)
        | Effect::SetResponseHeader(..)
        | Effect::RemoveResponseHeader(_)
        | Effect::ReplaceChunk(_) => Err(Status(12)),
    }
}

impl Context for UpstreamStream {}

impl HttpContext for UpstreamStream {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        match self.admit() {
            Ok(()) => Action::Continue,
            Err(reply) => {
                self.refuse(&reply);
                Action::Pause
            }
        }
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        let status = host::response_status().unwrap_or(0);
        // What the gateway instance sees for itself needs no note: after a good answer there is no other attempt.
        if !(200..=299).contains(&status) {
            let notes = attempts::answered(&self.notes, status, host::monotonic_ms());
            if let Err(status) = host::set_property(ATTEMPTS, &notes) {
                log::warn!("failed to note an attempt: {status}");
            }
        }
        Action::Continue
    }
}
