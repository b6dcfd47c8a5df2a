//! A move taken apart into the fields that it has, of whatever kind: as it is written, compared and shown.

use super::{Cause, Deviation, Money, Move};
use crate::correction::Reason;
use ferry_types::{MovementId, ResellerName};

/// A move, taken apart: what each kind has none of is `None`. A reversal has the parts of what it takes back, and its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The stable name of its kind.
    pub kind: &'static str,
    /// Which provider.
    pub provider: Option<&'a str>,
    /// Which reseller.
    pub reseller: Option<&'a ResellerName>,
    /// Which variance is resolved.
    pub variance: Option<&'a MovementId>,
    /// How much; of an exchange, what it costs.
    pub money: Money,
    /// Of an exchange, what it brings.
    pub bought: Option<Money>,
    /// Of a variance, its direction.
    pub deviation: Option<Deviation>,
    /// What a variance turned out to be.
    pub cause: Option<Cause>,
    /// Which movement is taken back.
    pub reversed: Option<&'a MovementId>,
    /// Of what kind that one is.
    pub undone: Option<&'static str>,
    /// Why it is taken back.
    pub reason: Option<Reason>,
}

impl Move {
    /// Taken apart.
    #[must_use]
    pub fn parts(&self) -> Parts<'_> {
        match self {
            Self::Pay { provider, money } => Parts::of_provider("pay", provider.as_str(), *money),
            Self::Prepay { provider, money } => {
                Parts::of_provider("prepay", provider.as_str(), *money)
            }
            Self::SetOff { provider, money } => {
                Parts::of_provider("set_off", provider.as_str(), *money)
            }
            Self::PayReseller { reseller, money } => Parts {
                reseller: Some(reseller),
                ..Parts::new("pay_reseller", *money)
            },
            Self::Variance {
                provider,
                money,
                deviation,
            } => Parts {
                deviation: Some(*deviation),
                ..Parts::of_provider("variance", provider.as_str(), *money)
            },
            Self::Resolve {
                variance,
                money,
                cause,
            } => Parts {
                variance: Some(variance),
                cause: Some(*cause),
                ..Parts::new("resolve", *money)
            },
            Self::Exchange { sold, bought } => Parts {
                bought: Some(*bought),
                ..Parts::new("exchange", *sold)
            },
            Self::Reverse {
                movement,
                undone,
                reason,
            } => {
                let parts = undone.parts();
                Parts {
                    kind: "reverse",
                    reversed: Some(movement),
                    undone: Some(parts.kind),
                    reason: Some(*reason),
                    ..parts
                }
            }
        }
    }

    /// In which direction a variance goes; `None` of everything else.
    #[must_use]
    pub const fn deviation(&self) -> Option<Deviation> {
        match self {
            Self::Variance { deviation, .. } => Some(*deviation),
            Self::Pay { .. }
            | Self::Prepay { .. }
            | Self::SetOff { .. }
            | Self::PayReseller { .. }
            | Self::Resolve { .. }
            | Self::Exchange { .. }
            | Self::Reverse { .. } => None,
        }
    }

    /// The movements that it changes beside its own.
    pub(super) fn others(&self) -> impl Iterator<Item = &MovementId> {
        let parts = self.parts();
        [parts.reversed, parts.variance].into_iter().flatten()
    }
}

impl<'a> Parts<'a> {
    const fn new(kind: &'static str, money: Money) -> Self {
        Self {
            kind,
            provider: None,
            reseller: None,
            variance: None,
            money,
            bought: None,
            deviation: None,
            cause: None,
            reversed: None,
            undone: None,
            reason: None,
        }
    }

    const fn of_provider(kind: &'static str, provider: &'a str, money: Money) -> Self {
        Self {
            provider: Some(provider),
            ..Self::new(kind, money)
        }
    }
}
