//! What happened: the content of the journal. Events carry every number that the projections need.

use crate::book::{KeyState, TenantState};
use crate::closing::Closing;
use crate::correction::Corrected;
use crate::flag::Flags;
use crate::grant::{Grant, GrantSlice};
use crate::limit::LimitTerms;
use crate::limit::counter::Counts;
use crate::offer::Offer;
use crate::overage::Overage;
use crate::reissue::Reissued;
use crate::reseller::Share;
use crate::reservation::{Charge, Owner};
use crate::seal::MonthSealed;
use crate::thaw::Thaw;
use crate::time::UnixMs;
use crate::transfer::Transferred;
use crate::zone::Zone;
use ferry_types::{
    Amount, Currency, GrantId, KeyId, LimitId, PrincipalName, RequestFacts, ResellerName,
    ReservationId, Settlement, Usage,
};
use std::sync::Arc;

/// One thing that happened in a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The book begins.
    TenantOpened {
        /// Shown to people.
        name: String,
        /// What all its money is in.
        currency: Currency,
    },
    /// The tenant was paused or resumed.
    TenantStateSet(TenantState),
    /// The tenant was closed, for good.
    TenantClosed(Box<Closing>),
    /// A key was added.
    KeyIssued {
        /// Its id.
        key: KeyId,
        /// Shown to people.
        label: String,
        /// When it ends by itself.
        expires_at: Option<UnixMs>,
        /// Hash of what it is listed by in the key directory.
        listed: [u8; 32],
    },
    /// A key was paused, resumed or revoked.
    KeyStateSet {
        /// Its id.
        key: KeyId,
        /// The state it is in now.
        to: KeyState,
    },
    /// What happens to charges beyond what is available was set.
    OverageSet(Overage),
    /// Whoever gets a share of what the tenant pays was set.
    ResellerSet(Option<(ResellerName, Share)>),
    /// Where the tenant's days and months begin was set.
    ZoneSet(Zone),
    /// A limit was set, or its bound changed.
    LimitSet {
        /// Which.
        id: LimitId,
        /// What it says.
        terms: Box<LimitTerms>,
    },
    /// A limit was taken away, with all that it had counted.
    LimitRemoved(LimitId),
    /// Credit was granted.
    GrantIssued {
        /// Which.
        id: GrantId,
        /// As it begins.
        grant: Box<Grant>,
        /// For people.
        note: String,
    },
    /// A grant ended: what is not held of it lapsed.
    GrantExpired {
        /// Which.
        id: GrantId,
        /// How much.
        lapsed: Amount,
    },
    /// Money came in.
    ToppedUp(ToppedUp),
    /// Money was put aside for a request.
    Reserved(Box<Reserved>),
    /// A lease was extended.
    Renewed {
        /// Which.
        id: ReservationId,
        /// Used so far, the larger of what was said, class by class; `None` if nothing was said yet.
        used: Option<Usage>,
        /// When the server may end it.
        lease_until: UnixMs,
        /// What is held from here on, if that is more than before.
        raised: Option<Raised>,
    },
    /// A request was charged; what was held for it is free again.
    Settled(Box<Settled>),
    /// Better evidence replaced a settlement.
    Adjusted(Box<Settled>),
    /// Nothing was sent to a provider: what was held is free again, what an expiry charged is given back.
    Released {
        /// Which.
        id: ReservationId,
        /// Who made it.
        owner: Owner,
        /// What was held.
        released: Amount,
        /// What an expiry had charged.
        returned: Amount,
        /// Who said so in the owner's place; `None` if the owner did.
        by: Option<PrincipalName>,
        /// What of what an expiry had charged goes to new grants, since those that had paid have ended.
        reissued: Vec<Reissued>,
    },
    /// A lease ran out; the last evidence was charged.
    Expired(Box<Expired>),
    /// A settle was kept for a person to judge; nothing was charged.
    Parked(Box<Parked>),
    /// Money went from one book to another.
    Transferred(Transferred),
    /// A person put something right.
    Corrected(Box<Corrected>),
    /// A month is over, and its entries are told of.
    MonthSealed(MonthSealed),
    /// The book had been frozen, and goes on.
    Thawed(Box<Thaw>),
}

