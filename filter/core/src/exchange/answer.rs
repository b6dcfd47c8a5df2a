//! The provider's answer, metered while it passes.

use ferry_api::v1;

use super::Forwarded;
use super::end::with_input;
use super::reservation::Reservation;
use super::response::Head;
use crate::clock::Now;
use crate::usage::{Meter, Output};
use crate::worker::Worker;

/// The usage so far is noted this many times a lease, for the renewals, of which there are three.
const USAGE_NOTES_A_LEASE: u64 = 30;
/// Not more often than this: leases go down to 100 ms, and what is noted is looked up and copied.
const USAGE_NOTED_LEAST_MS: u64 = 10;
/// Longest request id of a provider's that is recorded.
const PROVIDER_REQUEST_ID_BYTES_MAX: usize = 128;

/// What is known of the provider's answer.
#[derive(Default)]
pub(super) struct Answer {
    /// The provider's status; 0 if no provider has answered.
    pub status: u32,
    /// The status that the client is shown; 0 if no answer of a provider's was let through.
    pub shown_status: u32,
    pub meter: Option<Meter>,
    pub first_byte_ms: Option<u64>,
    pub provider_request_id: String,
    /// The last byte was seen.
    pub complete: bool,
    usage_noted_ms: u64,
    note_usage_every_ms: u64,
}

impl Answer {
    /// Whether all of it was seen and let through: then its end has nothing to add.
    pub const fn is_known(&self) -> bool {
        self.complete && self.shown_status != 0
    }
}

impl Forwarded {
    /// A request that goes on untouched.
    pub(super) fn watched(reservation: Reservation) -> Self {
        Self {
            reservation,
            watched: true,
            hide_usage: false,
            shown: Vec::new(),
            answer: Answer::default(),
        }
    }

    /// How long its lease is.
    pub(super) fn leased_for(&mut self, lease_ms: u64) {
        let every_ms = (lease_ms / USAGE_NOTES_A_LEASE).max(USAGE_NOTED_LEAST_MS);
        self.answer.note_usage_every_ms = every_ms;
    }

    /// The provider's answer begins.
    pub(super) fn begin(&mut self, status: u32, head: &Head<'_>, now: Now) {
        let answer = &mut self.answer;
        answer.status = status;
        answer.shown_status = status;
        answer.complete = head.end;
        answer.usage_noted_ms = now.monotonic_ms;
        let id = head
            .headers
            .text("x-request-id")
            .or_else(|| head.headers.text("request-id"));
        answer.provider_request_id = id
            .filter(|id| id.len() <= PROVIDER_REQUEST_ID_BYTES_MAX)
            .unwrap_or_default()
            .to_owned();
        if (200..=299).contains(&status) {
            let content_type = head.headers.text("content-type").unwrap_or_default();
            let streamed = content_type
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("text/event-stream");
            let meter = if streamed {
                Meter::sse(self.hide_usage)
            } else {
                Meter::json()
            };
            answer.meter = Some(meter.expecting(self.reservation.facts.choices));
        }
    }

    /// Meters a chunk; the bytes to let pass instead of it, if they differ.
    pub(super) fn meter(
        &mut self,
        chunk: &[u8],
        end: bool,
        worker: &mut Worker,
        now: Now,
    ) -> Option<Vec<u8>> {
        let answer = &mut self.answer;
        answer.complete |= end;
        if answer.first_byte_ms.is_none() && !chunk.is_empty() {
            answer.first_byte_ms = Some(now.monotonic_ms);
        }
        let meter = answer.meter.as_mut()?;
        let output = meter.push(chunk, end);
        let since_ms = now.monotonic_ms.saturating_sub(answer.usage_noted_ms);
        if answer.note_usage_every_ms > 0 && since_ms >= answer.note_usage_every_ms {
            answer.usage_noted_ms = now.monotonic_ms;
            let counted = v1::Usage::from(meter.evidence().usage);
            let usage = with_input(counted, &self.reservation.facts);
            worker
                .outbox
                .leases()
                .note_usage(&self.reservation.id, usage);
        }
        match output {
            Output::Pass => None,
            Output::Replace(bytes) => Some(bytes),
        }
    }
}
