//! A reseller's share of what its tenant pays.
//!
//! The share accrues on what was paid for and used: on charges that the balance or a paid grant covered, and on debt once it is
//! paid. Promotional credit, debt that is open or written off, and credit that lapsed earn nothing; what is given back takes its
//! share along, from whoever is the reseller then. It is one number of an entry's lines: see [`collected`]. Parts below a unit are carried to the next entry, so
//! that the sum of all shares is the share of the sum.

use crate::account::Account;
use crate::grant::GrantKind;
use crate::transaction::Line;
use ferry_types::{GrantId, Overflow, ResellerName};

/// Basis points in a whole.
const WHOLE_BP: i128 = 10_000;

/// Whoever brought the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reseller {
    /// Its name.
    pub name: ResellerName,
    /// Its share in basis points, at most 10,000.
    pub share: Share,
    /// What is left below a unit, in ten-thousandths of it.
    pub carry: u16,
}

/// A share in basis points: at most all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u16);

impl Share {
    /// From basis points; `None` above 10,000.
    #[must_use]
    pub const fn from_basis_points(points: u16) -> Option<Self> {
        if points <= 10_000 {
            Some(Self(points))
        } else {
            None
        }
    }

    /// In basis points.
    #[must_use]
    pub const fn basis_points(self) -> u16 {
        self.0
    }
}

/// What of an entry the tenant has paid for and used, in units; below zero if it is given back.
///
/// Its liabilities fall by what is used. What comes in or goes out as money, and what lapses, moves them too, and is none of it.
pub(crate) fn collected(lines: &[Line], kind: impl Fn(&GrantId) -> Option<GrantKind>) -> i128 {
    let counts = |line: &&Line| match &line.account {
        Account::Prepaid | Account::Clearing | Account::Transfer | Account::Breakage => true,
        Account::Grant(grant) => kind(grant) != Some(GrantKind::Promotional),
        Account::Receivable
        | Account::ProviderPrepaid(_)
        | Account::ProviderPayable(_)
        | Account::ResellerPayable(_)
        | Account::Usage
        | Account::ProviderCost
        | Account::ResellerShare
        | Account::Promotion
        | Account::WriteOff
        | Account::Rounding
        | Account::Variance
        | Account::Exchange(..)
        | Account::Unpriced => false,
    };
    lines
        .iter()
        .filter(counts)
        .fold(0, |sum: i128, line| sum.saturating_add(line.amount.into()))
}

impl Reseller {
    /// From now on.
    pub(crate) fn new((name, share): (ResellerName, Share)) -> Self {
        Self {
            name,
            share,
            carry: 0,
        }
    }

    /// Its share of what was collected, and what is carried on after it.
    pub(crate) fn accrue(&self, collected: i128) -> Result<(i64, u16), Overflow> {
        let parts = collected
            .checked_mul(self.share.0.into())
            .and_then(|parts| parts.checked_add(self.carry.into()))
            .ok_or(Overflow)?;
        let units = parts.div_euclid(WHOLE_BP);
        let carry = parts.rem_euclid(WHOLE_BP);
        let units = i64::try_from(units).map_err(|_| Overflow)?;
        let carry = u16::try_from(carry).map_err(|_| Overflow)?;
        Ok((units, carry))
    }
}
