//! What happens to a charge beyond what was held and what is available.

use ferry_types::Amount;

/// A tenant's overage policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overage {
    /// It is owed, and nothing new is reserved until it is paid.
    #[default]
    Debt,
    /// So much may be promised on credit; what goes beyond that is owed as well.
    CreditLine(Amount),
    /// It is written off.
    Absorb,
}

impl Overage {
    /// How far below zero the balance may be promised to go.
    #[must_use]
    pub const fn credit(self) -> Amount {
        match self {
            Self::CreditLine(credit) => credit,
            Self::Debt | Self::Absorb => Amount::ZERO,
        }
    }

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debt => "debt",
            Self::CreditLine(_) => "credit-line",
            Self::Absorb => "absorb",
        }
    }

    /// The policy of this name, with this credit; `None` if there is no such policy, or if it takes no credit and there is some.
    #[must_use]
    pub fn from_parts(name: &str, credit: Amount) -> Option<Self> {
        match name {
            "debt" if credit.is_zero() => Some(Self::Debt),
            "absorb" if credit.is_zero() => Some(Self::Absorb),
            "credit-line" => Some(Self::CreditLine(credit)),
            _ => None,
        }
    }
}
