//! What a limit counts, and how much of it a request is.

use crate::limit::counter::Weight;
use crate::limit::window::Span;
use crate::offer::Offer;
use crate::reservation::{Hold, Posting, Reservation, State};
use crate::sizing::{affordable, input_bound};
use ferry_types::{Amount, Balance, RequestFacts, TokenClass, Usage};

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Requests.
    Requests,
    /// Tokens read, cached ones included.
    InputTokens,
    /// Tokens written, those of thought included.
    OutputTokens,
    /// Tokens read and written.
    Tokens,
    /// Money, at the customer's price.
    Money,
}

impl Measure {
    /// Every measure, in the order of their stored codes.
    pub const ALL: [Self; 5] = [
        Self::Requests,
        Self::InputTokens,
        Self::OutputTokens,
        Self::Tokens,
        Self::Money,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Tokens => "tokens",
            Self::Money => "money",
        }
    }

    /// What a request may come to that has this much money and this output limit held. Money and output are bounds; input is what
    /// it will probably count.
    pub(crate) fn of_hold(
        self,
        facts: &RequestFacts,
        offer: &Offer,
        reserved: Amount,
        output_tokens_max: u64,
    ) -> u64 {
        let input = input_estimate(facts, offer);
        let output = output_tokens_max.saturating_mul(choices(facts));
        match self {
            Self::Requests => 1,
            Self::InputTokens => input,
            Self::OutputTokens => output,
            Self::Tokens => input.saturating_add(output),
            Self::Money => reserved.units().unsigned_abs(),
        }
    }

    /// What a request came to.
    fn of_posting(self, posting: &Posting) -> u64 {
        let usage = &posting.charge.usage;
        match self {
            Self::Requests => 1,
            Self::InputTokens => tokens(usage, &TokenClass::INPUT_SIDE),
            Self::OutputTokens => tokens(usage, &TokenClass::OUTPUT_SIDE),
            Self::Tokens => tokens(usage, &TokenClass::ALL),
            Self::Money => posting.charge.due().units().unsigned_abs(),
        }
    }

    /// What a reservation counts for now, by a limit of this span.
    pub(crate) fn weight(self, row: &Reservation, span: Span) -> Weight {
        match (&row.state, &row.hold, &row.facts, &row.offer) {
            (State::Open, Some(hold), Some(facts), Some(offer)) => Weight {
                held: self.of_open(facts, offer, hold),
                used: 0,
            },
            (State::Settled(posting) | State::Expired(posting), ..) if span != Span::AtOnce => {
                Weight {
                    held: 0,
                    used: self.of_posting(posting),
                }
            }
            (
                State::Open
                | State::Settled(_)
                | State::Expired(_)
                | State::Released(_)
                | State::Parked(_),
                ..,
            ) => Weight::ZERO,
        }
    }

    fn of_open(self, facts: &RequestFacts, offer: &Offer, hold: &Hold) -> u64 {
        self.of_hold(facts, offer, hold.reserved, hold.output_tokens_max)
    }

    /// The largest output limit a choice that a request may have where this much is left; `None` if not even its input.
    pub(crate) fn affords(self, left: u64, facts: &RequestFacts, offer: &Offer) -> Option<u64> {
        let input = input_estimate(facts, offer);
        match self {
            Self::Requests => (left >= 1).then_some(u64::MAX),
            Self::InputTokens => (left >= input).then_some(u64::MAX),
            Self::OutputTokens => left.checked_div(choices(facts)),
            Self::Tokens => left.checked_sub(input)?.checked_div(choices(facts)),
            Self::Money => {
                let units = i64::try_from(left).unwrap_or(i64::MAX);
                affordable(facts, offer, Balance::from_units(units))
            }
        }
    }
}

/// What the input will probably count, but never more than it can.
fn input_estimate(facts: &RequestFacts, offer: &Offer) -> u64 {
    facts.input_tokens_estimate.min(input_bound(facts, offer))
}

fn choices(facts: &RequestFacts) -> u64 {
    u64::from(facts.choices.max(1))
}

/// The tokens of some classes. Usage that is beyond what can be counted counts for the most that can.
fn tokens(usage: &Usage, classes: &[TokenClass]) -> u64 {
    let of = |class: &TokenClass| usage.of(*class);
    classes.iter().map(of).fold(0, u64::saturating_add)
}
