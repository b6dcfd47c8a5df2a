//! How long a hold stands, and how long an outcome is remembered.

/// A hold nobody renews is given up after this long. A gateway renews every third of it.
pub const TTL_MS: u64 = 60_000;
/// The grantor waits this much longer than the holder: the answer's way back, and clocks that run apart.
pub const MARGIN_MS: u64 = 5_000;
/// How long a gateway that cannot reach the server keeps settlements in its outbox.
pub const OUTBOX_HORIZON_MS: u64 = 600_000;
/// How long after that a settlement can still come, from a replayed access log.
pub const RECOVERY_WINDOW_MS: u64 = 24 * 3_600_000;

/// Durations that the life of a reservation depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseConfig {
    /// How long a hold stands from its last renewal, as the gateway is told.
    pub ttl_ms: u64,
    /// How much longer the server lets it stand.
    pub margin_ms: u64,
    /// How long a gateway keeps what it could not deliver.
    pub outbox_horizon_ms: u64,
    /// How much longer an outcome is remembered.
    pub recovery_window_ms: u64,
}

impl Default for LeaseConfig {
    fn default() -> Self {
        Self {
            ttl_ms: TTL_MS,
            margin_ms: MARGIN_MS,
            outbox_horizon_ms: OUTBOX_HORIZON_MS,
            recovery_window_ms: RECOVERY_WINDOW_MS,
        }
    }
}

impl LeaseConfig {
    /// From storing a lease to expiring it.
    #[must_use]
    pub const fn stands_ms(&self) -> u64 {
        self.ttl_ms.saturating_add(self.margin_ms)
    }

    /// How long nothing expires after a start or a step of the clock: gateways may be about to settle what looks overdue.
    #[must_use]
    pub const fn suspension_ms(&self) -> u64 {
        self.ttl_ms.saturating_add(self.outbox_horizon_ms)
    }

    /// How long the outcome of a request is kept to answer duplicates, counted from its id.
    #[must_use]
    pub const fn remembered_ms(&self) -> u64 {
        self.suspension_ms().saturating_add(self.recovery_window_ms)
    }
}
