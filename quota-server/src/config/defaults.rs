//! Defaults of the configuration, and the bounds of its numbers, each with its reason.

/// The database lies beside the configuration.
pub(super) const DATABASE: &str = "ferry.db";
/// The administration socket lies beside the database: who may write the one may use the other.
pub const ADMIN_SOCKET: &str = "ferry-admin.sock";
/// Where the gateway's cluster `ferry-quota` in `envoy/` looks for the server.
pub(super) const GRPC_LISTEN: &str = "unix:/run/ferry/quota.sock";
/// Envoy often runs as another user of the same group; who connects still has to show a credential.
pub(super) const GRPC_SOCKET_MODE: u32 = 0o660;
/// Probes and metrics: next to Envoy's own 9901, on this machine only.
pub(super) const HTTP_LISTEN: &str = "127.0.0.1:9902";
/// What most answers stay below; a client that wants more says so.
pub(super) const CLAMP_OUTPUT_TOKENS_MAX: u64 = 4_096;
/// The first set of rules.
pub(super) const POLICY_VERSION: &str = "default-1";
/// Kubernetes waits 30 s between SIGTERM and SIGKILL: leave time for the flush and the checkpoint.
pub(super) const DRAIN_MS: u64 = 20_000;
/// What an operator wants to see of a server that works.
pub(super) const LOG_FILTER: &str = "info";

/// Heads lie beside the database until somebody gives them a better place: another disk, or another machine.
pub const HEADS_SUFFIX: &str = ".heads";
/// A second's work is what a stolen disk may hide.
pub(super) const HEADS_EVERY_MS: u64 = 1_000;
/// Each export is an fsync of its own.
pub(super) const HEADS_EVERY_MS_LEAST: u64 = 10;
/// An hour without proof is a long time.
pub(super) const HEADS_EVERY_MS_MOST: u64 = 3_600_000;

/// Tests go down to 100 ms; below that a renewal every third of it is mostly waiting for the disk.
pub(super) const TTL_MS_LEAST: u64 = 100;
/// Money must not be held for hours by a gateway that is gone.
pub(super) const TTL_MS_MOST: u64 = 3_600_000;
/// A margin at least as long as one slow answer.
pub(super) const MARGIN_MS_LEAST: u64 = 10;
/// A margin longer than a minute holds money for nothing.
pub(super) const MARGIN_MS_MOST: u64 = 60_000;
/// Tests want expiry soon after a start.
pub(super) const OUTBOX_HORIZON_MS_LEAST: u64 = 0;
/// A gateway's memory is no archive: a day.
pub(super) const OUTBOX_HORIZON_MS_MOST: u64 = 86_400_000;
/// Outcomes have to outlive at least the usual retry.
pub(super) const RECOVERY_WINDOW_MS_LEAST: u64 = 1_000;
/// Outcomes are rows: 31 days of them are what a month's close may ask for.
pub(super) const RECOVERY_WINDOW_MS_MOST: u64 = 31 * 86_400_000;
/// A limit of zero tokens would refuse every request.
pub(super) const CLAMP_LEAST: u64 = 1;
/// More than any model can write.
pub(super) const CLAMP_MOST: u64 = 10_000_000;
/// Half an hour is longer than any platform waits for a process to stop.
pub(super) const DRAIN_MS_MOST: u64 = 1_800_000;
