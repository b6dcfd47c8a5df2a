//! Corrections: what a person puts right in a book. Each is an entry of its own, with a reason, whoever approved it, and the id of
//! what it corrects; what it corrects stays as it was written.
//!
//! What a person has judged is final: no later evidence replaces a charge that was corrected. Where there was none, as after an
//! expiry, it is kept, and says what the providers take.

use crate::book::TopUpRef;
use crate::grant::{self, GrantSlice};
use crate::reissue::Reissued;
use crate::time::UnixMs;
use ferry_types::{Amount, CorrectionId, GrantId, Overflow, ReservationId};

/// What is put right, and what it corrects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// What a request was charged goes back to what had paid for it.
    Refund(ReservationId),
    /// A payment goes back to the customer, as far as nothing of it is held or spent.
    TopUpRefund(TopUpRef),
    /// The customer's bank took a payment back. It always posts, into debt if it must.
    Chargeback(TopUpRef),
    /// The payment for a grant goes back to the customer, as far as nothing of it is held, spent or over.
    GrantRefund(GrantId),
    /// The customer's bank took the payment for a grant back. It always posts: what is free of the grant pays it, then the balance,
    /// into debt if it must.
    GrantChargeback(GrantId),
    /// Debt, as of this entry, that nobody will pay.
    WriteOff {
        /// The entry.
        entry: u64,
    },
    /// A request was charged too little.
    Charge(ReservationId),
    /// What a settlement left in suspense is charged after all.
    SuspenseCharge(ReservationId),
    /// What a settlement left in suspense is not charged: we bear it.
    SuspenseWaiver(ReservationId),
    /// A settle that was kept for a person is posted as it came.
    ParkedAccepted(ReservationId),
    /// A settle that was kept for a person is not charged.
    ParkedDiscarded(ReservationId),
}

/// Why it is put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The same was charged or paid twice.
    Duplicate,
    /// The price was not the one agreed.
    WrongPrice,
    /// The usage was not what was used.
    WrongUsage,
    /// The provider did not deliver.
    ProviderFault,
    /// For the customer's sake.
    Goodwill,
    /// Somebody used what was not theirs.
    Fraud,
    /// The customer contests it.
    Dispute,
    /// The customer cannot pay.
    BadDebt,
    /// The customer asked for it.
    Requested,
    /// As the note says.
    Other,
    /// It was entered wrongly.
    Mistake,
}

/// What a person decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// What is put right.
    pub remedy: Remedy,
    /// How much; nothing for a parked settle, which says itself what it comes to.
    pub amount: Amount,
    /// Why.
    pub reason: Reason,
    /// Who approved it.
    pub approver: String,
    /// For people.
    pub note: String,
}

/// A correction that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrected {
    /// Which.
    pub id: CorrectionId,
    /// What was decided.
    pub correction: Correction,
    /// What of the amount comes from grants, or goes back to them; the rest is the balance's.
    pub grants: Vec<GrantSlice>,
    /// What of it is written off, by the tenant's overage policy.
    pub absorbed: Amount,
    /// What of it goes to new grants, since those that had paid have ended.
    pub reissued: Vec<Reissued>,
}

/// A correction as the book keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedCorrection {
    /// What was decided.
    pub correction: Correction,
    /// What of it was written off, by the tenant's overage policy.
    pub absorbed: Amount,
    /// The grants that it issued.
    pub reissued: Vec<GrantId>,
    /// When.
    pub at: UnixMs,
    /// Where in the journal.
    pub seq: u64,
}

/// Which way a correction's money goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the tenant.
    Given,
    /// From the tenant.
    Taken,
    /// Nothing of the tenant's moves.
    Neither,
}

impl Remedy {
    /// The request that it corrects.
    #[must_use]
    pub const fn request(&self) -> Option<ReservationId> {
        match self {
            Self::Refund(id)
            | Self::Charge(id)
            | Self::SuspenseCharge(id)
            | Self::SuspenseWaiver(id)
            | Self::ParkedAccepted(id)
            | Self::ParkedDiscarded(id) => Some(*id),
            Self::TopUpRefund(_)
            | Self::Chargeback(_)
            | Self::GrantRefund(_)
            | Self::GrantChargeback(_)
            | Self::WriteOff { .. } => None,
        }
    }

    /// The top-up that it corrects.
    #[must_use]
    pub const fn top_up(&self) -> Option<&TopUpRef> {
        match self {
            Self::TopUpRefund(reference) | Self::Chargeback(reference) => Some(reference),
            Self::Refund(_)
            | Self::Charge(_)
            | Self::SuspenseCharge(_)
            | Self::SuspenseWaiver(_)
            | Self::ParkedAccepted(_)
            | Self::ParkedDiscarded(_)
            | Self::GrantRefund(_)
            | Self::GrantChargeback(_)
            | Self::WriteOff { .. } => None,
        }
    }

