//! What can be asked of a book.

use crate::book::{KeyState, TenantState, TopUpRef};
use crate::closing::Closing;
use crate::correction::Correction;
use crate::grant::{GrantKind, GrantScope};
use crate::limit::LimitTerms;
use crate::offer::Offer;
use crate::overage::Overage;
use crate::reseller::Share;
use crate::reservation::Owner;
use crate::seal::MonthSealed;
use crate::time::UnixMs;
use crate::zone::Zone;
use ferry_types::{
    Amount, CorrectionId, Currency, GrantId, KeyId, LimitId, PrincipalName, RequestFacts,
    ResellerName, ReservationId, Settlement, Usage,
};
use std::sync::Arc;

/// Opens a tenant's book. See [`crate::open`]: there is no book yet to put it to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTenant {
    /// Shown to people.
    pub name: String,
    /// What all its money is in, for good.
    pub currency: Currency,
}

/// Everything that can be asked of an open book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Pauses or resumes the tenant.
    SetTenantState(TenantState),
    /// Closes the tenant's account, for good.
    CloseTenant(Box<Closing>),
    /// Adds a key.
    IssueKey(IssueKey),
    /// Pauses, resumes or revokes a key.
    SetKeyState(SetKeyState),
    /// Sets what happens to charges beyond what is available.
    SetOverage(Overage),
    /// Sets whoever gets a share of what the tenant pays.
    SetReseller(Option<(ResellerName, Share)>),
    /// Sets where the tenant's days and months begin.
    SetZone(Zone),
    /// Sets a limit, or changes its bound.
    SetLimit(Box<SetLimit>),
    /// Takes a limit away.
    RemoveLimit(LimitId),
    /// Grants credit.
    IssueGrant(Box<IssueGrant>),
    /// Ends a grant whose time is over.
    ExpireGrant(GrantId),
    /// Brings money in.
    TopUp(TopUp),
    /// Puts something right.
    Correct(Box<Correct>),
    /// Asks for a request to be let through.
    Reserve(Box<Reserve>),
    /// Extends a lease.
    Renew(Renew),
    /// Ends a reservation that may have reached a provider.
    Settle(Box<Settle>),
    /// Ends a reservation of which nothing was sent to a provider.
    Release(Release),
    /// Ends a reservation whose lease has run out.
    Expire(Expire),
    /// States how the journal stood when a month was over.
    SealMonth(MonthSealed),
}

impl Command {
    /// The reservation that must be in view: its row or its refusal, if there is one.
    #[must_use]
    pub fn reservation(&self) -> Option<ReservationId> {
        match self {
            Self::Reserve(call) => Some(call.id),
            Self::Renew(call) => Some(call.id),
            Self::Settle(call) => Some(call.id),
            Self::Release(call) => Some(call.id),
            Self::Expire(call) => Some(call.id),
            Self::Correct(order) => order.correction.remedy.request(),
            Self::SetTenantState(_)
            | Self::CloseTenant(_)
            | Self::IssueKey(_)
            | Self::SetKeyState(_)
            | Self::SetOverage(_)
            | Self::SetReseller(_)
            | Self::SetZone(_)
            | Self::SetLimit(_)
            | Self::RemoveLimit(_)
            | Self::IssueGrant(_)
            | Self::ExpireGrant(_)
            | Self::TopUp(_)
            | Self::SealMonth(_) => None,
        }
    }

    /// The key that must be in view, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&KeyId> {
        match self {
            Self::IssueKey(order) => Some(&order.key),
            Self::SetKeyState(order) => Some(&order.key),
            Self::SetLimit(order) => order.terms.scope.key.as_ref(),
            Self::Reserve(call) => Some(&call.owner.key),
            Self::Renew(call) => Some(&call.owner.key),
            Self::Settle(call) => Some(&call.owner.key),
            Self::Release(call) => Some(&call.owner.key),
            Self::SetTenantState(_)
            | Self::CloseTenant(_)
            | Self::SetOverage(_)
            | Self::SetReseller(_)
            | Self::SetZone(_)
            | Self::RemoveLimit(_)
            | Self::IssueGrant(_)
            | Self::ExpireGrant(_)
            | Self::TopUp(_)
            | Self::Correct(_)
            | Self::Expire(_)
            | Self::SealMonth(_) => None,
        }
    }

    /// The top-up that must be in view, if there is one.
    #[must_use]
    pub fn top_up(&self) -> Option<TopUpRef> {
        match self {
            Self::TopUp(order) => Some(order.reference()),
            Self::Correct(order) => order.correction.remedy.top_up().cloned(),
            Self::SetTenantState(_)
            | Self::CloseTenant(_)
            | Self::IssueKey(_)
            | Self::SetKeyState(_)
            | Self::SetOverage(_)
            | Self::SetReseller(_)
            | Self::SetZone(_)
            | Self::SetLimit(_)
            | Self::RemoveLimit(_)
            | Self::IssueGrant(_)
            | Self::ExpireGrant(_)
            | Self::Reserve(_)
            | Self::Renew(_)
            | Self::Settle(_)
            | Self::Release(_)
            | Self::Expire(_)
            | Self::SealMonth(_) => None,
        }
    }

    /// The correction that must be in view, if there is one.
    #[must_use]
    pub const fn correction(&self) -> Option<&CorrectionId> {
        match self {
            Self::Correct(order) => Some(&order.id),
            Self::SetTenantState(_)
            | Self::CloseTenant(_)
            | Self::IssueKey(_)
            | Self::SetKeyState(_)
            | Self::SetOverage(_)
            | Self::SetReseller(_)
            | Self::SetZone(_)
            | Self::SetLimit(_)
            | Self::RemoveLimit(_)
            | Self::IssueGrant(_)
            | Self::ExpireGrant(_)
            | Self::TopUp(_)
            | Self::Reserve(_)
            | Self::Renew(_)
            | Self::Settle(_)
            | Self::Release(_)
            | Self::Expire(_)
            | Self::SealMonth(_) => None,
        }
    }
}

