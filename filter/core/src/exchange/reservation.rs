//! A reservation as its request holds it, and how it ends.

use ferry_api::v1::{Attempt, Caller, EndCause, RequestFacts, ReserveRequest, SettleItem};
use ferry_api::{Message, method};
use ferry_types::ReservationId;

use crate::clock::Now;
use crate::effect::{Call, Effect};
use crate::outbox::Slot;
use crate::worker::Worker;

/// A reservation that was asked for; it ends by being released, settled or dismissed.
pub(super) struct Reservation {
    pub id: ReservationId,
    pub caller: Caller,
    pub facts: RequestFacts,
    /// What was granted; 0 before that.
    pub output_tokens_max: u64,
    /// The provider that was granted first.
    pub provider: String,
    /// When the Reserve was sent: its lease counts from here.
    pub sent_ms: u64,
    pub slot: Slot,
}

/// How a settled request ended.
pub(super) struct Settlement {
    pub cause: EndCause,
    pub attempts: Vec<Attempt>,
    pub latency_ms: u64,
    pub status: u32,
}

impl Reservation {
    /// The call that asks for it.
    pub fn reserve(&mut self, timeout_ms: u32, now: Now) -> Effect {
        self.sent_ms = now.monotonic_ms;
        let request = ReserveRequest {
            reservation_id: self.id.as_bytes().to_vec(),
            caller: Some(self.caller.clone()),
            facts: Some(self.facts.clone()),
        };
        Effect::Call(Call {
            method: method::RESERVE,
            message: request.encode_to_vec(),
            timeout_ms,
        })
    }

    /// Nothing was held, and nothing is to be said.
    pub fn dismiss(self, worker: &mut Worker) {
        worker.outbox.give_back(self.slot);
    }

    /// Nothing was sent to a provider.
    pub fn release(self, worker: &mut Worker, now: Now) {
        worker.outbox.leases().close(&self.id);
        worker
            .outbox
            .release(self.slot, self.id, self.caller, now.monotonic_ms);
    }

    /// It was sent to a provider.
    pub fn settle(self, settlement: Settlement, worker: &mut Worker, now: Now) {
        worker.outbox.leases().close(&self.id);
        let item = SettleItem {
            reservation_id: self.id.as_bytes().to_vec(),
            caller: Some(self.caller),
            facts: Some(self.facts),
            output_tokens_max: self.output_tokens_max,
            cause: settlement.cause.into(),
            attempts: settlement.attempts,
            latency_ms: settlement.latency_ms,
            status: settlement.status,
        };
        worker.outbox.settle(self.slot, item, now.monotonic_ms);
    }
}
