//! The chart of accounts.
//!
//! Only what stands under a constraint has a balance of its own in the book: the prepaid balance with its other side, the
//! receivable. Every other account is the sum of its lines: nothing contends for it.

use core::fmt;

/// An account of a book. Its text is stable: it is stored, and reports group by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Asset: money on its way between us and the customers' banks.
    Clearing,
    /// Asset: what the tenant owes.
    Receivable,
    /// Liability: what the tenant paid in advance.
    Prepaid,
    /// Liability: what we owe to this provider.
    ProviderPayable(String),
    /// Revenue: what requests are charged.
    Usage,
    /// Expense: what providers take for requests.
    ProviderCost,
    /// Suspense: what a settlement asked beyond what its request could have cost, until a person has judged.
    Unpriced,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clearing => f.write_str("asset.clearing"),
            Self::Receivable => f.write_str("asset.receivable"),
            Self::Prepaid => f.write_str("liability.prepaid"),
            Self::ProviderPayable(provider) => write!(f, "liability.provider_payable:{provider}"),
            Self::Usage => f.write_str("revenue.usage"),
            Self::ProviderCost => f.write_str("expense.provider_cost"),
            Self::Unpriced => f.write_str("suspense.unpriced"),
        }
    }
}
