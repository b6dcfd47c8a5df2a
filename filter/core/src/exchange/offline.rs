//! Admission while the quota server does not answer, where the route's policy is `admit_known`.
//!
//! Two reservations come out of it: the first, of which nobody knows whether it is held, is released; the request goes on under
//! a new id, and is settled later as admitted offline.

use super::decision::Reach;
use super::reservation::Reservation;
use super::{Deciding, Exchange};
use crate::clock::Now;
use crate::config::AdmitKnown;
use crate::effect::Effects;
use crate::guard::Admission;
use crate::known_keys::OfflineGrant;
use crate::metrics::Metric;
use crate::reply::Reason;
use crate::worker::Worker;

/// Output limit of a request that names none: the ceiling that the default policy would have written.
const OUTPUT_TOKENS_DEFAULT: u64 = 4_096;

impl Exchange {
    pub(super) fn try_offline(
        &mut self,
        deciding: Deciding,
        caps: &AdmitKnown,
        reach: Reach,
        worker: &mut Worker,
        now: Now,
    ) -> Effects {
        let Deciding {
            reservation: unknown,
            scanned,
            route,
            second,
        } = deciding;
        let limit = unknown
            .facts
            .output_tokens_max
            .unwrap_or(OUTPUT_TOKENS_DEFAULT);
        let admitted =
            second.and_then(|random| Some((random, admit(&unknown, limit, caps, worker, now)?)));
        let Some((random, (grant, slot))) = admitted else {
            reach.conclude(unknown, worker, now);
            return self.deny(Reason::QuotaUnreachable, worker);
        };
        worker.counters.count(Metric::Offline);
        let id = worker.clock.draw(now, random);
        self.id = Some(id);
        let mut caller = unknown.caller.clone();
        caller.tenant_id = grant.tenant_id;
        let mut facts = unknown.facts.clone();
        facts.admitted_offline = true;
        reach.conclude(unknown, worker, now);
        let provider = grant.candidate.provider.clone();
        let sent_ms = now.monotonic_ms;
        let reservation = Reservation {
            id,
            caller,
            facts,
            output_tokens_max: limit,
            provider,
            sent_ms,
            slot,
        };
        let deciding = Deciding {
            reservation,
            scanned,
            route,
            second: None,
        };
        self.forward(
            deciding,
            &[grant.candidate],
            Admission::Offline,
            Vec::new(),
            worker,
            now,
        )
    }
}

fn admit(
    reservation: &Reservation,
    limit: u64,
    caps: &AdmitKnown,
    worker: &mut Worker,
    now: Now,
) -> Option<(OfflineGrant, crate::outbox::Slot)> {
    let facts = &reservation.facts;
    if facts.input_unbounded {
        return None;
    }
    let output = limit.checked_mul(u64::from(facts.choices))?;
    let tokens = facts.input_tokens_max.checked_add(output)?;
    let slot = worker.outbox.take_slot()?;
    match worker.known.admit(
        &reservation.caller.key_digest,
        &facts.model,
        tokens,
        caps,
        now.monotonic_ms,
    ) {
        Some(grant) => Some((grant, slot)),
        None => {
            worker.outbox.give_back(slot);
            None
        }
    }
}
