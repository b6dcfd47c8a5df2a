//! What a request is charged, by the evidence of what it used.
//!
//! One function prices every charge: a settle's, an adjustment's, an expiry's, and `verify`'s second look. No evidence is
//! never free: where nothing says what the input counted, its estimate stands in; where nothing says what was written, the median
//! that its offer pinned. What lies beyond what the pinned request
//! could have cost is not charged, but put to suspense for a person.

use crate::flag::{Flag, Flags};
use crate::offer::Offer;
use crate::reservation::{Charge, Hold, Reservation};
use crate::served::served;
use crate::sizing::{binds, input_bound};
use ferry_types::{
    Amount, Attempt, Overflow, RequestFacts, Settlement, TokenClass, Usage, UsageSource,
};

/// Attempts that can be charged for one request; more than Envoy's retries are ever set to.
const ATTEMPTS_MAX: usize = 16;
/// Most choices that OpenAI gives; a settle that names more was not admitted by us.
const CHOICES_MAX: u32 = 128;
/// A provider's own count may lie this much above the limit that it was given, in parts of a hundred.
const TOLERANCE_PERCENT: i128 = 2;

/// Everything that a charge depends on.
#[derive(Clone, Copy, Debug)]
pub struct Bill<'a> {
    /// The request as it was priced.
    pub facts: &'a RequestFacts,
    /// What it is priced by; `None` if no price is known.
    pub offer: Option<&'a Offer>,
    /// What was held; `None` if nothing ever was.
    pub reserved: Option<Amount>,
    /// Output tokens per choice that were priced; 0 if there was no limit.
    pub output_tokens_max: u64,
}

impl<'a> Bill<'a> {
    /// The bill of an open reservation, by what it pinned.
    #[must_use]
    pub fn of(row: &'a Reservation, facts: &'a RequestFacts, hold: &Hold) -> Self {
        Self {
            facts,
            offer: row.offer.as_deref(),
            reserved: Some(hold.reserved),
            output_tokens_max: hold.output_tokens_max,
        }
    }

    /// The bill of a settlement, by what its reservation pinned, else by what the settlement says.
    #[must_use]
    pub fn of_settlement(
        row: Option<&'a Reservation>,
        settlement: &'a Settlement,
        offer: Option<&'a Offer>,
    ) -> Self {
        match row.and_then(|row| Some((row, row.facts.as_ref()?, row.hold.as_ref()?))) {
            Some((row, facts, hold)) => Self::of(row, facts, hold),
            None => Self {
                facts: &settlement.facts,
                offer,
                reserved: None,
                output_tokens_max: settlement.output_tokens_max,
            },
        }
    }

    /// The charge for these attempts, and what is to be known about it. Who pays it is not said yet: see [`Book::pay`].
    #[must_use]
    pub fn charge(&self, attempts: &[Attempt]) -> (Charge, Flags) {
        let usages: Vec<Usage> = attempts.iter().map(|a| self.usage(a)).collect();
        let (usage, in_range) = sum(&usages);
        let mut flags = Flags::NONE
            .with_if(!in_range, Flag::OutOfRange)
            .with_if(attempts.iter().any(is_provisional), Flag::Provisional)
            .with_if(!binds(self.facts), Flag::Shadow)
            .with_if(self.facts.admitted_offline, Flag::Offline);
        let Some(offer) = self.offer else {
            let charge = Charge {
                usage,
                ..Charge::nothing(attempts.len())
            };
            return (charge, flags.with(Flag::Unpriced));
        };
        let priced = if attempts.iter().any(generated) {
            stored(offer.customer.charge(&usage), &mut flags)
        } else {
            Amount::ZERO
        };
        let charged = priced.min(self.ceiling(offer, attempts));
        let suspended = priced.excess_over(charged);
        let costs: Vec<Amount> = attempts
            .iter()
            .zip(&usages)
            .map(|(attempt, usage)| cost(offer, attempt, usage, &mut flags))
            .collect();
        stored(total(&costs), &mut flags);
        let charge = Charge {
            usage,
            priced,
            suspended,
            charged: if binds(self.facts) {
                charged
            } else {
                Amount::ZERO
            },
            grants: Vec::new(),
            absorbed: Amount::ZERO,
            costs,
        };
        (charge, flags.with_if(!suspended.is_zero(), Flag::Suspended))
    }