impl Event {
    /// The reservation that it changes.
    #[must_use]
    pub fn reservation(&self) -> Option<ReservationId> {
        match self {
            Self::Reserved(reserved) => Some(reserved.id),
            Self::Renewed { id, .. } | Self::Released { id, .. } => Some(*id),
            Self::Settled(settled) | Self::Adjusted(settled) => Some(settled.id),
            Self::Expired(expired) => Some(expired.id),
            Self::Parked(parked) => Some(parked.id),
            Self::Corrected(corrected) => corrected.correction.remedy.request(),
            Self::TenantOpened { .. }
            | Self::TenantStateSet(_)
            | Self::TenantClosed(_)
            | Self::KeyIssued { .. }
            | Self::KeyStateSet { .. }
            | Self::OverageSet(_)
            | Self::ResellerSet(_)
            | Self::ZoneSet(_)
            | Self::LimitSet { .. }
            | Self::LimitRemoved(_)
            | Self::GrantIssued { .. }
            | Self::GrantExpired { .. }
            | Self::ToppedUp(_)
            | Self::Transferred(_)
            | Self::MonthSealed(_)
            | Self::Thawed(_) => None,
        }
    }

    /// The grants that it issues in the place of ended ones, of what a charge gives back.
    #[must_use]
    pub fn reissued(&self) -> &[Reissued] {
        match self {
            Self::Settled(settled) | Self::Adjusted(settled) => &settled.reissued,
            Self::Released { reissued, .. } => reissued,
            Self::Corrected(corrected) => &corrected.reissued,
            Self::TenantOpened { .. }
            | Self::TenantStateSet(_)
            | Self::TenantClosed(_)
            | Self::KeyIssued { .. }
            | Self::KeyStateSet { .. }
            | Self::OverageSet(_)
            | Self::ResellerSet(_)
            | Self::ZoneSet(_)
            | Self::LimitSet { .. }
            | Self::LimitRemoved(_)
            | Self::GrantIssued { .. }
            | Self::GrantExpired { .. }
            | Self::ToppedUp(_)
            | Self::Transferred(_)
            | Self::Reserved(_)
            | Self::Renewed { .. }
            | Self::Expired(_)
            | Self::Parked(_)
            | Self::MonthSealed(_)
            | Self::Thawed(_) => &[],
        }
    }

    /// What it charges a request.
    #[must_use]
    pub fn charge(&self) -> Option<&Charge> {
        match self {
            Self::Settled(settled) | Self::Adjusted(settled) => Some(&settled.charge),
            Self::Expired(expired) => Some(&expired.charge),
            Self::TenantOpened { .. }
            | Self::TenantStateSet(_)
            | Self::TenantClosed(_)
            | Self::KeyIssued { .. }
            | Self::KeyStateSet { .. }
            | Self::OverageSet(_)
            | Self::ResellerSet(_)
            | Self::ZoneSet(_)
            | Self::LimitSet { .. }
            | Self::LimitRemoved(_)
            | Self::GrantIssued { .. }
            | Self::GrantExpired { .. }
            | Self::ToppedUp(_)
            | Self::Transferred(_)
            | Self::Reserved(_)
            | Self::Renewed { .. }
            | Self::Released { .. }
            | Self::Parked(_)
            | Self::Corrected(_)
            | Self::MonthSealed(_)
            | Self::Thawed(_) => None,
        }
    }

    /// What it draws from grants for a hold.
    #[must_use]
    pub fn draws(&self) -> &[GrantSlice] {
        if let Self::Reserved(reserved) = self {
            return &reserved.grants;
        }
        if let Self::Renewed {
            raised: Some(raised),
            ..
        } = self
        {
            return &raised.grants;
        }
        &[]
    }

    /// Where it says that its request counts.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        if let Self::Reserved(reserved) = self {
            return &reserved.counts;
        }
        if let Self::Settled(settled) | Self::Adjusted(settled) = self {
            return &settled.counts;
        }
        const { &Counts::NONE }
    }

    /// The key that it changes.
    #[must_use]
    pub fn key(&self) -> Option<&KeyId> {
        match self {
            Self::KeyIssued { key, .. } | Self::KeyStateSet { key, .. } => Some(key),
            Self::TenantOpened { .. }
            | Self::TenantStateSet(_)
            | Self::TenantClosed(_)
            | Self::OverageSet(_)
            | Self::ResellerSet(_)
            | Self::ZoneSet(_)
            | Self::LimitSet { .. }
            | Self::LimitRemoved(_)
            | Self::GrantIssued { .. }
            | Self::GrantExpired { .. }
            | Self::ToppedUp(_)
            | Self::Transferred(_)
            | Self::Reserved(_)
            | Self::Renewed { .. }
            | Self::Settled(_)
            | Self::Adjusted(_)
            | Self::Released { .. }
            | Self::Expired(_)
            | Self::Parked(_)
            | Self::Corrected(_)
            | Self::MonthSealed(_)
            | Self::Thawed(_) => None,
        }
    }

    /// The stable name of its kind, as in records and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TenantOpened { .. } => "tenant_opened",
            Self::TenantStateSet(_) => "tenant_state_set",
            Self::TenantClosed(_) => "tenant_closed",
            Self::KeyIssued { .. } => "key_issued",
            Self::KeyStateSet { .. } => "key_state_set",
            Self::OverageSet(_) => "overage_set",
            Self::ResellerSet(_) => "reseller_set",
            Self::ZoneSet(_) => "zone_set",
            Self::LimitSet { .. } => "limit_set",
            Self::LimitRemoved(_) => "limit_removed",
            Self::GrantIssued { .. } => "grant_issued",
            Self::GrantExpired { .. } => "grant_expired",
            Self::ToppedUp(_) => "topped_up",
            Self::Reserved(_) => "reserved",
            Self::Renewed { .. } => "renewed",
            Self::Settled(_) => "settled",
            Self::Adjusted(_) => "adjusted",
            Self::Released { .. } => "released",
            Self::Expired(_) => "expired",
            Self::Parked(_) => "parked",
            Self::Transferred(_) => "transferred",
            Self::Corrected(_) => "corrected",
            Self::MonthSealed(_) => "month_sealed",
            Self::Thawed(_) => "thawed",
        }
    }
}

