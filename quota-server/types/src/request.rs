//! A request as the filter measured it: counts and names, never text.

use alloc::string::String;

/// What is asked of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`.
    ChatCompletions,
}

impl Endpoint {
    /// The stable name, as in records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
        }
    }
}

/// Whether a decision binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Decide, hold, refuse.
    Enforce,
    /// Decide and record: nothing is held or charged. What would be refused is granted, and recorded as that; what cannot be recorded
    /// is refused in this mode too.
    Shadow,
}

impl Mode {
    /// The stable name, as in settings and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
        }
    }
}

/// Most bytes in one attribution tag.
pub const TAG_BYTES_MAX: usize = 64;

/// What the customer says about a request, for its record. An empty tag is one that was not sent.
#[derive(Clone, Debug, Default, Eq)]
pub struct Tags {
    /// `x-ferry-feature`.
    pub feature: String,
    /// `x-ferry-environment`.
    pub environment: String,
    /// `x-ferry-end-user`.
    pub end_user: String,
    /// `x-ferry-session`.
    pub session: String,
    /// `x-ferry-agent`.
    pub agent: String,
}

impl Tags {
    /// Whether none was sent.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        let Self {
            feature,
            environment,
            end_user,
            session,
            agent,
        } = self;
        feature.is_empty()
            && environment.is_empty()
            && end_user.is_empty()
            && session.is_empty()
            && agent.is_empty()
    }
}

impl PartialEq for Tags {
    /// Most requests have none, and an empty text lies nowhere: comparing the bytes of two takes some processors eighty nanoseconds.
    fn eq(&self, other: &Self) -> bool {
        let same =
            |one: &str, other: &str| one.len() == other.len() && (one.is_empty() || one == other);
        let Self {
            feature,
            environment,
            end_user,
            session,
            agent,
        } = self;
        same(feature, &other.feature)
            && same(environment, &other.environment)
            && same(end_user, &other.end_user)
            && same(session, &other.session)
            && same(agent, &other.agent)
    }
}

/// A request as the filter measured it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestFacts {
    /// What is asked of the provider.
    pub endpoint: Endpoint,
    /// The model, as the client named it.
    pub model: String,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Upper bound of the input's tokens, as far as the filter can see the input.
    pub input_tokens_max: u64,
    /// What the input will probably count.
    pub input_tokens_estimate: u64,
    /// There is input that the filter cannot measure: the bound is the model's maximum.
    pub input_unbounded: bool,
    /// The limit that the client set, per choice.
    pub output_tokens_max: Option<u64>,
    /// Choices asked for, at least 1.
    pub choices: u32,
    /// Audio output was asked for.
    pub output_audio: bool,
    /// As the client wrote it; empty if it did not.
    pub service_tier: String,
    /// Name of Envoy's route.
    pub route: String,
    /// Whether the decision binds.
    pub mode: Mode,
    /// Attribution tags.
    pub tags: Tags,
    /// SHA-256 over the client's idempotency key.
    pub idempotency_key_digest: Option<[u8; 32]>,
    /// Admitted while the quota server could not be reached.
    pub admitted_offline: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_counts() {
        let none = Tags::default();
        let field: [fn(&mut Tags) -> &mut String; 5] = [
            |tags| &mut tags.feature,
            |tags| &mut tags.environment,
            |tags| &mut tags.end_user,
            |tags| &mut tags.session,
            |tags| &mut tags.agent,
        ];
        assert!(none.is_empty() && none == Tags::default());
        for field in field {
            let with = |text: &str| {
                let mut tags = Tags::default();
                field(&mut tags).push_str(text);
                tags
            };
            let search = with("search");
            assert!(!search.is_empty());
            assert_eq!(search, with("search"));
            for other in [&none, &with("report"), &with("searching")] {
                assert_ne!(&search, other);
                assert_ne!(other, &search);
            }
        }
    }
}
