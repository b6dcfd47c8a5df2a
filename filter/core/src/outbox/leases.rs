//! The leases of reservations that are alive, and when each must be renewed.
//!
//! A lease is renewed a third of its length after it was last granted, with the usage so far. The holder counts from when it
//! sent its request, so that it stops before the grantor frees. A lease that ran out is recorded once and renewed no more: by its
//! route's policy the request goes on, and its settlement is a late one, or its stream is cut.

use ferry_api::v1::{Caller, RenewItem, Usage as WireUsage};
use ferry_types::ReservationId;
use hashbrown::HashMap;

/// Leases due within this part of a lease are renewed with those due now: fewer, larger batches.
const SLACK: u64 = 12;

struct Lease {
    caller: Caller,
    usage: WireUsage,
    lease_ms: u64,
    expires_ms: u64,
    /// `None` while a renewal is under way, or after the lease was lost.
    renew_ms: Option<u64>,
    /// How much earlier it may be renewed, in company; none while it backs off.
    slack_ms: u64,
    sent_ms: u64,
    /// The stream to cut when it is lost; `None` if that goes on.
    stream: Option<u32>,
    /// It was lost, and its stream is cut.
    cut: bool,
}

/// The leases of what is alive.
#[derive(Default)]
pub struct Leases {
    open: HashMap<ReservationId, Lease>,
    /// No lease is due before this.
    due_ms: Option<u64>,
    /// Streams to cut.
    to_cut: Vec<u32>,
}

impl Leases {
    /// A reservation was granted, by an answer to what was sent at `sent_ms`.
    pub fn open(&mut self, id: ReservationId, caller: Caller, lease_ms: u64, sent_ms: u64) {
        let renew_ms = sent_ms.saturating_add(third(lease_ms));
        let expires_ms = sent_ms.saturating_add(lease_ms);
        let usage = WireUsage::default();
        self.open.insert(
            id,
            Lease {
                caller,
                usage,
                lease_ms,
                expires_ms,
                renew_ms: Some(renew_ms),
                slack_ms: lease_ms / SLACK,
                sent_ms,
                stream: None,
                cut: false,
            },
        );
        self.due_ms = Some(self.due_ms.map_or(renew_ms, |due| due.min(renew_ms)));
    }

    /// This stream is to be cut when the lease is lost.
    pub fn cut_when_lost(&mut self, id: &ReservationId, stream: u32) {
        if let Some(lease) = self.open.get_mut(id) {
            lease.stream = Some(stream);
        }
    }

    /// The streams to cut now; each is told once.
    pub fn take_cut(&mut self) -> Vec<u32> {
        core::mem::take(&mut self.to_cut)
    }

    /// Whether the reservation's stream was cut, since its lease was lost.
    #[must_use]
    pub fn is_cut(&self, id: &ReservationId) -> bool {
        self.open.get(id).is_some_and(|lease| lease.cut)
    }

    /// What has been used so far.
    pub fn note_usage(&mut self, id: &ReservationId, usage: WireUsage) {
        if let Some(lease) = self.open.get_mut(id) {
            lease.usage = usage;
        }
    }

    /// The reservation ends: there is nothing to renew.
    pub fn close(&mut self, id: &ReservationId) {
        self.open.remove(id);
        if self.open.is_empty() {
            self.due_ms = None;
        }
    }

    /// When a lease is due.
    #[must_use]
    pub fn due_at(&self) -> Option<u64> {
        self.due_ms
    }

    /// How many are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The renewals to send now, at most `most`, and how many leases were found to have run out.
    pub(super) fn take_due(
        &mut self,
        now_ms: u64,
        most: usize,
    ) -> (Vec<(ReservationId, RenewItem)>, u64) {
        let mut items = Vec::new();
        let mut lost = 0u64;
        if self.due_ms.is_none_or(|due| due > now_ms) {
            return (items, lost);
        }
        let mut next: Option<u64> = None;
        for (id, lease) in &mut self.open {
            let Some(renew_ms) = lease.renew_ms else {
                continue;
            };
            let is_due = renew_ms <= now_ms.saturating_add(lease.slack_ms);
            if !is_due || items.len() >= most {
                let next_ms = if is_due {
                    renew_ms.min(now_ms)
                } else {
                    renew_ms
                };
                next = Some(next.map_or(next_ms, |next| next.min(next_ms)));
                continue;
            }
            lease.renew_ms = None;
            if lease.expires_ms <= now_ms {
                lost = lost.saturating_add(1);
                self.to_cut.extend(lease.lose());
                continue;
            }
            lease.sent_ms = now_ms;
            items.push((*id, lease.item(id)));
        }
        self.due_ms = next;
        (items, lost)
    }

    /// The server extended a lease.
    pub(super) fn renewed(&mut self, id: &ReservationId, lease_ms: u64) {
        let Some(lease) = self.open.get_mut(id) else {
            return;
        };
        lease.lease_ms = lease_ms;
        lease.expires_ms = lease.sent_ms.saturating_add(lease_ms);
        let renew_ms = lease.sent_ms.saturating_add(third(lease_ms));
        lease.renew_ms = Some(renew_ms);
        lease.slack_ms = lease_ms / SLACK;
        self.due_ms = Some(self.due_ms.map_or(renew_ms, |due| due.min(renew_ms)));
    }

    /// A renewal failed on the way: it is tried again after `wait_ms`.
    pub(super) fn try_again(&mut self, id: &ReservationId, now_ms: u64, wait_ms: u64) {
        let Some(lease) = self.open.get_mut(id) else {
            return;
        };
        let renew_ms = now_ms.saturating_add(wait_ms.min(third(lease.lease_ms)));
        lease.renew_ms = Some(renew_ms);
        lease.slack_ms = 0;
        self.due_ms = Some(self.due_ms.map_or(renew_ms, |due| due.min(renew_ms)));
    }

    /// The server says that the reservation is over. Whether it was still open here.
    pub(super) fn lost(&mut self, id: &ReservationId) -> bool {
        let lease = self.open.get_mut(id);
        lease.is_some_and(|lease| {
            self.to_cut.extend(lease.lose());
            true
        })
    }
}

impl Lease {
    /// It is renewed no more. The stream that is to be cut for it.
    fn lose(&mut self) -> Option<u32> {
        self.renew_ms = None;
        self.cut = self.stream.is_some();
        self.stream.take()
    }

    fn item(&self, id: &ReservationId) -> RenewItem {
        RenewItem {
            reservation_id: id.as_bytes().to_vec(),
            caller: Some(self.caller.clone()),
            usage: Some(self.usage),
            // The limit is written into the request: it cannot be raised any more.
            output_tokens_target: 0,
        }
    }
}

/// A third of a lease, at least a millisecond.
fn third(lease_ms: u64) -> u64 {
    (lease_ms / 3).max(1)
}
