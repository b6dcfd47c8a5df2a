//! What is counted. The core counts, the shell hands the increments to the host.

/// A counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Metric {
    /// Requests that the quota server granted.
    Granted,
    /// Requests that the quota server refused.
    Refused,
    /// Requests that the filter itself refused or could not carry on.
    Denied,
    /// Grants whose output limit was lowered or added.
    Clamped,
    /// Requests without a decision, because the quota server gave none.
    Unreachable,
    /// Requests admitted without a decision.
    Offline,
    /// Requests watched in shadow mode.
    Shadow,
    /// Requests in shadow mode that could not be recorded: no key, not readable, no room.
    ShadowUnrecorded,
    /// Requests on a route that is not configured.
    RouteNotConfigured,
    /// Requests refused, or unrecorded, for want of an outbox slot.
    OutboxFull,
    /// Reserve answers that were a conflict or a skewed clock.
    IdRedrawn,
    /// Settlements acknowledged.
    Settled,
    /// Releases acknowledged.
    Released,
    /// Leases renewed.
    Renewed,
    /// Leases that ended before their request did.
    LeaseLost,
    /// Calls of the outbox that failed and were, or will be, made again.
    OutboxRetries,
    /// Settlements and releases that the server will not take: conflict, parked, error.
    OutboxDropped,
    /// Answers whose usage could not be read.
    UsageUnreadable,
    /// Answers of Envoy's own that were put into OpenAI's shape.
    ErrorsReshaped,
    /// Things the host would not do.
    HostErrors,
    /// Requests turned away by a provider's chain: they had no marker.
    Unmarked,
}

impl Metric {
    /// Every counter, in the order of their numbers.
    pub const ALL: [Self; 21] = [
        Self::Granted,
        Self::Refused,
        Self::Denied,
        Self::Clamped,
        Self::Unreachable,
        Self::Offline,
        Self::Shadow,
        Self::ShadowUnrecorded,
        Self::RouteNotConfigured,
        Self::OutboxFull,
        Self::IdRedrawn,
        Self::Settled,
        Self::Released,
        Self::Renewed,
        Self::LeaseLost,
        Self::OutboxRetries,
        Self::OutboxDropped,
        Self::UsageUnreadable,
        Self::ErrorsReshaped,
        Self::HostErrors,
        Self::Unmarked,
    ];

    /// The name that the host shows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Granted => "ferry_requests_granted_total",
            Self::Refused => "ferry_requests_refused_total",
            Self::Denied => "ferry_requests_denied_total",
            Self::Clamped => "ferry_requests_clamped_total",
            Self::Unreachable => "ferry_quota_unreachable_total",
            Self::Offline => "ferry_requests_offline_total",
            Self::Shadow => "ferry_requests_shadow_total",
            Self::ShadowUnrecorded => "ferry_requests_shadow_unrecorded_total",
            Self::RouteNotConfigured => "ferry_route_not_configured_total",
            Self::OutboxFull => "ferry_outbox_full_total",
            Self::IdRedrawn => "ferry_reservation_id_redrawn_total",
            Self::Settled => "ferry_settlements_acknowledged_total",
            Self::Released => "ferry_releases_acknowledged_total",
            Self::Renewed => "ferry_leases_renewed_total",
            Self::LeaseLost => "ferry_leases_lost_total",
            Self::OutboxRetries => "ferry_outbox_retries_total",
            Self::OutboxDropped => "ferry_outbox_dropped_total",
            Self::UsageUnreadable => "ferry_usage_unreadable_total",
            Self::ErrorsReshaped => "ferry_errors_reshaped_total",
            Self::HostErrors => "ferry_host_errors_total",
            Self::Unmarked => "ferry_upstream_unmarked_total",
        }
    }
}

/// The gauge of outbox slots taken, summed over workers.
pub const OUTBOX_DEPTH: &str = "ferry_outbox_slots_taken";

/// Increments not yet handed to the host.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    pending: [u64; Metric::ALL.len()],
}

impl Counters {
    /// Counts one.
    pub fn count(&mut self, metric: Metric) {
        self.add(metric, 1);
    }

    /// Counts several.
    pub fn add(&mut self, metric: Metric, by: u64) {
        if let Some(value) = self.pending.get_mut(metric as usize) {
            *value = value.saturating_add(by);
        }
    }

    /// Hands over what was counted since the last time.
    pub fn drain(&mut self, mut take: impl FnMut(Metric, u64)) {
        for metric in Metric::ALL {
            if let Some(value) = self.pending.get_mut(metric as usize)
                && *value > 0
            {
                take(metric, core::mem::take(value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_stands_at_its_number() {
        for (index, metric) in Metric::ALL.into_iter().enumerate() {
            assert_eq!(metric as usize, index, "{metric:?}");
            assert!(metric.name().starts_with("ferry_"));
        }
    }

    #[test]
    fn what_is_counted_is_handed_over_once() {
        let mut counters = Counters::default();
        counters.count(Metric::Unmarked);
        counters.add(Metric::Granted, 2);
        let mut taken = Vec::new();
        counters.drain(|metric, by| taken.push((metric, by)));
        counters.drain(|metric, by| taken.push((metric, by)));
        assert_eq!(taken, [(Metric::Granted, 2), (Metric::Unmarked, 1)]);
    }
}
