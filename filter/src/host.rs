//! The host's functions that the filter uses, each returning a `Result`. The only file with unsafe code.
//!
//! The SDK's own wrappers panic on every status that they do not list, and a panic in wasm is a trap that kills every stream of a
//! worker. So the functions are declared here once more, and whatever the host returns is just a [`Status`]. Two go
//! through the SDK, since only the SDK can enter a call's token into its dispatcher: see [`quota_service`].
#![expect(
    unsafe_code,
    reason = "host functions are foreign functions; nothing else in this crate may be unsafe"
)]

mod pairs;
mod quota_service;

use core::fmt;
use core::ptr::{null, null_mut};

pub use quota_service::{QuotaService, call_quota, open_stream};

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, message_size: usize) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        most: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_buffer_bytes(
        buffer: u32,
        start: usize,
        replaced: usize,
        data: *const u8,
        size: usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_close_stream(stream: u32) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_done() -> u32;
    fn proxy_grpc_send(token: u32, message: *const u8, message_size: usize, end: u32) -> u32;
    fn proxy_grpc_close(token: u32) -> u32;
    fn proxy_grpc_cancel(token: u32) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        argument: *const u8,
        argument_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn random_get(data: *mut u8, size: usize) -> u32;
    fn clock_time_get(clock: u32, precision: u64, time: *mut u64) -> u32;
}

/// What the host returned instead of OK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u32);

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "host status {}", self.0)
    }
}

impl Status {
    const OK: u32 = 0;
    const NOT_FOUND: u32 = 1;
    /// What the host handed over cannot be read.
    const UNREADABLE: Self = Self(4);

    const fn check(status: u32) -> Result<(), Self> {
        if status == Self::OK {
            Ok(())
        } else {
            Err(Self(status))
        }
    }
}

/// A message's headers.
#[derive(Debug, Clone, Copy)]
#[repr(u32)]
pub enum Map {
    /// Of the request.
    Request = 0,
    /// Of the answer.
    Response = 2,
}

/// Bytes that the host holds.
#[derive(Debug, Clone, Copy)]
#[repr(u32)]
pub enum Buffer {
    /// The request's body.
    Request = 0,
    /// The current chunk of the answer's body.
    Response = 1,
    /// The answer to a gRPC call.
    Grpc = 5,
    /// The plugin configuration.
    Configuration = 7,
}

/// A counter or gauge of the host's.
#[derive(Debug, Clone, Copy)]
pub struct MetricId(u32);

/// The logger: lines go to the host's log. (The SDK's own panics if that fails.)
pub struct HostLog;

impl log::Log for HostLog {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = match record.level() {
            log::Level::Trace => 0,
            log::Level::Debug => 1,
            log::Level::Info => 2,
            log::Level::Warn => 3,
            log::Level::Error => 4,
        };
        let line = record.args().to_string();
        // SAFETY: the pointer and length are those of a string that outlives the call; the host only reads it. Where even the
        // log fails, nothing can be done.
        unsafe { proxy_log(level, line.as_ptr(), line.len()) };
    }

    fn flush(&self) {}
}

/// Milliseconds since 1970; 0 if the host does not tell.
pub fn unix_ms() -> u64 {
    let mut nanoseconds = 0;
    // SAFETY: the host writes one u64 to a local that outlives the call.
    let status = unsafe { proxy_get_current_time_nanoseconds(&raw mut nanoseconds) };
    if status == Status::OK {
        nanoseconds / 1_000_000
    } else {
        0
    }
}

/// Milliseconds on a clock that only rises; 0 if the host does not tell.
pub fn monotonic_ms() -> u64 {
    const MONOTONIC: u32 = 1;
    let mut nanoseconds = 0;
    // SAFETY: the host writes one u64 to a local that outlives the call.
    let status = unsafe { clock_time_get(MONOTONIC, 0, &raw mut nanoseconds) };
    if status == Status::OK {
        nanoseconds / 1_000_000
    } else {
        0
    }
}

/// Random bytes.
pub fn random<const N: usize>() -> Result<[u8; N], Status> {
    let mut bytes = [0; N];
    // SAFETY: the host writes N bytes to a local of that size that outlives the call.
    Status::check(unsafe { random_get(bytes.as_mut_ptr(), N) })?;
    Ok(bytes)
}

/// Sets the time between ticks of the root context.
pub fn set_tick_ms(period_ms: u32) -> Result<(), Status> {
    // SAFETY: no pointers.
    Status::check(unsafe { proxy_set_tick_period_milliseconds(period_ms) })
}

/// Bytes `start..start + most` of a buffer, or as many of them as there are.
pub fn buffer(buffer: Buffer, start: usize, most: usize) -> Result<Vec<u8>, Status> {
    // SAFETY: `owned` passes two valid pointers.
    owned(|data, size| unsafe { proxy_get_buffer_bytes(buffer as u32, start, most, data, size) })
        .map(Option::unwrap_or_default)
}

/// Replaces the first `replaced` bytes of a buffer.
pub fn set_buffer_prefix(buffer: Buffer, replaced: usize, bytes: &[u8]) -> Result<(), Status> {
    // SAFETY: the pointer and length are those of a slice that outlives the call; the host only reads it.
    Status::check(unsafe {
        proxy_set_buffer_bytes(buffer as u32, 0, replaced, bytes.as_ptr(), bytes.len())
    })
}

/// All headers, in order, repeated ones repeated.
pub fn headers(map: Map) -> Result<Vec<(String, Vec<u8>)>, Status> {
    // SAFETY: `owned` passes two valid pointers.
    let bytes = owned(|data, size| unsafe { proxy_get_header_map_pairs(map as u32, data, size) })?
        .unwrap_or_default();
    pairs::decode(&bytes).ok_or(Status::UNREADABLE)
}

