//! The root context: reads the configuration, makes the outbox's calls, and waits for them before it goes.

use std::rc::Rc;

use ferry_filter_core::config::{PluginConfig, UpstreamConfig};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::asker::Asker;
use crate::gateway::{Gateway, Metrics};
use crate::host::{self, Buffer};
use crate::http::Shared;
use crate::quota::Ask;
use crate::upstream::UpstreamStream;

/// A gRPC status for what could not even be sent.
const UNAVAILABLE: u32 = 14;

/// What the plugin configuration made of this instance.
enum Role {
    /// Not, or not rightly, configured.
    None,
    Gateway(Rc<Gateway>),
    Upstream(Rc<UpstreamConfig>, Rc<Metrics>),
}

/// The root context of one plugin in one worker.
pub struct Root {
    context_id: u32,
    role: Role,
    /// The host wants to let this instance go.
    closing: bool,
}

impl Root {
    pub fn new(context_id: u32) -> Self {
        Self {
            context_id,
            role: Role::None,
            closing: false,
        }
    }

    fn configure(&self, size: usize) -> Result<Role, String> {
        host::set_effective_context(self.context_id)
            .map_err(|status| format!("proxy_set_effective_context: {status}"))?;
        let text = host::buffer(Buffer::Configuration, 0, size)
            .map_err(|status| format!("failed to read: {status}"))?;
        let config = PluginConfig::parse(&text).map_err(|faults| faults.to_string())?;
        let metrics =
            Metrics::define().map_err(|status| format!("failed to define metrics: {status}"))?;
        Ok(match config {
            PluginConfig::Gateway(config) => Role::Gateway(Rc::new(Gateway::new(config, metrics))),
            PluginConfig::Upstream(config) => Role::Upstream(Rc::new(config), Rc::new(metrics)),
        })
    }

    fn gateway(&self) -> Option<Rc<Gateway>> {
        match &self.role {
            Role::Gateway(gateway) => Some(Rc::clone(gateway)),
            Role::None | Role::Upstream(..) => None,
        }
    }
}

/// Makes the calls of the outbox that are due.
fn deliver(gateway: &Gateway) {
    let calls = gateway
        .with(|worker, now| worker.due(now))
        .unwrap_or_default();
    for call in calls {
        let ask = Ask {
            method: call.method,
            message: &call.message,
            timeout_ms: call.timeout_ms,
        };
        if let Err(asker) = gateway.ask(Asker::Outbox(call.id), &ask) {
            asker.answer(gateway, Err(UNAVAILABLE));
        }
    }
}

impl Root {
    /// Cuts the streams whose leases were lost, if their route wants that.
    fn cut(&self, gateway: &Gateway) {
        let streams = gateway.with(|worker, _| worker.outbox.leases().take_cut());
        for stream in streams.unwrap_or_default() {
            let cut = host::set_effective_context(stream).and_then(|()| host::cut_answer());
            if let Err(status) = cut {
                log::warn!("failed to cut a stream whose lease was lost: {status}");
            }
            if let Err(status) = host::set_effective_context(self.context_id) {
                log::warn!("failed to return to the root context: {status}");
            }
        }
    }
}

impl Context for Root {
    fn on_grpc_call_response(&mut self, token: u32, status: u32, size: usize) {
        if let Some(gateway) = self.gateway() {
            gateway.answered_alone(token, status, size);
            self.cut(&gateway);
        }
    }

    fn on_grpc_stream_initial_metadata(&mut self, token: u32, _count: u32) {
        if let Some(gateway) = self.gateway() {
            gateway.stream_accepted(token);
        }
    }

    fn on_grpc_stream_message(&mut self, token: u32, size: usize) {
        if let Some(gateway) = self.gateway() {
            gateway.stream_answered(token, size);
            self.cut(&gateway);
        }
    }

    fn on_grpc_stream_close(&mut self, token: u32, _status: u32) {
        // The host forgets a stream only when it is told to, and must not be left with one that is gone.
        if let Err(status) = host::forget_stream(token) {
            log::warn!("failed to forget a stream to the quota server: {status}");
        }
        if let Some(gateway) = self.gateway() {
            gateway.stream_ended(token);
        }
    }

    fn on_done(&mut self) -> bool {
        let Role::Gateway(gateway) = &self.role else {
            return true;
        };
        gateway.report();
        self.closing = !gateway.is_flushed();
        !self.closing
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        match self.configure(size) {
            Ok(role) => {
                self.role = role;
                true
            }
            Err(fault) => {
                log::error!("ferry: invalid plugin configuration: {fault}");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        let Some(gateway) = self.gateway() else {
            return;
        };
        gateway.rang();
        gateway.look_after_stream();
        deliver(&gateway);
        self.cut(&gateway);
        gateway.report();
        if self.closing
            && gateway.is_flushed()
            && let Err(status) = host::done()
        {
            log::error!("failed to say that everything is delivered: {status}");
        }
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(match &self.role {
            Role::Gateway(gateway) => Box::new(Shared::new(Rc::clone(gateway), context_id)),
            Role::Upstream(config, metrics) => Box::new(UpstreamStream::new(Some((
                Rc::clone(config),
                Rc::clone(metrics),
            )))),
            Role::None => Box::new(UpstreamStream::new(None)),
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