impl TopUp {
    /// What makes it the same top-up.
    #[must_use]
    pub fn reference(&self) -> TopUpRef {
        TopUpRef {
            source: self.source.clone(),
            external_reference: self.external_reference.clone(),
        }
    }
}

/// Adds a key. Its secret is none of the ledger's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueKey {
    /// Its id.
    pub key: KeyId,
    /// Shown to people.
    pub label: String,
    /// When it ends by itself.
    pub expires_at: Option<UnixMs>,
    /// Hash of what it is listed by in the key directory, so that nobody swaps two keys there.
    pub listed: [u8; 32],
}

/// Pauses, resumes or revokes a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetKeyState {
    /// Its id.
    pub key: KeyId,
    /// The state it shall be in.
    pub to: KeyState,
}

/// Sets a limit, or changes its bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetLimit {
    /// Its id.
    pub id: LimitId,
    /// What it says.
    pub terms: LimitTerms,
}

/// Grants credit, once per id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueGrant {
    /// Its id.
    pub id: GrantId,
    /// Where its money comes from.
    pub kind: GrantKind,
    /// Lower burns first.
    pub priority: u8,
    /// What it may pay for.
    pub scope: GrantScope,
    /// From when on; at once, if it does not say.
    pub starts_at: Option<UnixMs>,
    /// Until when, not included.
    pub expires_at: Option<UnixMs>,
    /// How much.
    pub amount: Amount,
    /// For people.
    pub note: String,
}

/// Brings money in, once per source and external reference over all tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUp {
    /// How much.
    pub amount: Amount,
    /// Where from: a payment provider, a bank, an operator.
    pub source: String,
    /// The payment's reference there.
    pub external_reference: String,
    /// For people.
    pub note: String,
}

/// Puts something right, once per id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correct {
    /// Its id.
    pub id: CorrectionId,
    /// What a person decided.
    pub correction: Correction,
    /// The model's offer as of now, for a parked settle whose reservation pinned none.
    pub offer: Option<Arc<Offer>>,
}

/// Asks for a request to be let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// Drawn by the gateway.
    pub id: ReservationId,
    /// Who asks.
    pub owner: Owner,
    /// The request.
    pub facts: RequestFacts,
    /// The model's offer; `None` if it is unknown, unpriced or not allowed.
    pub offer: Option<Arc<Offer>>,
}

/// Extends a lease, and says what was used so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renew {
    /// Which.
    pub id: ReservationId,
    /// Who asks.
    pub owner: Owner,
    /// Used so far, cumulative.
    pub usage: Usage,
    /// Output tokens per choice that it shall be allowed in all; 0 to leave them as they are.
    pub output_tokens_target: u64,
}

/// Ends a reservation that may have reached a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settle {
    /// Which.
    pub id: ReservationId,
    /// Who asks.
    pub owner: Owner,
    /// How it ended. Complete: it can be posted even if its Reserve was never seen.
    pub settlement: Settlement,
    /// The model's offer as of now, for a reservation that pinned none.
    pub offer: Option<Arc<Offer>>,
    /// Who says so in the owner's place; `None` if the owner does.
    pub by: Option<PrincipalName>,
    /// Its gateway has settled too much that nothing was held for: if nothing is held for this either, a person is to judge.
    pub beyond_cap: bool,
}

/// Ends a reservation of which nothing was sent to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Which.
    pub id: ReservationId,
    /// Whose it is.
    pub owner: Owner,
    /// Who says so in the owner's place; `None` if the owner does.
    pub by: Option<PrincipalName>,
}

/// Ends a reservation whose lease has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expire {
    /// Which.
    pub id: ReservationId,
}
