//! What a settle says was used, how that is known, and what it says of what served it.

use crate::request::Facts;

/// How a usage is known, from the worst to the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Guessed.
    Estimated,
    /// Said in a way that nobody can read.
    Unreadable,
    /// Counted on its way.
    Counted,
    /// Nothing was made.
    Nothing,
    /// Said by the provider.
    Reported,
}

impl Source {
    /// Every source, from the worst to the best.
    pub const ALL: [Self; 5] = [
        Self::Estimated,
        Self::Unreadable,
        Self::Counted,
        Self::Nothing,
        Self::Reported,
    ];
}

/// What a provider says that it served, beside what it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// Just that.
    AsSent,
    /// A model that nobody knows it by.
    OtherModel,
    /// In a tier that has no price.
    OtherTier,
    /// And it is a provider that nobody listed.
    OtherProvider,
}

/// What a settle says was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// How it is known.
    pub source: Source,
    /// Tokens of input.
    pub input: i64,
    /// Tokens of output.
    pub output: i64,
    /// What it says of the request.
    pub facts: Facts,
    /// What it says that it was served by.
    pub served: Served,
}

impl Evidence {
    /// Whether it replaces what was told before: it is of the same request at the same provider, and better known.
    pub(crate) fn is_better(self, told: Self) -> bool {
        let elsewhere = |evidence: Self| evidence.served == Served::OtherProvider;
        self.facts == told.facts && elsewhere(self) == elsewhere(told) && self.source > told.source
    }
}
