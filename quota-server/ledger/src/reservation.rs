//! A reservation: a lease on money, with a defined answer in every state.

use crate::bill::total;
use crate::grant::{self, GrantSlice};
use crate::offer::Offer;
use crate::refusal::Refusal;
use crate::time::UnixMs;
use ferry_types::{
    Amount, KeyId, Mode, Overflow, PrincipalName, RequestFacts, ReservationId, Settlement, Usage,
};
use std::sync::Arc;

/// Who made a reservation; nobody else may renew, settle or release it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The gateway deployment.
    pub principal: PrincipalName,
    /// The customer's key.
    pub key: KeyId,
}

/// A reservation as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Its id.
    pub id: ReservationId,
    /// Who made it.
    pub owner: Owner,
    /// The request; `None` if all that is known is its release.
    pub facts: Option<RequestFacts>,
    /// What it is priced by; `None` if it was never priced.
    pub offer: Option<Arc<Offer>>,
    /// What was granted; `None` if it was never reserved.
    pub hold: Option<Hold>,
    /// Where it stands.
    pub state: State,
}

/// What was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// When.
    pub granted_at: UnixMs,
    /// How much money. In shadow mode: what would have been.
    pub reserved: Amount,
    /// Output tokens per choice that were priced.
    pub output_tokens_max: u64,
    /// The limit is lower than what the client asked for, or it asked for none.
    pub clamped: bool,
    /// When the server may end it.
    pub lease_until: UnixMs,
    /// Used so far, by the last Renew; `None` if there was none.
    pub used: Option<Usage>,
    /// In shadow mode: the name of the refusal that it would have met; else empty.
    pub would_refuse: String,
    /// What of the money comes from grants, in the order of drawing; the rest is the balance's.
    pub grants: Vec<GrantSlice>,
}

/// Where a reservation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Its money is held.
    Open,
    /// It was charged for what was used.
    Settled(Box<Posting>),
    /// Nothing was sent to a provider.
    Released(Freed),
    /// Its lease ran out; charged by the last evidence, if there was any.
    Expired(Box<Posting>),
    /// A settle that is kept for a person to judge.
    Parked(Box<Settlement>),
}

/// A charge, with what it did to a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// What the gateway said; `None` if the charge is an expiry's.
    pub settlement: Option<Settlement>,
    /// What was charged for it.
    pub charge: Charge,
    /// How much of what was held was not needed.
    pub released: Amount,
    /// What is to be known about it.
    pub flags: Flags,
    /// When it was posted; of an adjusted one, when it was last adjusted.
    pub at: UnixMs,
    /// Where in the journal.
    pub seq: u64,
    /// Who settled it in the owner's place; `None` if the owner did, or its lease ran out.
    pub by: Option<PrincipalName>,
}

/// What was used, and what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// What is billed: the sum over the attempts, with estimates where nothing better was known.
    pub usage: Usage,
    /// What that comes to.
    pub priced: Amount,
    /// The part of it beyond what the request could have cost: not charged, left to a person.
    pub suspended: Amount,
    /// What the customer was charged; nothing in shadow mode.
    pub charged: Amount,
    /// What of that came from grants; the rest came from the balance.
    pub grants: Vec<GrantSlice>,
    /// The part of the price that was written off, by the tenant's overage policy.
    pub absorbed: Amount,
    /// What the provider takes, an attempt a line.
    pub costs: Vec<Amount>,
}

/// The end of a reservation of which nothing was sent to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freed {
    /// How much was held, or given back after an expiry had charged it.
    pub released: Amount,
    /// When.
    pub at: UnixMs,
    /// Where in the journal.
    pub seq: u64,
}

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
    /// It expired without a sign of life, and was released.
    Lifeless = 12,
    /// The usage is too large to be priced; the price stands at the most that can be stored.
    OutOfRange = 13,
    /// Better evidence replaced what was settled before.
    Adjusted = 14,
    /// Settled in the owner's place, by a principal that may.
    Recovered = 15,
}

/// A set of [`Flag`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u32);

/// A reservation's state without its numbers, as the wire names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateName {
    /// It was refused.
    Refused,
    /// Its money is held.
    Open,
    /// It was charged.
    Settled,
    /// Nothing was sent to a provider.
    Released,
    /// Its lease ran out.
    Expired,
}

/// A refusal that stands as long as its window does. Stored in a table of its own, outside the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Who asked.
    pub owner: Owner,
    /// Digest of the request's facts.
    pub facts_digest: [u8; 32],
    /// What was answered.
    pub refusal: Refusal,
    /// When.
    pub at: UnixMs,
}

