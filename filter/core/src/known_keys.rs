//! Keys that this worker saw granted lately: who may go on while the quota server does not answer.
//!
//! Caps are in tokens, for one key and for the worker, and count from the last time that the server answered. Bounded in keys
//! and in models a key; what does not fit is not known, and so is not admitted.

use ferry_api::v1::Candidate;
use hashbrown::HashMap;

use crate::config::AdmitKnown;

/// Most keys that are remembered by a worker, about 300 bytes each.
const KEYS_MAX: usize = 10_000;
/// Most models that are remembered of a key.
const MODELS_MAX: usize = 16;

/// A key's digest.
type Digest = Vec<u8>;

struct Known {
    tenant_id: String,
    granted_ms: u64,
    tokens: u64,
    models: Vec<(String, Candidate)>,
}

/// The keys that this worker saw granted.
#[derive(Default)]
pub struct KnownKeys {
    keys: HashMap<Digest, Known>,
    tokens: u64,
}

/// Where an admitted request goes, and for whom.
#[derive(Debug, Clone, PartialEq)]
pub struct OfflineGrant {
    /// As the last grant told it.
    pub tenant_id: String,
    /// As the last grant of this model told it.
    pub candidate: Candidate,
}

impl KnownKeys {
    /// The server granted a request. It answers again, so that both caps begin anew.
    pub fn granted(
        &mut self,
        digest: &[u8],
        tenant_id: &str,
        model: &str,
        candidate: &Candidate,
        now_ms: u64,
    ) {
        self.tokens = 0;
        if self.keys.len() >= KEYS_MAX && !self.keys.contains_key(digest) {
            self.make_room();
        }
        let known = self.keys.entry(digest.to_vec()).or_insert_with(|| Known {
            tenant_id: String::new(),
            granted_ms: now_ms,
            tokens: 0,
            models: Vec::new(),
        });
        known.granted_ms = now_ms;
        known.tokens = 0;
        if known.tenant_id != tenant_id {
            tenant_id.clone_into(&mut known.tenant_id);
        }
        if let Some((_, last)) = known.models.iter_mut().find(|(name, _)| name == model) {
            if last != candidate {
                last.clone_from(candidate);
            }
        } else if known.models.len() < MODELS_MAX {
            known.models.push((model.to_owned(), candidate.clone()));
        }
    }

    /// The server refused the key something: it vouches for it no more.
    pub fn refused(&mut self, digest: &[u8]) {
        self.tokens = 0;
        self.keys.remove(digest);
    }

    /// The tenant of a key, as far as it is known.
    #[must_use]
    pub fn tenant_id(&self, digest: &[u8]) -> &str {
        self.keys
            .get(digest)
            .map_or("", |known| known.tenant_id.as_str())
    }

    /// Admits a request that can use `tokens`, if the key is known and both caps have room.
    pub fn admit(
        &mut self,
        digest: &[u8],
        model: &str,
        tokens: u64,
        caps: &AdmitKnown,
        now_ms: u64,
    ) -> Option<OfflineGrant> {
        let known = self.keys.get_mut(digest)?;
        let age_ms = now_ms.saturating_sub(known.granted_ms);
        if age_ms > caps.known_for_s.saturating_mul(1_000) {
            return None;
        }
        let (_, candidate) = known.models.iter().find(|(name, _)| name == model)?;
        let of_key = known
            .tokens
            .checked_add(tokens)
            .filter(|sum| *sum <= caps.tokens_per_key)?;
        let of_worker = self
            .tokens
            .checked_add(tokens)
            .filter(|sum| *sum <= caps.tokens_per_worker)?;
        known.tokens = of_key;
        self.tokens = of_worker;
        Some(OfflineGrant {
            tenant_id: known.tenant_id.clone(),
            candidate: candidate.clone(),
        })
    }

    /// Forgets the older half: rare, and in one pass.
    fn make_room(&mut self) {
        let mut times: Vec<u64> = self.keys.values().map(|known| known.granted_ms).collect();
        times.sort_unstable();
        let middle = times.get(times.len() / 2).copied().unwrap_or(u64::MAX);
        self.keys.retain(|_, known| known.granted_ms > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPS: AdmitKnown = AdmitKnown {
        known_for_s: 60,
        tokens_per_key: 100,
        tokens_per_worker: 150,
    };

    fn candidate() -> Candidate {
        Candidate {
            provider: "openai".into(),
            model: "m-1".into(),
            output_limit_field: "max_tokens".into(),
        }
    }

    fn known() -> KnownKeys {
        let mut keys = KnownKeys::default();
        keys.granted(b"a", "acme", "m", &candidate(), 1_000);
        keys.granted(b"b", "acme", "m", &candidate(), 1_000);
        keys
    }

    #[test]
    fn only_a_known_key_on_a_known_model_within_its_time() {
        let admitted = OfflineGrant {
            tenant_id: "acme".into(),
            candidate: candidate(),
        };
        assert_eq!(known().admit(b"a", "m", 1, &CAPS, 61_000), Some(admitted));
        assert_eq!(known().admit(b"a", "m", 1, &CAPS, 61_001), None);
        assert_eq!(known().admit(b"a", "other", 1, &CAPS, 1_000), None);
        assert_eq!(known().admit(b"c", "m", 1, &CAPS, 1_000), None);
        let mut keys = known();
        keys.refused(b"a");
        assert_eq!(keys.admit(b"a", "m", 1, &CAPS, 1_000), None);
    }

    #[test]
    fn caps_hold_for_a_key_and_for_the_worker_and_begin_anew_with_an_answer() {
        let mut keys = known();
        assert!(keys.admit(b"a", "m", 100, &CAPS, 1_000).is_some());
        assert!(keys.admit(b"a", "m", 1, &CAPS, 1_000).is_none());
        assert!(keys.admit(b"b", "m", 51, &CAPS, 1_000).is_none());
        assert!(keys.admit(b"b", "m", 50, &CAPS, 1_000).is_some());
        assert!(keys.admit(b"b", "m", u64::MAX, &CAPS, 1_000).is_none());
        keys.granted(b"a", "acme", "m", &candidate(), 2_000);
        assert!(keys.admit(b"a", "m", 100, &CAPS, 2_000).is_some());
    }

    #[test]
    fn memory_is_bounded() {
        let mut keys = KnownKeys::default();
        for number in 0..25_000u64 {
            keys.granted(&number.to_be_bytes(), "t", "m", &candidate(), number);
        }
        assert!(keys.keys.len() <= KEYS_MAX);
        assert!(
            keys.admit(&24_999u64.to_be_bytes(), "m", 1, &CAPS, 24_999)
                .is_some()
        );
        for number in 0..100 {
            keys.granted(b"one", "t", &number.to_string(), &candidate(), 1);
        }
        assert_eq!(keys.keys[b"one".as_slice()].models.len(), MODELS_MAX);
    }
}
