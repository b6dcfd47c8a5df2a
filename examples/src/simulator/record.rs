//! What the simulator has been sent, and how each exchange ended.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::bail;
use axum::body::Bytes;
use axum::http::request::Parts;
use tokio::sync::watch;

/// Enough for any test; at a few KB each some 30 MB.
const KEPT: usize = 10_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    number: u64,
    /// Its method.
    pub method: String,
    /// Its path with its query.
    pub path: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
    /// How the exchange ended, or that it has not.
    pub end: End,
}

impl Seen {
    /// The first header of this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It goes on.
    Open,
    /// The whole answer was given.
    Complete,
    /// The script broke it.
    Broken,
    /// The other side went away.
    Gone,
}

#[derive(Debug, Clone)]
pub(super) struct Record(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    count: u64,
    kept: usize,
    requests: VecDeque<Seen>,
}

impl Default for Record {
    fn default() -> Self {
        Self(Arc::new(Inner {
            state: Mutex::new(State {
                count: 0,
                kept: KEPT,
                requests: VecDeque::new(),
            }),
            changed: watch::Sender::new(()),
        }))
    }
}

impl Record {
    /// Notes a request's arrival.
    pub fn enter(&self, parts: &Parts, body: Bytes) -> Entry {
        let mut state = self.0.state();
        let number = state.count;
        state.count += 1;
        if state.kept > 0 {
            if state.requests.len() >= state.kept {
                state.requests.pop_front();
            }
            state.requests.push_back(seen(number, parts, body));
        }
        drop(state);
        self.0.changed.send_replace(());
        Entry {
            record: self.clone(),
            number,
            ended: false,
        }
    }

    pub fn count(&self) -> u64 {
        self.0.state().count
    }

    pub fn requests(&self) -> Vec<Seen> {
        self.0.state().requests.iter().cloned().collect()
    }

    pub fn keep(&self, requests: usize) {
        let mut state = self.0.state();
        state.kept = requests;
        state.requests.truncate(requests);
    }

    pub fn clear(&self) {
        self.0.state().requests.clear();
    }

    pub async fn until(&self, holds: impl Fn(&[Seen]) -> bool) -> anyhow::Result<()> {
        let mut changed = self.0.changed.subscribe();
        let wait = changed.wait_for(|()| holds(self.0.state().requests.make_contiguous()));
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            bail!(
                "the provider was not asked as expected: {:#?}",
                self.requests()
            );
        }
        Ok(())
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poison| poison.into_inner())
    }
}

/// One exchange. Dropped without an end, the other side went away.
#[derive(Debug)]
pub(super) struct Entry {
    record: Record,
    number: u64,
    ended: bool,
}

impl Entry {
    pub fn end(mut self, end: End) {
        self.note(end);
    }

    fn note(&mut self, end: End) {
        self.ended = true;
        let mut state = self.record.0.state();
        // The last ones are asked for most.
        let found = state
            .requests
            .iter_mut()
            .rev()
            .find(|seen| seen.number == self.number);
        if let Some(seen) = found {
            seen.end = end;
        }
        drop(state);
        self.record.0.changed.send_replace(());
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.ended {
            self.note(End::Gone);
        }
    }
}

fn seen(number: u64, parts: &Parts, body: Bytes) -> Seen {
    let headers = parts.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.as_str().to_owned(), value.into_owned())
    });
    Seen {
        number,
        method: parts.method.to_string(),
        path: parts.uri.to_string(),
        headers: headers.collect(),
        body,
        end: End::Open,
    }
}
