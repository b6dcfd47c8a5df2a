//! Prices, and the one function that turns tokens into money.
//!
//! A price is an integer in its currency's scale per 1,000,000 units of a class. The same function prices a hold and a
//! charge; only the rounding differs: a hold rounds each line up, a charge rounds it half to even.

use crate::money::{Amount, Overflow};
use crate::usage::{TokenClass, Usage};

/// Seven lines of a charge, each rounded up by at most half a unit.
const ROUNDING_SLACK_UNITS: i64 = 3;

/// Units that a price is quoted for.
pub const UNITS_PER_PRICE: i128 = 1_000_000;

/// Money per 1,000,000 units of a class, in the currency's scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(Amount);

/// How a line that does not come out even is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// For holds: never less than what a charge can be.
    Up,
    /// For charges: to the nearest, and a half to the even neighbour.
    HalfEven,
}

impl Price {
    /// A price of this much per 1,000,000 units.
    #[must_use]
    pub const fn per_million(amount: Amount) -> Self {
        Self(amount)
    }

    /// What 1,000,000 units cost.
    #[must_use]
    pub const fn amount(self) -> Amount {
        self.0
    }

    /// What `units` cost, rounded once.
    ///
    /// # Errors
    /// [`Overflow`] if that cannot be stored.
    pub fn cost(self, units: u64, rounding: Rounding) -> Result<Amount, Overflow> {
        let exact = i128::from(self.0.units())
            .checked_mul(i128::from(units))
            .ok_or(Overflow)?;
        let floor = exact.checked_div(UNITS_PER_PRICE).ok_or(Overflow)?;
        let rest = exact.checked_rem(UNITS_PER_PRICE).ok_or(Overflow)?;
        let up = match rounding {
            Rounding::Up => rest > 0,
            Rounding::HalfEven => {
                const HALF: i128 = UNITS_PER_PRICE / 2;
                rest > HALF || (rest == HALF && floor & 1 == 1)
            }
        };
        let rounded = floor.checked_add(i128::from(up)).ok_or(Overflow)?;
        i64::try_from(rounded)
            .ok()
            .and_then(Amount::from_units)
            .ok_or(Overflow)
    }
}

/// What one model costs, by class. A class without a price of its own costs what its parent costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Per 1,000,000 input tokens.
    pub input: Price,
    /// Per 1,000,000 output tokens.
    pub output: Price,
    /// Per 1,000,000 input tokens read from the cache.
    pub cached_input: Option<Price>,
    /// Per 1,000,000 input tokens written to the cache.
    pub cache_write: Option<Price>,
    /// Per 1,000,000 tokens of audio read.
    pub audio_input: Option<Price>,
    /// Per 1,000,000 reasoning tokens.
    pub reasoning: Option<Price>,
    /// Per 1,000,000 tokens of audio written.
    pub audio_output: Option<Price>,
    /// For each request that reached the provider.
    pub per_request: Amount,
}

impl Rates {
    /// The price of a class: its own, or its parent's.
    #[must_use]
    pub fn of(&self, class: TokenClass) -> Price {
        match class {
            TokenClass::Input => self.input,
            TokenClass::Output => self.output,
            TokenClass::CachedInput => self.cached_input.unwrap_or(self.input),
            TokenClass::CacheWrite => self.cache_write.unwrap_or(self.input),
            TokenClass::AudioInput => self.audio_input.unwrap_or(self.input),
            TokenClass::Reasoning => self.reasoning.unwrap_or(self.output),
            TokenClass::AudioOutput => self.audio_output.unwrap_or(self.output),
        }
    }

    /// The most that a token of input can cost.
    #[must_use]
    pub fn dearest_input(&self) -> Price {
        self.dearest(self.input, &TokenClass::INPUT_SIDE)
    }

    /// The most that a token of output can cost.
    #[must_use]
    pub fn dearest_output(&self) -> Price {
        self.dearest(self.output, &TokenClass::OUTPUT_SIDE)
    }

    fn dearest(&self, least: Price, classes: &[TokenClass]) -> Price {
        classes
            .iter()
            .fold(least, |most, class| most.max(self.of(*class)))
    }

    /// The most that a request within these bounds can cost. Every charge within them is at most this.
    ///
    /// # Errors
    /// [`Overflow`] if that cannot be stored.
    pub fn bound(&self, input_tokens: u64, output_tokens: u64) -> Result<Amount, Overflow> {
        let input = self.dearest_input().cost(input_tokens, Rounding::Up)?;
        let output = self.dearest_output().cost(output_tokens, Rounding::Up)?;
        self.per_request
            .plus(input)?
            .plus(output)?
            .plus(self.rounding_slack().ok_or(Overflow)?)
    }

