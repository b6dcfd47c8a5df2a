//! A reservation: a lease on money, with a defined answer in every state.

use crate::bill::total;
use crate::event::ParkedAfter;
use crate::flag::{Flag, Flags};
use crate::grant::{self, GrantSlice};
use crate::limit::counter::Counted;
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
    /// Where it counts, in the windows that it came in.
    pub counted: Vec<Counted>,
}

/// What was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// When.
    pub granted_at: UnixMs,
    /// Where in the journal.
    pub seq: u64,
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
    /// What was granted first, if a target has raised it since.
    pub first: Option<First>,
}

/// What was granted before any target raised it: what the same Reserve is told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct First {
    /// How much money.
    pub reserved: Amount,
    /// Output tokens per choice that were priced.
    pub output_tokens_max: u64,
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
    Parked(Box<ParkedSettlement>),
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
    /// What stands of it since a person corrected it; `None` if nobody did.
    pub standing: Option<Box<Standing>>,
}

/// What stands of a charge after corrections. No evidence replaces it any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What the balance has paid for it.
    pub on_balance: Amount,
    /// What grants have paid for it, in the order of drawing.
    pub grants: Vec<GrantSlice>,
    /// What of its suspended part a person has judged.
    pub judged: Amount,
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

/// A settle that is kept for a person to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedSettlement {
    /// What the gateway said.
    pub settlement: Settlement,
    /// When it was parked.
    pub at: UnixMs,
    /// Where in the journal.
    pub seq: u64,
    /// What the request had been told before; `None` if nothing is known of that.
    pub after: Option<ParkedAfter>,
}

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
    /// A byte of each fact's, to tell which one differs.
    pub facts_marks: [u8; 15],
    /// What was answered.
    pub refusal: Refusal,
    /// When.
    pub at: UnixMs,
    /// Where the journal ended then.
    pub seq: u64,
}

impl Hold {
    /// What was granted, whatever targets have raised since.
    #[must_use]
    pub fn first(&self) -> First {
        self.first.unwrap_or(First {
            reserved: self.reserved,
            output_tokens_max: self.output_tokens_max,
        })
    }
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

impl Charge {
    /// Of nothing, for so many attempts.
    #[must_use]
    pub fn nothing(attempts: usize) -> Self {
        Self {
            usage: Usage::default(),
            priced: Amount::ZERO,
            suspended: Amount::ZERO,
            charged: Amount::ZERO,
            grants: Vec::new(),
            absorbed: Amount::ZERO,
            costs: vec![Amount::ZERO; attempts],
        }
    }
}

impl Posting {
    /// What stands of it: as it was charged, unless a person corrected it.
    ///
    /// # Errors
    /// [`Overflow`] if it does not add up, which cannot be.
    pub fn standing(&self) -> Result<Standing, Overflow> {
        match &self.standing {
            Some(standing) => Ok(Standing::clone(standing)),
            None => Ok(Standing {
                on_balance: self.charge.on_balance()?,
                grants: self.charge.grants.clone(),
                judged: Amount::ZERO,
            }),
        }
    }

    /// What of it waits for a person. In shadow mode that is only recorded.
    #[must_use]
    pub fn suspended(&self) -> Amount {
        let judged = self.standing.as_ref();
        let judged = judged.map_or(Amount::ZERO, |standing| standing.judged);
        if self.flags.has(Flag::Shadow) {
            Amount::ZERO
        } else {
            self.charge.suspended.excess_over(judged)
        }
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

    pub(crate) fn posting_mut(&mut self) -> Option<&mut Posting> {
        match &mut self.state {
            State::Settled(posting) | State::Expired(posting) => Some(posting),
            State::Open | State::Released(_) | State::Parked(_) => None,
        }
    }

    /// Whether a person has corrected its charge, which then is final.
    #[must_use]
    pub fn is_corrected(&self) -> bool {
        self.posting()
            .is_some_and(|posting| posting.standing.is_some())
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
