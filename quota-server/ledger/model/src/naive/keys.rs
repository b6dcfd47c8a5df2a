//! The customer's keys: which there are, and which of them may be used.

use super::Naive;
use crate::caller::Key;
use crate::order::{KeyOrder, KeyState};
use crate::told::Told;

/// The one reason to refuse that comes before any other, and that is not kept: there is no such key.
pub(super) const UNKNOWN_KEY: &str = "unknown_key";

/// A key as it was ordered, and as it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    order: KeyOrder,
    state: KeyState,
}

impl Known {
    /// One that may be used.
    pub(super) const fn new(order: KeyOrder) -> Self {
        Self {
            order,
            state: KeyState::Active,
        }
    }
}

impl Naive {
    /// Whether it has a key, of whatever state.
    #[must_use]
    pub fn has_key(&self, key: Key) -> bool {
        self.keys.contains_key(&key)
    }

    pub(super) fn issue_key(&mut self, order: KeyOrder) -> Told {
        match self.keys.get(&order.key) {
            Some(known) if known.order != order => Told::Conflict,
            Some(_) => self.unchanged(),
            None => {
                self.keys.insert(order.key, Known::new(order));
                self.changed()
            }
        }
    }

    /// A revoked key stays revoked.
    pub(super) fn set_key(&mut self, key: Key, to: KeyState) -> Told {
        match self.keys.get_mut(&key) {
            None => Told::UnknownKey,
            Some(known) if known.state == to => self.unchanged(),
            Some(known) if known.state == KeyState::Revoked => Told::Revoked,
            Some(known) => {
                known.state = to;
                self.changed()
            }
        }
    }

    /// Why nothing new goes on with this key, whatever it is. What goes on already ends as it would have.
    pub(super) fn key_refusal(&self, key: Key) -> Option<&'static str> {
        let Some(known) = self.keys.get(&key) else {
            return Some(UNKNOWN_KEY);
        };
        let is_over = known.order.ends_ms.is_some_and(|end| end <= self.now);
        match known.state {
            KeyState::Revoked => Some("key_revoked"),
            KeyState::Active | KeyState::Paused if is_over => Some("key_expired"),
            KeyState::Paused => Some("key_paused"),
            KeyState::Active => None,
        }
    }
}