    /// By how much the rounding of a charge's lines can add up beyond a bound. Nothing where a single token of every class
    /// costs a whole number of units, as it does for all prices of up to three decimals in US dollars.
    fn rounding_slack(&self) -> Option<Amount> {
        let whole = |class: &TokenClass| {
            i128::from(self.of(*class).0.units()).checked_rem(UNITS_PER_PRICE) == Some(0)
        };
        if TokenClass::ALL.iter().all(whole) {
            Some(Amount::ZERO)
        } else {
            Amount::from_units(ROUNDING_SLACK_UNITS)
        }
    }

    /// The charge for this usage: the sum of its rounded lines.
    ///
    /// # Errors
    /// [`Overflow`] if that cannot be stored.
    pub fn charge(&self, usage: &Usage) -> Result<Amount, Overflow> {
        TokenClass::ALL
            .iter()
            .try_fold(self.per_request, |sum, class| {
                sum.plus(self.line(usage, *class)?)
            })
    }

    /// The line of one class in a charge.
    ///
    /// # Errors
    /// [`Overflow`] if that cannot be stored.
    pub fn line(&self, usage: &Usage, class: TokenClass) -> Result<Amount, Overflow> {
        self.of(class).cost(usage.of(class), Rounding::HalfEven)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(units: i64) -> Price {
        Price::per_million(Amount::from_units(units).expect("not negative"))
    }

    fn rates() -> impl Strategy<Value = Rates> {
        let price_strategy = || (0..=100_000_000_000i64).prop_map(price);
        let own = || proptest::option::of((0..=100_000_000_000i64).prop_map(price));
        (
            price_strategy(),
            price_strategy(),
            own(),
            own(),
            own(),
            own(),
            own(),
            0..1_000_000_000i64,
        )
            .prop_map(
                |(
                    input,
                    output,
                    cached_input,
                    cache_write,
                    audio_input,
                    reasoning,
                    audio_output,
                    fee,
                )| Rates {
                    input,
                    output,
                    cached_input,
                    cache_write,
                    audio_input,
                    reasoning,
                    audio_output,
                    per_request: Amount::from_units(fee).expect("not negative"),
                },
            )
    }

    #[test]
    fn each_line_is_rounded_once() {
        for (per_million, units, up, even) in [
            (2_500_000_000, 1_000_000, 2_500_000_000, 2_500_000_000),
            (1, 1, 1, 0),
            (1, 500_000, 1, 0),
            (1, 1_500_000, 2, 2),
            (1, 500_001, 1, 1),
            (3, 500_000, 2, 2),
            (0, u64::MAX, 0, 0),
        ] {
            let cost = |rounding| price(per_million).cost(units, rounding).map(Amount::units);
            assert_eq!(cost(Rounding::Up), Ok(up), "{per_million} × {units} up");
            assert_eq!(
                cost(Rounding::HalfEven),
                Ok(even),
                "{per_million} × {units} half-even"
            );
        }
        assert_eq!(price(i64::MAX).cost(u64::MAX, Rounding::Up), Err(Overflow));
    }

    #[test]
    fn a_bound_equals_the_charge_where_nothing_is_rounded() {
        let rates = Rates {
            input: price(150_000_000),
            output: price(600_000_000),
            cached_input: Some(price(75_000_000)),
            cache_write: None,
            audio_input: None,
            reasoning: None,
            audio_output: None,
            per_request: Amount::ZERO,
        };
        let usage = Usage {
            input_tokens: 17,
            output_tokens: 5,
            ..Usage::default()
        };
        assert_eq!(rates.bound(17, 5), rates.charge(&usage));
    }

    proptest! {
        /// What is held covers every way in which the held tokens can be billed.
        #[test]
        fn a_bound_covers_every_charge_within_it(
            rates in rates(),
            input in proptest::array::uniform4(0..1_000_000u64),
            output in proptest::array::uniform3(0..1_000_000u64),
        ) {
            let usage = Usage {
                input_tokens: input[0],
                cached_input_tokens: input[1],
                cache_write_tokens: input[2],
                audio_input_tokens: input[3],
                output_tokens: output[0],
                reasoning_tokens: output[1],
                audio_output_tokens: output[2],
            };
            let bound = rates.bound(input.iter().sum(), output.iter().sum())?;
            prop_assert!(rates.charge(&usage)? <= bound);
        }
    }
}
