//! What is owed to the quota server: settlements, releases and renewals, delivered until they are acknowledged.
//!
//! Bounded by slots. A request takes its slot when it is reserved and gives it to its settlement or release, so that what must
//! be said always has room; a full outbox refuses new work instead of forgetting old. The slot is free again when the server
//! has acknowledged (or will never take) the item. Nothing here sends: [`Outbox::due`] says what to send now, and
//! [`Outbox::answered`] hears how it went.
//!
//! Invariant: slots taken = requests holding one + items waiting + items under way.

mod answers;
mod lane;
mod leases;
#[cfg(test)]
mod tests;

pub use answers::{CallResult, Learned};
pub use leases::Leases;

use ferry_api::v1::{
    Caller, ReleaseItem, ReleaseRequest, RenewItem, RenewRequest, SettleItem, SettleRequest,
};
use ferry_api::{Message, method};
use ferry_types::ReservationId;
use hashbrown::HashMap;

use crate::config::{Limits, Timeouts};
use crate::metrics::{Counters, Metric};
use lane::{Entry, Lane};

/// Room for one settlement or release. It is given back by using it.
#[derive(Debug)]
#[must_use = "a slot that is dropped is lost"]
pub struct Slot(());

/// A call to make now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxCall {
    /// To be told again with the answer.
    pub id: u32,
    /// Method of the quota service.
    pub method: &'static str,
    /// The encoded request.
    pub message: Vec<u8>,
    /// How long it may take.
    pub timeout_ms: u32,
}

/// What a call under way carries.
enum Batch {
    Settle(Vec<Entry<SettleItem>>),
    Release(Vec<Entry<ReleaseItem>>),
    Renew(Vec<ReservationId>),
}

/// The outbox of one worker.
pub struct Outbox {
    limits: Limits,
    timeout_ms: u32,
    slots_taken: usize,
    settlements: Lane<SettleItem>,
    releases: Lane<ReleaseItem>,
    renewals_in_flight: usize,
    /// Calls in a row after which a renewal had to be tried again.
    renewals_failed: u32,
    leases: Leases,
    under_way: HashMap<u32, Batch>,
    last_id: u32,
}

impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub fn new(limits: Limits, timeouts: Timeouts) -> Self {
        Self {
            limits,
            timeout_ms: timeouts.outbox_ms,
            slots_taken: 0,
            settlements: Lane::default(),
            releases: Lane::default(),
            renewals_in_flight: 0,
            renewals_failed: 0,
            leases: Leases::default(),
            under_way: HashMap::new(),
            last_id: 0,
        }
    }

    /// Room for what will have to be said of a request; `None` if the outbox is full.
    pub fn take_slot(&mut self) -> Option<Slot> {
        if self.slots_taken >= self.limits.outbox_slots {
            return None;
        }
        self.slots_taken = self.slots_taken.saturating_add(1);
        Some(Slot(()))
    }

    /// Nothing has to be said.
    pub fn give_back(&mut self, slot: Slot) {
        let Slot(()) = slot;
        self.free(1);
    }

    /// Queues a settlement.
    pub fn settle(&mut self, slot: Slot, item: SettleItem, now_ms: u64) {
        let Slot(()) = slot;
        self.settlements
            .push(item, now_ms.saturating_add(self.limits.batch_delay_ms));
    }

    /// Queues a release.
    pub fn release(&mut self, slot: Slot, id: ReservationId, caller: Caller, now_ms: u64) {
        let Slot(()) = slot;
        let item = ReleaseItem {
            reservation_id: id.as_bytes().to_vec(),
            caller: Some(caller),
        };
        self.releases
            .push(item, now_ms.saturating_add(self.limits.batch_delay_ms));
    }

    /// The leases of what is alive.
    pub fn leases(&mut self) -> &mut Leases {
        &mut self.leases
    }

    /// Slots taken now.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.slots_taken
    }

    /// Whether everything was said and acknowledged, and nothing more is to come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots_taken == 0
    }

    /// When [`Self::due`] should be asked next; `None` if only an event can bring work.
    #[must_use]
    pub fn due_at(&self) -> Option<u64> {
        let settlements = self.settlements.due_at(&self.limits);
        let releases = self.releases.due_at(&self.limits);
        let renewals = if self.renewals_in_flight < self.limits.calls_in_flight {
            self.leases.due_at()
        } else {
            None
        };
        [settlements, releases, renewals]
            .into_iter()
            .flatten()
            .min()
    }

    /// The calls to make now.
    pub fn due(&mut self, now_ms: u64, counters: &mut Counters) -> Vec<OutboxCall> {
        let mut calls = Vec::new();
        while let Some(entries) = self.settlements.take_due(&self.limits, now_ms) {
            let items = entries.iter().map(|entry| entry.item.clone()).collect();
            let message = SettleRequest { items }.encode_to_vec();
            calls.push(self.start(method::SETTLE, message, Batch::Settle(entries)));
        }
        while let Some(entries) = self.releases.take_due(&self.limits, now_ms) {
            let items = entries.iter().map(|entry| entry.item.clone()).collect();
            let message = ReleaseRequest { items }.encode_to_vec();
            calls.push(self.start(method::RELEASE, message, Batch::Release(entries)));
        }
        while self.renewals_in_flight < self.limits.calls_in_flight {
            let (ids, items) = self.renewals(now_ms, counters);
            if ids.is_empty() {
                break;
            }
            self.renewals_in_flight = self.renewals_in_flight.saturating_add(1);
            let message = RenewRequest { items }.encode_to_vec();
            calls.push(self.start(method::RENEW, message, Batch::Renew(ids)));
        }
        calls
    }

    fn renewals(
        &mut self,
        now_ms: u64,
        counters: &mut Counters,
    ) -> (Vec<ReservationId>, Vec<RenewItem>) {
        let (items, lost) = self.leases.take_due(now_ms, self.limits.batch_items);
        counters.add(Metric::LeaseLost, lost);
        items.into_iter().unzip()
    }

    fn start(&mut self, method: &'static str, message: Vec<u8>, batch: Batch) -> OutboxCall {
        self.last_id = self.last_id.wrapping_add(1);
        self.under_way.insert(self.last_id, batch);
        OutboxCall {
            id: self.last_id,
            method,
            message,
            timeout_ms: self.timeout_ms,
        }
    }

    fn free(&mut self, slots: usize) {
        self.slots_taken = self.slots_taken.saturating_sub(slots);
    }
}