/// The status of the answer; `None` if it has none that can be read.
pub fn response_status() -> Option<u32> {
    const NAME: &str = ":status";
    // SAFETY: the name outlives the call, and `owned` passes two valid pointers.
    let value = owned(|data, size| unsafe {
        proxy_get_header_map_value(Map::Response as u32, NAME.as_ptr(), NAME.len(), data, size)
    });
    core::str::from_utf8(&value.ok()??).ok()?.parse().ok()
}

/// Sets a header, in place of all of that name.
pub fn set_header(map: Map, name: &str, value: &str) -> Result<(), Status> {
    // SAFETY: the pointers and lengths are those of strings that outlive the call; the host only reads them.
    Status::check(unsafe {
        proxy_replace_header_map_value(
            map as u32,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Removes every header of that name.
pub fn remove_header(map: Map, name: &str) -> Result<(), Status> {
    // SAFETY: the pointer and length are those of a string that outlives the call; the host only reads it.
    Status::check(unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
}

/// A property; `None` if there is none of that path.
pub fn property(path: &[&str]) -> Option<Vec<u8>> {
    let path = path.join("\0");
    // SAFETY: the path's pointer and length are those of a string that outlives the call; `owned` passes two valid pointers.
    owned(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
        .ok()
        .flatten()
}

/// Writes filter state `wasm.<name>`.
pub fn set_property(name: &str, value: &str) -> Result<(), Status> {
    // SAFETY: the pointers and lengths are those of strings that outlive the call; the host only reads them.
    Status::check(unsafe {
        proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// Lets the held request go on.
pub fn continue_request() -> Result<(), Status> {
    const REQUEST: u32 = 0;
    // SAFETY: no pointers.
    Status::check(unsafe { proxy_continue_stream(REQUEST) })
}

/// Cuts the answer of the context that the host acts for.
pub fn cut_answer() -> Result<(), Status> {
    const RESPONSE: u32 = 1;
    // SAFETY: no pointers.
    Status::check(unsafe { proxy_close_stream(RESPONSE) })
}

/// Answers the request here.
pub fn reply(
    status: u32,
    details: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Result<(), Status> {
    const NOT_GRPC: i32 = -1;
    let headers = pairs::encode(headers);
    // SAFETY: the pointers and lengths are those of values that outlive the call; the host only reads them.
    Status::check(unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NOT_GRPC,
        )
    })
}

/// Makes the host act for another context. The SDK's dispatcher does so before each gRPC answer, and panics if it fails.
pub fn set_effective_context(context: u32) -> Result<(), Status> {
    // SAFETY: no pointers.
    Status::check(unsafe { proxy_set_effective_context(context) })
}

/// Says that the context, which told the host to wait, is done.
pub fn done() -> Result<(), Status> {
    // SAFETY: no pointers.
    Status::check(unsafe { proxy_done() })
}

/// Forgets the route that was chosen for the request.
pub fn clear_route_cache() -> Result<(), Status> {
    const NAME: &str = "clear_route_cache";
    // SAFETY: the name outlives the call, the argument is empty, and `owned` passes two valid pointers.
    owned(|data, size| unsafe {
        proxy_call_foreign_function(NAME.as_ptr(), NAME.len(), null(), 0, data, size)
    })?;
    Ok(())
}

/// A counter of that name.
pub fn define_counter(name: &str) -> Result<MetricId, Status> {
    define_metric(0, name)
}

/// A gauge of that name.
pub fn define_gauge(name: &str) -> Result<MetricId, Status> {
    define_metric(1, name)
}

fn define_metric(kind: u32, name: &str) -> Result<MetricId, Status> {
    let mut id = 0;
    // SAFETY: the name outlives the call, and the host writes one u32 to a local that does.
    Status::check(unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(MetricId(id))
}

/// Adds to a counter, or to a gauge, which all workers share.
pub fn add(metric: MetricId, by: i64) -> Result<(), Status> {
    // SAFETY: no pointers.
    Status::check(unsafe { proxy_increment_metric(metric.0, by) })
}

/// Sends a message on a stream.
pub fn send_on_stream(token: u32, message: &[u8]) -> Result<(), Status> {
    const NOT_THE_LAST: u32 = 0;
    // SAFETY: the pointer and length are those of a slice that outlives the call; the host only reads it.
    Status::check(unsafe { proxy_grpc_send(token, message.as_ptr(), message.len(), NOT_THE_LAST) })
}

/// Ends this half of a stream: no more messages go out.
pub fn end_stream(token: u32) -> Result<(), Status> {
    // SAFETY: no pointers.
    Status::check(unsafe { proxy_grpc_close(token) })
}

/// Has the host forget a stream of which it has just told the end.
pub fn forget_stream(token: u32) -> Result<(), Status> {
    // SAFETY: no pointers.
    match unsafe { proxy_grpc_cancel(token) } {
        Status::NOT_FOUND => Ok(()),
        status => Status::check(status),
    }
}

/// Takes over bytes that the host allocated in this module's memory; `None` if there are none.
fn owned(get: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Option<Vec<u8>>, Status> {
    let mut data = null_mut();
    let mut size = 0;
    match get(&raw mut data, &raw mut size) {
        // SAFETY: the host allocated exactly `size` bytes by calling the SDK's `proxy_on_memory_allocate`, which makes a boxed
        // slice of that size in the global allocator, and gave them away.
        Status::OK if !data.is_null() => Ok(Some(unsafe { Vec::from_raw_parts(data, size, size) })),
        Status::OK | Status::NOT_FOUND => Ok(None),
        status => Err(Status(status)),
    }
}
