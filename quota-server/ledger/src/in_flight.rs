//! Requests in flight: of those that come under one idempotency key, one at a time goes on.
//!
//! The key counts within the customer's key that it came with. It is taken from the grant to the end of the reservation, however
//! that ends; then it is free. No answer is kept. Shadow mode takes no key and minds none.

use crate::book::Book;
use crate::command::Reserve;
use crate::reservation::{Owner, Reservation, State};
use crate::sizing::binds;
use ferry_types::{KeyId, RequestFacts};

/// A client's idempotency key, where it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotencyKey<'a> {
    /// The customer's key that it came with.
    pub key: &'a KeyId,
    /// Its digest.
    pub digest: &'a [u8; 32],
}

impl<'a> IdempotencyKey<'a> {
    fn of(owner: &'a Owner, facts: &'a RequestFacts) -> Option<Self> {
        let digest = facts.idempotency_key_digest.as_ref()?;
        binds(facts).then_some(Self {
            key: &owner.key,
            digest,
        })
    }
}

impl Reserve {
    /// What it would take; `None` if it takes no idempotency key.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<IdempotencyKey<'_>> {
        IdempotencyKey::of(&self.owner, &self.facts)
    }
}

impl Reservation {
    /// What it takes now; `None` if it takes no idempotency key, or has ended.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<IdempotencyKey<'_>> {
        match self.state {
            State::Open => IdempotencyKey::of(&self.owner, self.facts.as_ref()?),
            State::Settled(_) | State::Released(_) | State::Expired(_) | State::Parked(_) => None,
        }
    }
}

impl Book {
    /// Whether a reservation takes this idempotency key now. No index is kept: those in view are a batch's, a few hundred.
    pub(crate) fn is_in_flight(&self, asked: IdempotencyKey<'_>) -> bool {
        let mut rows = self.reservations.values();
        rows.any(|row| row.idempotency_key() == Some(asked))
    }
}