impl Charge {
    /// What the request costs whoever pays: the tenant, or we in its place. Beyond what can be stored, the most that can.
    #[must_use]
    pub fn due(&self) -> Amount {
        self.charged.plus(self.absorbed).unwrap_or(Amount::MAX)
    }

    /// What the customer's balance was charged.
    ///
    /// # Errors
    /// [`Overflow`] if more came from grants than was charged, which cannot be.
    pub fn on_balance(&self) -> Result<Amount, Overflow> {
        let grants = grant::total(&self.grants)?;
        self.charged.minus(grants).ok_or(Overflow)
    }

    /// What the providers take altogether; beyond what can be stored, the most that can, and the posting is flagged.
    #[must_use]
    pub fn cost(&self) -> Amount {
        total(&self.costs).unwrap_or(Amount::MAX)
    }
}

impl Flag {
    /// Every flag, in the order of the stored bits.
    pub const ALL: [Self; 16] = [
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

impl Reservation {
    /// The money it holds now.
    #[must_use]
    pub fn held(&self) -> Amount {
        match self.state {
            State::Open => self.granted_amount(),
            State::Settled(_) | State::Released(_) | State::Expired(_) | State::Parked(_) => {
                Amount::ZERO
            }
        }
    }

    /// What it holds now of the balance.
    ///
    /// # Errors
    /// [`Overflow`] if more is held of grants than is held, which cannot be.
    pub fn held_on_balance(&self) -> Result<Amount, Overflow> {
        let grants = grant::total(self.held_of_grants())?;
        self.held().minus(grants).ok_or(Overflow)
    }

    /// What it holds now of grants.
    #[must_use]
    pub fn held_of_grants(&self) -> &[GrantSlice] {
        match (&self.state, &self.hold) {
            (State::Open, Some(hold)) => &hold.grants,
            (
                State::Open
                | State::Settled(_)
                | State::Released(_)
                | State::Expired(_)
                | State::Parked(_),
                _,
            ) => &[],
        }
    }

    /// What of its charge came from grants.
    #[must_use]
    pub fn charged_to_grants(&self) -> &[GrantSlice] {
        self.posting().map_or(&[], |posting| &posting.charge.grants)
    }

    /// What of its charge came from the balance.
    ///
    /// # Errors
    /// [`Overflow`] if it does not add up, which cannot be.
    pub fn charged_on_balance(&self) -> Result<Amount, Overflow> {
        let posting = self.posting();
        posting.map_or(Ok(Amount::ZERO), |posting| posting.charge.on_balance())
    }

    /// What was held for it while it was open.
    #[must_use]
    pub fn granted_amount(&self) -> Amount {
        match &self.hold {
            Some(hold) if !self.is_shadow() => hold.reserved,
            Some(_) | None => Amount::ZERO,
        }
    }

    /// What was charged for it so far.
    #[must_use]
    pub fn charged(&self) -> Amount {
        self.posting()
            .map_or(Amount::ZERO, |posting| posting.charge.charged)
    }

    /// Its charge, if it stands.
    #[must_use]
    pub fn posting(&self) -> Option<&Posting> {
        match &self.state {
            State::Settled(posting) | State::Expired(posting) => Some(posting),
            State::Open | State::Released(_) | State::Parked(_) => None,
        }
    }

    /// Whether it is decided and recorded only.
    #[must_use]
    pub fn is_shadow(&self) -> bool {
        self.facts
            .as_ref()
            .is_some_and(|facts| facts.mode == Mode::Shadow)
    }

    /// When the server may end it; `None` unless it is open.
    #[must_use]
    pub fn lease_until(&self) -> Option<UnixMs> {
        match self.state {
            State::Open => self.hold.as_ref().map(|hold| hold.lease_until),
            State::Settled(_) | State::Released(_) | State::Expired(_) | State::Parked(_) => None,
        }
    }
}

impl State {
    /// Its name on the wire. A parked settle has none of its own: to the gateway it is settled.
    #[must_use]
    pub const fn name(&self) -> StateName {
        match self {
            Self::Open => StateName::Open,
            Self::Settled(_) | Self::Parked(_) => StateName::Settled,
            Self::Released(_) => StateName::Released,
            Self::Expired(_) => StateName::Expired,
        }
    }
}

impl StateName {
    /// The stable name, as in records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Open => "open",
            Self::Settled => "settled",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }
}