    /// The usage of an attempt, with the input's estimate and the learned output where nothing says what they counted. What was
    /// counted in an answer that broke off is evidence, if it is of nothing.
    fn usage(&self, attempt: &Attempt) -> Usage {
        match attempt.source {
            UsageSource::None => Usage::default(),
            UsageSource::Reported => attempt.usage,
            UsageSource::Counted => self.with_input(attempt.usage),
            UsageSource::Estimated | UsageSource::Unreadable => {
                self.with_output(self.with_input(attempt.usage))
            }
        }
    }

    fn with_input(&self, usage: Usage) -> Usage {
        if usage.input_total() != Some(0) {
            return usage;
        }
        Usage {
            input_tokens: self.input_estimate(),
            ..usage
        }
    }

    fn with_output(&self, usage: Usage) -> Usage {
        if usage.output_total() != Some(0) {
            return usage;
        }
        Usage {
            output_tokens: self.output_estimate(),
            ..usage
        }
    }

    /// The learned median, but no more than the limit of every choice.
    fn output_estimate(&self) -> u64 {
        let median = self.offer.map_or(0, |offer| offer.output_tokens_median);
        match self.output_tokens_max {
            0 => median,
            limit => median.min(limit.saturating_mul(u64::from(self.facts.choices.max(1)))),
        }
    }

    fn input_estimate(&self) -> u64 {
        let estimate = self.facts.input_tokens_estimate;
        self.offer.map_or(estimate, |offer| {
            estimate.min(input_bound(self.facts, offer))
        })
    }

    /// The most that the request could have cost: the whole context and every choice at its limit, in every attempt. Without
    /// any evidence, what was held.
    fn ceiling(&self, offer: &Offer, attempts: &[Attempt]) -> Amount {
        let without_evidence = attempts
            .iter()
            .all(|a| matches!(a.source, UsageSource::Estimated | UsageSource::None));
        if let (true, Some(reserved)) = (without_evidence, self.reserved) {
            return reserved;
        }
        self.most(offer, attempts.len()).unwrap_or(Amount::MAX)
    }

    fn most(&self, offer: &Offer, attempts: usize) -> Option<Amount> {
        let limits = &offer.limits;
        let limit = match self.output_tokens_max {
            limit if limit > 0 && binds(self.facts) => limit.min(limits.output_tokens_max),
            _ => limits.output_tokens_max,
        };
        let choices = self.facts.choices.clamp(1, CHOICES_MAX);
        let output = limit.checked_mul(u64::from(choices))?;
        let once = offer
            .customer
            .bound(limits.context_tokens_max, output)
            .ok()?;
        let attempts = i128::try_from(attempts.clamp(1, ATTEMPTS_MAX)).ok()?;
        let percent = 100i128.checked_add(TOLERANCE_PERCENT)?;
        let most = i128::from(once.units())
            .checked_mul(attempts)?
            .checked_mul(percent)?
            .checked_div(100)?;
        i64::try_from(most).ok().and_then(Amount::from_units)
    }
}

/// What the attempts cost together.
///
/// # Errors
/// [`Overflow`] if that cannot be stored.
pub(crate) fn total(costs: &[Amount]) -> Result<Amount, Overflow> {
    costs
        .iter()
        .try_fold(Amount::ZERO, |sum, cost| sum.plus(*cost))
}

fn stored(amount: Result<Amount, Overflow>, flags: &mut Flags) -> Amount {
    amount.unwrap_or_else(|Overflow| {
        *flags = flags.with(Flag::OutOfRange);
        Amount::MAX
    })
}

fn generated(attempt: &Attempt) -> bool {
    attempt.source != UsageSource::None
}

fn is_provisional(attempt: &Attempt) -> bool {
    match attempt.source {
        UsageSource::Estimated | UsageSource::Unreadable | UsageSource::Counted => true,
        UsageSource::None | UsageSource::Reported => false,
    }
}

fn cost(offer: &Offer, attempt: &Attempt, usage: &Usage, flags: &mut Flags) -> Amount {
    let (candidate, names) = served(offer, attempt);
    *flags = flags.and(names);
    match candidate {
        Some(candidate) if generated(attempt) => stored(candidate.cost.charge(usage), flags),
        Some(_) | None => Amount::ZERO,
    }
}

/// The sum of usages, class by class, and whether it could be counted; a class that could not stands at its most.
fn sum(usages: &[Usage]) -> (Usage, bool) {
    let class = |class: TokenClass| {
        usages
            .iter()
            .try_fold(0u64, |sum, usage| sum.checked_add(usage.of(class)))
    };
    let in_range = TokenClass::ALL.iter().all(|c| class(*c).is_some());
    (
        Usage::from_classes(|c| class(c).unwrap_or(u64::MAX)),
        in_range,
    )
}