/// Money came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToppedUp {
    /// How much.
    pub amount: Amount,
    /// Where from.
    pub source: String,
    /// The payment's reference there.
    pub external_reference: String,
    /// For people.
    pub note: String,
}

/// Money was put aside for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// Which.
    pub id: ReservationId,
    /// Who made it.
    pub owner: Owner,
    /// The request.
    pub facts: RequestFacts,
    /// What it is priced by.
    pub offer: Arc<Offer>,
    /// How much. In shadow mode: what would have been, and nothing is held.
    pub reserved: Amount,
    /// Output tokens per choice that were priced.
    pub output_tokens_max: u64,
    /// The limit is lower than what the client asked for, or it asked for none.
    pub clamped: bool,
    /// When the server may end it.
    pub lease_until: UnixMs,
    /// In shadow mode: the name of the refusal that it would have met; else empty.
    pub would_refuse: String,
    /// What of the money comes from grants, in the order of drawing; the rest is the balance's.
    pub grants: Vec<GrantSlice>,
    /// Where it counts.
    pub counts: Counts,
}

/// More is held for a request than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// How much in all. In shadow mode: what would be, and nothing is held.
    pub reserved: Amount,
    /// Output tokens per choice that are priced from here on.
    pub output_tokens_max: u64,
    /// What of the additional money comes from grants, in the order of drawing; the rest is the balance's.
    pub grants: Vec<GrantSlice>,
}

/// A request was charged. It replaces what an expiry or an earlier settle had charged for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Which.
    pub id: ReservationId,
    /// Who made it.
    pub owner: Owner,
    /// What the gateway said.
    pub settlement: Settlement,
    /// What it is priced by, unless its reservation pinned that already; `None` also if no price is known.
    pub offer: Option<Arc<Offer>>,
    /// What was charged for it.
    pub charge: Charge,
    /// What was charged for it before, by an expiry or an earlier settle: given back by this entry.
    pub charged_before: Amount,
    /// How much of what was held was not needed.
    pub released: Amount,
    /// What is to be known about it.
    pub flags: Flags,
    /// Who said so in the owner's place; `None` if the owner did.
    pub by: Option<PrincipalName>,
    /// What of the charge before goes to new grants, since those that had paid have ended.
    pub reissued: Vec<Reissued>,
    /// Where it counts, if nothing was held for it.
    pub counts: Counts,
}

/// A lease ran out; the last evidence was charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// Which.
    pub id: ReservationId,
    /// For what was used as far as is known.
    pub charge: Charge,
    /// How much of what was held was not needed.
    pub released: Amount,
    /// What is to be known about it.
    pub flags: Flags,
}

/// A settle was kept for a person to judge; nothing was charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Which.
    pub id: ReservationId,
    /// Who sent it.
    pub owner: Owner,
    /// What it said.
    pub settlement: Settlement,
    /// Why it was not posted.
    pub reason: ParkReason,
    /// What the request had been told before; `None` if nothing is known of that.
    pub after: Option<ParkedAfter>,
}

/// Why a settle was not posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParkReason {
    /// It came too late to be judged.
    TooOld,
    /// Its gateway has settled too much that nothing was held for.
    BeyondCap,
}

/// What a request had been told whose settle is kept: if a person accepts it, it is posted as what comes after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParkedAfter {
    /// It was refused. What the refusal was is not kept for as long as the settle may wait.
    Refusal,
    /// It was released.
    Release,
}

impl ParkedAfter {
    /// Both, in the order of their stored codes.
    pub const ALL: [Self; 2] = [Self::Refusal, Self::Release];
}

impl ParkReason {
    /// Every reason, in the order of their stored codes.
    pub const ALL: [Self; 2] = [Self::TooOld, Self::BeyondCap];
}