    /// The grant whose payment it takes back.
    #[must_use]
    pub const fn grant(&self) -> Option<&GrantId> {
        match self {
            Self::GrantRefund(grant) | Self::GrantChargeback(grant) => Some(grant),
            Self::Refund(_)
            | Self::TopUpRefund(_)
            | Self::Chargeback(_)
            | Self::Charge(_)
            | Self::SuspenseCharge(_)
            | Self::SuspenseWaiver(_)
            | Self::ParkedAccepted(_)
            | Self::ParkedDiscarded(_)
            | Self::WriteOff { .. } => None,
        }
    }

    /// The entry whose debt it corrects.
    #[must_use]
    pub const fn entry(&self) -> Option<u64> {
        match self {
            Self::WriteOff { entry } => Some(*entry),
            Self::Refund(_)
            | Self::TopUpRefund(_)
            | Self::Chargeback(_)
            | Self::GrantRefund(_)
            | Self::GrantChargeback(_)
            | Self::Charge(_)
            | Self::SuspenseCharge(_)
            | Self::SuspenseWaiver(_)
            | Self::ParkedAccepted(_)
            | Self::ParkedDiscarded(_) => None,
        }
    }

    /// The stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refund(_) => "refund",
            Self::TopUpRefund(_) => "top_up_refund",
            Self::Chargeback(_) => "chargeback",
            Self::GrantRefund(_) => "grant_refund",
            Self::GrantChargeback(_) => "grant_chargeback",
            Self::WriteOff { .. } => "write_off",
            Self::Charge(_) => "charge",
            Self::SuspenseCharge(_) => "suspense_charge",
            Self::SuspenseWaiver(_) => "suspense_waiver",
            Self::ParkedAccepted(_) => "parked_accepted",
            Self::ParkedDiscarded(_) => "parked_discarded",
        }
    }

    pub(crate) const fn way(&self) -> Way {
        match self {
            Self::Refund(_) | Self::WriteOff { .. } => Way::Given,
            Self::TopUpRefund(_)
            | Self::Chargeback(_)
            | Self::GrantRefund(_)
            | Self::GrantChargeback(_)
            | Self::Charge(_)
            | Self::SuspenseCharge(_) => Way::Taken,
            Self::SuspenseWaiver(_) | Self::ParkedAccepted(_) | Self::ParkedDiscarded(_) => {
                Way::Neither
            }
        }
    }
}

impl Reason {
    /// Every reason, in the order of their stored codes.
    pub const ALL: [Self; 11] = [
        Self::Duplicate,
        Self::WrongPrice,
        Self::WrongUsage,
        Self::ProviderFault,
        Self::Goodwill,
        Self::Fraud,
        Self::Dispute,
        Self::BadDebt,
        Self::Requested,
        Self::Other,
        Self::Mistake,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::WrongPrice => "wrong_price",
            Self::WrongUsage => "wrong_usage",
            Self::ProviderFault => "provider_fault",
            Self::Goodwill => "goodwill",
            Self::Fraud => "fraud",
            Self::Dispute => "dispute",
            Self::BadDebt => "bad_debt",
            Self::Requested => "requested",
            Self::Other => "other",
            Self::Mistake => "mistake",
        }
    }
}

impl Corrected {
    /// What of it moves the balance, up or down.
    ///
    /// # Errors
    /// [`Overflow`] if its parts are more than it.
    pub fn on_balance(&self) -> Result<Amount, Overflow> {
        if self.correction.remedy.way() == Way::Neither {
            return Ok(Amount::ZERO);
        }
        let mut new = self.reissued.iter();
        let new = new.try_fold(Amount::ZERO, |sum, new| sum.plus(new.grant.amount))?;
        let beside = grant::total(&self.grants)?.plus(new)?.plus(self.absorbed)?;
        self.correction.amount.minus(beside).ok_or(Overflow)
    }

    /// What the balance gets, and what it gives.
    pub(crate) fn moves_balance(&self) -> Result<(Amount, Amount), Overflow> {
        let on_balance = self.on_balance()?;
        Ok(match self.correction.remedy.way() {
            Way::Given => (on_balance, Amount::ZERO),
            Way::Taken => (Amount::ZERO, on_balance),
            Way::Neither => (Amount::ZERO, Amount::ZERO),
        })
    }

    /// What each grant had paid of it, ended ones included.
    pub(crate) fn paid_by_grants(&self) -> impl Iterator<Item = (&GrantId, Amount)> {
        let own = self.grants.iter();
        let own = own.map(|slice| (&slice.grant, slice.amount));
        let new = self.reissued.iter();
        own.chain(new.filter_map(|new| Some((new.grant.instead_of.as_ref()?, new.grant.amount))))
    }

    /// What grants get, and what they give.
    pub(crate) fn moves_grants(&self) -> (&[GrantSlice], &[GrantSlice]) {
        match self.correction.remedy.way() {
            Way::Given => (&self.grants, &[]),
            Way::Taken | Way::Neither => (&[], &self.grants),
        }
    }
}
