//! The queue of one kind of item, and its backoff.

use std::collections::VecDeque;

use crate::config::Limits;

/// Wait after the first failed call; doubled after each further one.
const BACKOFF_FIRST_MS: u64 = 100;
/// Longest wait between calls: what a server that is back must wait for its settlements.
const BACKOFF_MOST_MS: u64 = 5_000;
/// How long an item waits that the server could not take just now, while it took others.
const ITEM_RETRY_MS: u64 = 1_000;

/// An item that waits or is under way.
#[derive(Debug, Clone)]
pub(super) struct Entry<T> {
    pub item: T,
    ready_ms: u64,
    /// To be sent in a call of its own: a batch with it could not be read.
    alone: bool,
}

/// Items of one kind.
pub(super) struct Lane<T> {
    waiting: VecDeque<Entry<T>>,
    /// Items put off; the delay is constant, so the order is that of their time.
    later: VecDeque<Entry<T>>,
    in_flight: usize,
    failures: u32,
    not_before_ms: u64,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            later: VecDeque::new(),
            in_flight: 0,
            failures: 0,
            not_before_ms: 0,
        }
    }
}

impl<T> Lane<T> {
    pub fn push(&mut self, item: T, ready_ms: u64) {
        self.waiting.push_back(Entry {
            item,
            ready_ms,
            alone: false,
        });
    }

    pub fn due_at(&self, limits: &Limits) -> Option<u64> {
        if self.in_flight >= limits.calls_in_flight {
            return None;
        }
        let front = self.waiting.front().map(|entry| entry.ready_ms);
        let full = (self.waiting.len() >= limits.batch_items).then_some(0);
        let later = self.later.front().map(|entry| entry.ready_ms);
        let earliest = [full.or(front), later].into_iter().flatten().min()?;
        Some(earliest.max(self.not_before_ms))
    }

    /// The next batch that is due, which counts as under way from now on.
    pub fn take_due(&mut self, limits: &Limits, now_ms: u64) -> Option<Vec<Entry<T>>> {
        if self.in_flight >= limits.calls_in_flight || now_ms < self.not_before_ms {
            return None;
        }
        while self
            .later
            .front()
            .is_some_and(|entry| entry.ready_ms <= now_ms)
        {
            self.waiting.extend(self.later.pop_front());
        }
        let front = self.waiting.front()?;
        if front.ready_ms > now_ms && self.waiting.len() < limits.batch_items {
            return None;
        }
        let count = if front.alone {
            1
        } else {
            self.waiting
                .iter()
                .take(limits.batch_items)
                .take_while(|entry| !entry.alone)
                .count()
        };
        self.in_flight = self.in_flight.saturating_add(1);
        Some(self.waiting.drain(..count).collect())
    }

    /// The call went through; each of its items has its own answer.
    pub fn succeeded(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.failures = 0;
    }

    /// The call failed: its items wait again, in their old place, until the backoff is over.
    pub fn failed(&mut self, entries: Vec<Entry<T>>, now_ms: u64, random: u64) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.not_before_ms = now_ms.saturating_add(backoff_ms(self.failures, random));
        self.failures = self.failures.saturating_add(1);
        for entry in entries.into_iter().rev() {
            self.waiting.push_front(entry);
        }
    }

    /// The server could not read the call: one of its items is to blame, so each goes alone. An item that was alone is returned.
    pub fn unreadable(&mut self, entries: Vec<Entry<T>>) -> Option<T> {
        self.in_flight = self.in_flight.saturating_sub(1);
        if entries.len() <= 1 {
            return entries.into_iter().next().map(|entry| entry.item);
        }
        for entry in entries.into_iter().rev() {
            self.waiting.push_front(Entry {
                alone: true,
                ..entry
            });
        }
        None
    }

    /// The server could not take this item just now.
    pub fn put_off(&mut self, entry: Entry<T>, now_ms: u64) {
        self.later.push_back(Entry {
            ready_ms: now_ms.saturating_add(ITEM_RETRY_MS),
            ..entry
        });
    }
}

/// Exponential, with the upper half random, so that gateways do not come back all at once.
pub(super) fn backoff_ms(failures: u32, random: u64) -> u64 {
    let doubled = BACKOFF_FIRST_MS
        .checked_shl(failures.min(16))
        .unwrap_or(BACKOFF_MOST_MS);
    let half = doubled.min(BACKOFF_MOST_MS) / 2;
    half.saturating_add(random.checked_rem(half.saturating_add(1)).unwrap_or(0))
}
