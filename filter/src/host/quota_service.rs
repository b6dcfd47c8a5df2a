//! The quota service, as the host calls it.
//!
//! These calls go through the SDK: its dispatcher drops the answers to calls whose token it did not enter itself. The SDK panics
//! on statuses other than OK, ParseFailure (no such cluster) and InternalFailure (not sent); the host has no other for a well-formed
//! `GrpcService` that names a cluster.

use core::time::Duration;

use super::Status;

/// Where the quota service is: an encoded `envoy.config.core.v3.GrpcService` with an `envoy_grpc.cluster_name`. (A bare name is
/// first tried as such a message, and some names are one.)
pub struct QuotaService(String);

impl QuotaService {
    /// The service behind a cluster, whose name is at most 120 bytes long.
    pub fn new(cluster: &str) -> Self {
        /// Tag of field 1, a message or string: both `GrpcService.envoy_grpc` and `EnvoyGrpc.cluster_name`.
        const FIELD_1: char = '\n';
        let length = |bytes: usize| {
            u8::try_from(bytes)
                .ok()
                .filter(u8::is_ascii)
                .map_or('\0', char::from)
        };
        let mut message = String::new();
        message.push(FIELD_1);
        message.push(length(cluster.len().saturating_add(2)));
        message.push(FIELD_1);
        message.push(length(cluster.len()));
        message.push_str(cluster);
        Self(message)
    }
}

/// Calls a method of the quota service; the answer comes to the context that is being called now, with this token.
pub fn call_quota(
    service: &QuotaService,
    method: &str,
    message: &[u8],
    timeout_ms: u32,
) -> Result<u32, Status> {
    let timeout = Duration::from_millis(timeout_ms.into());
    let name = ferry_filter_core::QUOTA_SERVICE;
    proxy_wasm::hostcalls::dispatch_grpc_call(
        &service.0,
        name,
        method,
        Vec::new(),
        Some(message),
        timeout,
    )
    .map_err(|status| Status(status as u32))
}

/// Opens a stream to the quota service. Its answers come to the context that is being called now, which must be the root context:
/// the others do not live as long.
pub fn open_stream(service: &QuotaService, method: &str) -> Result<u32, Status> {
    let name = ferry_filter_core::QUOTA_SERVICE;
    proxy_wasm::hostcalls::open_grpc_stream(&service.0, name, method, Vec::new())
        .map_err(|status| Status(status as u32))
}
