//! The chart of accounts.
//!
//! Only what stands under a constraint has a balance of its own in the book: the prepaid balance with its other side, the
//! receivable, and grants. Every other account is the sum of its lines: nothing contends for it.

use core::fmt;
use ferry_types::{Currency, GrantId, ResellerName};

/// An account of a book. Its text is stable: it is stored, and reports group by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Asset: money on its way between us and the customers' banks.
    Clearing,
    /// Between books: over all of them it sums to zero.
    Transfer,
    /// Asset: what the tenant owes.
    Receivable,
    /// Liability: what the tenant paid in advance.
    Prepaid,
    /// Asset: what this provider has in advance.
    ProviderPrepaid(String),
    /// Liability: what is left of this grant.
    Grant(GrantId),
    /// Liability: what we owe to this provider.
    ProviderPayable(String),
    /// Liability: what we owe to this reseller.
    ResellerPayable(ResellerName),
    /// Revenue: what requests are charged.
    Usage,
    /// Revenue: credit that was paid for and ended unused.
    Breakage,
    /// Expense: what providers take for requests.
    ProviderCost,
    /// Expense: what resellers get of what their tenants pay.
    ResellerShare,
    /// Expense: credit that is given.
    Promotion,
    /// Expense: what nobody will pay any more.
    WriteOff,
    /// Expense: what is left where somebody rounds in another way.
    Rounding,
    /// Suspense: what providers' invoices say beyond what had accrued, until it turns out why.
    Variance,
    /// Between two currencies: what was given for the other, in both. One a pair, whichever way money goes.
    Exchange(Currency, Currency),
    /// Suspense: what a settlement asked beyond what its request could have cost, until a person has judged.
    Unpriced,
}

impl Account {
    /// The account between two currencies: the same, whichever of them is sold.
    #[must_use]
    pub fn exchange(one: Currency, other: Currency) -> Self {
        Self::Exchange(one.min(other), one.max(other))
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clearing => f.write_str("asset.clearing"),
            Self::Transfer => f.write_str("transfer"),
            Self::Receivable => f.write_str("asset.receivable"),
            Self::Prepaid => f.write_str("liability.prepaid"),
            Self::Grant(grant) => write!(f, "liability.grant:{grant}"),
            Self::ProviderPayable(provider) => write!(f, "liability.provider_payable:{provider}"),
            Self::ResellerPayable(reseller) => write!(f, "liability.reseller_payable:{reseller}"),
            Self::ResellerShare => f.write_str("expense.reseller_share"),
            Self::Usage => f.write_str("revenue.usage"),
            Self::Breakage => f.write_str("revenue.breakage"),
            Self::Promotion => f.write_str("expense.promotion"),
            Self::WriteOff => f.write_str("expense.write_off"),
            Self::ProviderCost => f.write_str("expense.provider_cost"),
            Self::ProviderPrepaid(provider) => write!(f, "asset.provider_prepaid:{provider}"),
            Self::Rounding => f.write_str("expense.rounding"),
            Self::Unpriced => f.write_str("suspense.unpriced"),
            Self::Variance => f.write_str("suspense.variance"),
            Self::Exchange(one, other) => write!(f, "exchange:{one}/{other}"),
        }
    }
}
