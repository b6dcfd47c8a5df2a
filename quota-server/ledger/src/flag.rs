//! What is to be known about a posting: a set of flags, stored as bits.

/// Something to be known about a posting. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// No Reserve was seen: nothing was held.
    Unreserved = 0,
    /// Its Reserve had been refused.
    AfterRefusal = 1,
    /// It had been released.
    AfterRelease = 2,
    /// It had expired.
    AfterExpiry = 3,
    /// More than what was held.
    Overrun = 4,
    /// A part went to suspense.
    Suspended = 5,
    /// Not all of the usage is the provider's own number.
    Provisional = 6,
    /// No price is known: nothing was charged.
    Unpriced = 7,
    /// An attempt names a provider that the offer does not list.
    UnknownProvider = 8,
    /// The settle's facts are not those that were reserved; these were priced.
    OtherFacts = 9,
    /// Decided and recorded only.
    Shadow = 10,
    /// Admitted while the quota server could not be reached.
    Offline = 11,
    /// It expired without a sign of life: released, or charged without evidence, as its offer says.
    Lifeless = 12,
    /// The usage is too large to be priced; the price stands at the most that can be stored.
    OutOfRange = 13,
    /// Better evidence replaced what was settled before.
    Adjusted = 14,
    /// Settled in the owner's place, by a principal that may.
    Recovered = 15,
    /// A person decided that it is not charged.
    Discarded = 16,
    /// The provider says that it served a model that nobody knows it by; the candidate that was sent was priced.
    UnknownModel = 17,
    /// The provider says that it served a tier that has no price; the candidate that was sent was priced.
    UnknownTier = 18,
}

/// A set of [`Flag`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u32);

impl Flag {
    /// Every flag, in the order of the stored bits.
    pub const ALL: [Self; 19] = [
        Self::Unreserved,
        Self::AfterRefusal,
        Self::AfterRelease,
        Self::AfterExpiry,
        Self::Overrun,
        Self::Suspended,
        Self::Provisional,
        Self::Unpriced,
        Self::UnknownProvider,
        Self::OtherFacts,
        Self::Shadow,
        Self::Offline,
        Self::Lifeless,
        Self::OutOfRange,
        Self::Adjusted,
        Self::Recovered,
        Self::Discarded,
        Self::UnknownModel,
        Self::UnknownTier,
    ];

    /// The stable name, as in records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreserved => "unreserved",
            Self::AfterRefusal => "after_refusal",
            Self::AfterRelease => "after_release",
            Self::AfterExpiry => "after_expiry",
            Self::Overrun => "overrun",
            Self::Suspended => "suspended",
            Self::Provisional => "provisional",
            Self::Unpriced => "unpriced",
            Self::UnknownProvider => "unknown_provider",
            Self::OtherFacts => "other_facts",
            Self::Shadow => "shadow",
            Self::Offline => "offline",
            Self::Lifeless => "lifeless",
            Self::OutOfRange => "out_of_range",
            Self::Adjusted => "adjusted",
            Self::Recovered => "recovered",
            Self::Discarded => "discarded",
            Self::UnknownModel => "unknown_model",
            Self::UnknownTier => "unknown_tier",
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);

    /// The stored bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// From stored bits; `None` if one of them is no flag.
    #[must_use]
    pub fn from_bits(bits: u32) -> Option<Self> {
        let known = Flag::ALL.iter().fold(0, |all, flag| all | flag.bit());
        (bits & !known == 0).then_some(Self(bits))
    }

    /// With this flag.
    #[must_use]
    pub const fn with(self, flag: Flag) -> Self {
        Self(self.0 | flag.bit())
    }

    /// With this flag, if `set`.
    #[must_use]
    pub const fn with_if(self, set: bool, flag: Flag) -> Self {
        if set { self.with(flag) } else { self }
    }

    /// With the flags of another set.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// With those flags of an earlier posting that tell where the reservation came from.
    #[must_use]
    pub const fn and_history_of(self, earlier: Self) -> Self {
        let history = Self::NONE
            .with(Flag::Unreserved)
            .with(Flag::AfterRefusal)
            .with(Flag::AfterRelease)
            .with(Flag::AfterExpiry)
            .with(Flag::Lifeless)
            .with(Flag::Adjusted);
        Self(self.0 | (earlier.0 & history.0))
    }

    /// Whether this flag is set.
    #[must_use]
    pub const fn has(self, flag: Flag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// The flags that are set.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL.into_iter().filter(move |flag| self.has(*flag))
    }
}
