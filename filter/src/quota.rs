//! Calls to the quota server: on one stream that stays open while there is one, else each by itself.
//!
//! A call on the stream is a message; a call by itself makes Envoy build and tear down a request of its own. The stream is opened
//! by the root context, which alone hears its answers, and is used once the server has accepted it: a server that is away, or too
//! old for it, is asked call by call. A stream that ends fails what waits on it, which may have been carried out or not; one on
//! which a call was not answered in time gets no more calls.
//!
//! Invariant: each call that was sent is answered once, if only with a failure.

use core::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use ferry_filter_core::converse;

use crate::asker::Asker;
use crate::host::{self, QuotaService};

/// How long after a stream ended, or could not be had, the next one is tried.
const OPEN_AGAIN_MS: u64 = 1_000;

/// A call to make.
pub struct Ask<'a> {
    /// Method of the quota service.
    pub method: &'static str,
    /// The encoded request.
    pub message: &'a [u8],
    /// How long it may take.
    pub timeout_ms: u32,
}

/// The quota server, as one worker asks it.
pub struct Quota {
    service: QuotaService,
    calls: RefCell<Calls>,
}

#[derive(Default)]
struct Calls {
    stream: Stream,
    /// The number of the last call on a stream.
    last: u64,
    on_stream: BTreeMap<u64, Waiting>,
    /// When calls on a stream are overdue, and their numbers.
    deadlines: BTreeSet<(u64, u64)>,
    alone: BTreeMap<u32, Asker>,
}

/// The stream for new calls.
enum Stream {
    /// There is none, and none is tried before this time.
    None {
        until_ms: u64,
    },
    /// The server has not accepted it yet.
    Opening(u32),
    Open(u32),
}

impl Default for Stream {
    fn default() -> Self {
        Self::None { until_ms: 0 }
    }
}

/// A call on a stream, without an answer so far.
struct Waiting {
    asker: Asker,
    token: u32,
    deadline_ms: u64,
}

impl Quota {
    /// Behind this cluster.
    pub fn new(cluster: &str) -> Self {
        Self {
            service: QuotaService::new(cluster),
            calls: RefCell::default(),
        }
    }

    /// Makes a call. One that cannot be sent gives its asker back.
    pub fn ask(&self, asker: Asker, ask: &Ask<'_>, now_ms: u64) -> Result<(), Asker> {
        let Ok(mut calls) = self.calls.try_borrow_mut() else {
            return Err(asker);
        };
        if let Some(token) = calls.stream.open()
            && let Some(message) = converse::request(
                calls.last.saturating_add(1),
                ask.method,
                ask.timeout_ms,
                ask.message,
            )
            && host::send_on_stream(token, &message).is_ok()
        {
            calls.sent(asker, token, now_ms.saturating_add(ask.timeout_ms.into()));
            return Ok(());
        }
        match host::call_quota(&self.service, ask.method, ask.message, ask.timeout_ms) {
            Ok(token) => {
                calls.alone.insert(token, asker);
                Ok(())
            }
            Err(_) => Err(asker),
        }
    }

    /// Whose call, made by itself, was answered.
    pub fn answered_alone(&self, token: u32) -> Option<Asker> {
        self.calls.try_borrow_mut().ok()?.alone.remove(&token)
    }

