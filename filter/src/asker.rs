//! Who waits for the answer to a call, and how it is told.

use core::cell::RefCell;
use std::rc::Weak;

use ferry_filter_core::effect::CallFailure;

use crate::gateway::Gateway;
use crate::host;
use crate::http::GatewayStream;

/// Who made a call.
pub enum Asker {
    /// A request; the answer to an earlier call of it is not for it.
    Request {
        context_id: u32,
        stream: Weak<RefCell<GatewayStream>>,
        call: u32,
    },
    /// The outbox, under its own id.
    Outbox(u32),
}

impl Asker {
    /// Tells the answer's bytes, or a gRPC status that is not OK.
    pub fn answer(self, gateway: &Gateway, result: Result<&[u8], u32>) {
        match self {
            Self::Outbox(id) => {
                let jitter = gateway.randomness.number();
                gateway.with(|worker, now| worker.outbox_answered(id, result, now, jitter));
            }
            Self::Request {
                context_id,
                stream,
                call,
            } => {
                // A request that is over has said all that it had to say.
                let Some(stream) = stream.upgrade() else {
                    return;
                };
                // The host may have called the root context, which hears the answers on a stream.
                if let Err(status) = host::set_effective_context(context_id) {
                    log::warn!("failed to go on with a request: {status}");
                    return;
                }
                if let Ok(mut stream) = stream.try_borrow_mut() {
                    stream.answered(call, result.map_err(CallFailure::Status));
                }
            }
        }
    }
}
