//! The root context: reads the configuration, makes the outbox's calls, and waits for them before it goes.

use std::collections::HashMap;
use std::rc::Rc;

use ferry_filter_core::config::{PluginConfig, UpstreamConfig};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::gateway::{Gateway, Metrics};
use crate::host::{self, Buffer};
use crate::http::GatewayStream;
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
    /// Calls under way: the host's token, the outbox's id.
    calls: HashMap<u32, u32>,
    /// The host wants to let this instance go.
    closing: bool,
}

impl Root {
    pub fn new(context_id: u32) -> Self {
        Self {
            context_id,
            role: Role::None,
            calls: HashMap::new(),
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

    /// Makes the calls that are due.
    fn deliver(&mut self, gateway: &Gateway) {
        let calls = gateway
            .with(|worker, now| worker.due(now))
            .unwrap_or_default();
        for call in calls {
            match host::call_quota(&gateway.quota, call.method, &call.message, call.timeout_ms) {
                Ok(token) => {
                    self.calls.insert(token, call.id);
                }
                Err(_) => answered(gateway, call.id, Err(UNAVAILABLE)),
            }
        }
    }
}

fn answered(gateway: &Gateway, id: u32, result: Result<&[u8], u32>) {
    let jitter = gateway.randomness.number();
    gateway.with(|worker, now| worker.outbox_answered(id, result, now, jitter));
}

impl Context for Root {
    fn on_grpc_call_response(&mut self, token: u32, status: u32, size: usize) {
        let (Role::Gateway(gateway), Some(id)) = (&self.role, self.calls.remove(&token)) else {
            return;
        };
        match (status, host::buffer(Buffer::Grpc, 0, size)) {
            (0, Ok(bytes)) => answered(gateway, id, Ok(&bytes)),
            (0, Err(_)) => answered(gateway, id, Err(UNAVAILABLE)),
            (status, _) => answered(gateway, id, Err(status)),
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
        let Role::Gateway(gateway) = &self.role else {
            return;
        };
        let gateway = Rc::clone(gateway);
        gateway.rang();
        self.deliver(&gateway);
        gateway.report();
        if self.closing
            && gateway.is_flushed()
            && let Err(status) = host::done()
        {
            log::error!("failed to say that everything is delivered: {status}");
        }
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(match &self.role {
            Role::Gateway(gateway) => Box::new(GatewayStream::new(Rc::clone(gateway))),
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