    /// Whose call was answered on a stream, and how. `None` if nobody's: it was too late, or says that the server will stop.
    pub fn answered<'a>(
        &self,
        token: u32,
        message: &'a [u8],
    ) -> Option<(Asker, Result<&'a [u8], u32>)> {
        let response = converse::response(message)?;
        let mut calls = self.calls.try_borrow_mut().ok()?;
        if response.call == 0 {
            calls.retire(token, 0);
            return None;
        }
        let asker = calls.take(response.call)?;
        Some((asker, response.result))
    }

    /// When something has to be done here by itself.
    pub fn due_at(&self) -> Option<u64> {
        let calls = self.calls.try_borrow().ok()?;
        let overdue = calls.deadlines.first().map(|(deadline_ms, _)| *deadline_ms);
        let open = match calls.stream {
            Stream::None { until_ms } => Some(until_ms),
            Stream::Opening(_) | Stream::Open(_) => None,
        };
        [overdue, open].into_iter().flatten().min()
    }

    /// Opens a stream, if there is none and it is time. Only the root context may do so.
    pub fn open(&self, now_ms: u64) {
        let Ok(mut calls) = self.calls.try_borrow_mut() else {
            return;
        };
        if let Stream::None { until_ms } = calls.stream
            && until_ms <= now_ms
        {
            calls.stream = match host::open_stream(&self.service, converse::METHOD) {
                Ok(token) => Stream::Opening(token),
                Err(_) => Stream::again(now_ms),
            };
        }
    }

    /// The server has accepted a stream.
    pub fn accepted(&self, token: u32) {
        if let Ok(mut calls) = self.calls.try_borrow_mut()
            && matches!(calls.stream, Stream::Opening(opening) if opening == token)
        {
            calls.stream = Stream::Open(token);
        }
    }

    /// Whose calls got no answer: their stream has ended.
    pub fn ended(&self, token: u32, now_ms: u64) -> Vec<Asker> {
        let Ok(mut calls) = self.calls.try_borrow_mut() else {
            return Vec::new();
        };
        if calls.stream.is(token) {
            calls.stream = Stream::again(now_ms);
        }
        let lost: Vec<u64> = calls
            .on_stream
            .iter()
            .filter(|(_, waiting)| waiting.token == token)
            .map(|(call, _)| *call)
            .collect();
        lost.into_iter()
            .filter_map(|call| calls.take(call))
            .collect()
    }

    /// Whose calls were not answered in time.
    pub fn overdue(&self, now_ms: u64) -> Vec<Asker> {
        let mut overdue = Vec::new();
        let Ok(mut calls) = self.calls.try_borrow_mut() else {
            return overdue;
        };
        while let Some((deadline_ms, call)) = calls.deadlines.first().copied()
            && deadline_ms <= now_ms
        {
            calls.deadlines.remove(&(deadline_ms, call));
            if let Some(waiting) = calls.on_stream.remove(&call) {
                calls.retire(waiting.token, now_ms);
                overdue.push(waiting.asker);
            }
        }
        overdue
    }
}

impl Calls {
    fn sent(&mut self, asker: Asker, token: u32, deadline_ms: u64) {
        self.last = self.last.saturating_add(1);
        self.deadlines.insert((deadline_ms, self.last));
        let waiting = Waiting {
            asker,
            token,
            deadline_ms,
        };
        self.on_stream.insert(self.last, waiting);
    }

    fn take(&mut self, call: u64) -> Option<Asker> {
        let waiting = self.on_stream.remove(&call)?;
        self.deadlines.remove(&(waiting.deadline_ms, call));
        Some(waiting.asker)
    }

    /// No more calls on this stream; what waits on it may still be answered.
    fn retire(&mut self, token: u32, until_ms: u64) {
        if self.stream.is(token) {
            self.stream = Stream::None { until_ms };
            if let Err(status) = host::end_stream(token) {
                log::warn!("failed to end a stream to the quota server: {status}");
            }
        }
    }
}

impl Stream {
    const fn again(now_ms: u64) -> Self {
        Self::None {
            until_ms: now_ms.saturating_add(OPEN_AGAIN_MS),
        }
    }

    const fn open(&self) -> Option<u32> {
        match self {
            Self::Open(token) => Some(*token),
            Self::None { .. } | Self::Opening(_) => None,
        }
    }

    const fn is(&self, token: u32) -> bool {
        match self {
            Self::Open(known) | Self::Opening(known) => *known == token,
            Self::None { .. } => false,
        }
    }
}
