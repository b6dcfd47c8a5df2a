//! Exchange: a price in one currency as a price in another.
//!
//! Rates are exact decimals. A price is converted once, to the nearest unit, when a price table is read; what requests cost is
//! then counted in the customer's currency alone.

use crate::money::{Amount, Currency, Overflow};
use crate::price::{Price, Rates};

/// Digits behind the point of a stored rate.
const SCALE: u32 = 9;

/// How much of one currency is one of another: above zero, with nine digits behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeRate(i64);

/// What a price was made from: the currency it was in, and the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exchange {
    /// What the price was in.
    pub from: Currency,
    /// How much of the price's currency is one of that.
    pub rate: ExchangeRate,
}

impl ExchangeRate {
    /// From billionths; `None` unless it is above zero.
    #[must_use]
    pub const fn from_units(units: i64) -> Option<Self> {
        if units > 0 { Some(Self(units)) } else { None }
    }

    /// In billionths.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// An amount of `from` as one of `to`, to the nearest unit; a half goes to the even neighbour.
    ///
    /// # Errors
    /// [`Overflow`] if that cannot be stored.
    pub fn convert(self, amount: Amount, from: Currency, to: Currency) -> Result<Amount, Overflow> {
        let power = |scale: u32| 10i128.checked_pow(scale).ok_or(Overflow);
        let exact = i128::from(amount.units())
            .checked_mul(i128::from(self.0))
            .and_then(|exact| exact.checked_mul(power(to.scale()).ok()?))
            .ok_or(Overflow)?;
        let divisor = power(from.scale().checked_add(SCALE).ok_or(Overflow)?)?;
        let floor = exact.checked_div(divisor).ok_or(Overflow)?;
        let rest = exact.checked_rem(divisor).ok_or(Overflow)?;
        let twice = rest.checked_mul(2).ok_or(Overflow)?;
        let up = twice > divisor || (twice == divisor && floor & 1 == 1);
        let nearest = floor.checked_add(i128::from(up)).ok_or(Overflow)?;
        i64::try_from(nearest)
            .ok()
            .and_then(Amount::from_units)
            .ok_or(Overflow)
    }
}

impl Exchange {
    /// Prices as prices in `to`. What costs something there costs something here: a unit at least.
    ///
    /// # Errors
    /// [`Overflow`] if one of them cannot be stored.
    pub fn rates(&self, rates: &Rates, to: Currency) -> Result<Rates, Overflow> {
        let amount = |amount: Amount| {
            let converted = self.rate.convert(amount, self.from, to)?;
            Ok(match Amount::from_units(1) {
                Some(unit) if !amount.is_zero() => converted.max(unit),
                Some(_) | None => converted,
            })
        };
        let price = |price: Price| amount(price.amount()).map(Price::per_million);
        let some = |rate: Option<Price>| rate.map(price).transpose();
        Ok(Rates {
            input: price(rates.input)?,
            output: price(rates.output)?,
            cached_input: some(rates.cached_input)?,
            cache_write: some(rates.cache_write)?,
            audio_input: some(rates.audio_input)?,
            reasoning: some(rates.reasoning)?,
            audio_output: some(rates.audio_output)?,
            per_request: amount(rates.per_request)?,
        })
    }
}

#[cfg(feature = "decimal")]
mod decimal {
    use super::{ExchangeRate, SCALE};
    use core::fmt;
    use core::str::FromStr;
    use rust_decimal::Decimal;

    impl fmt::Display for ExchangeRate {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            Decimal::new(self.units(), SCALE).normalize().fmt(f)
        }
    }

    impl FromStr for ExchangeRate {
        type Err = InvalidRate;

        fn from_str(text: &str) -> Result<Self, InvalidRate> {
            let number = Decimal::from_str_exact(text).map_err(|_| InvalidRate)?;
            let number = number.normalize();
            let missing = SCALE.checked_sub(number.scale()).ok_or(InvalidRate)?;
            let factor = 10i128.checked_pow(missing).ok_or(InvalidRate)?;
            let units = number.mantissa().checked_mul(factor).ok_or(InvalidRate)?;
            let units = i64::try_from(units).map_err(|_| InvalidRate)?;
            Self::from_units(units).ok_or(InvalidRate)
        }
    }

    /// Text that is no rate.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct InvalidRate;

    impl fmt::Display for InvalidRate {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("not a decimal above zero with at most nine digits behind the point, below 9,223,372,036")
        }
    }

    impl core::error::Error for InvalidRate {}
}

#[cfg(feature = "decimal")]
pub use decimal::InvalidRate;

#[cfg(feature = "decimal")]
#[cfg(test)]
mod tests {
    use super::*;

    fn amount(units: i64) -> Amount {
        Amount::from_units(units).expect("not negative")
    }

    fn rate(text: &str) -> ExchangeRate {
        text.parse().expect("a rate")
    }

    /// The scales differ by a factor of 1,000: a dong is 1,000,000 units, a dollar 1,000,000,000.
    #[test]
    fn a_dollar_is_so_many_dong() {
        let rate = rate("26350.5");
        let (usd, vnd) = (Currency::Usd, Currency::Vnd);
        for (dollars, dong) in [
            (1_000_000_000, 26_350_500_000),
            (2_500_000_000, 65_876_250_000),
            (1, 26),
            (0, 0),
            (150_000_000, 3_952_575_000),
        ] {
            assert_eq!(rate.convert(amount(dollars), usd, vnd), Ok(amount(dong)));
        }
        assert_eq!(rate.to_string(), "26350.5");
        assert_eq!(rate.convert(Amount::MAX, usd, vnd), Err(Overflow));
    }

    #[test]
    fn a_half_goes_to_the_even_neighbour_and_what_is_too_much_is_told() {
        let half = rate("0.5");
        let eur = |units| half.convert(amount(units), Currency::Usd, Currency::Eur);
        assert_eq!(
            (eur(1), eur(3), eur(5)),
            (Ok(amount(0)), Ok(amount(2)), Ok(amount(2)))
        );
        let most = rate("9223372036.854775807");
        assert_eq!(
            most.convert(Amount::MAX, Currency::Vnd, Currency::Usd),
            Err(Overflow)
        );
    }

    #[test]
    fn what_costs_something_is_never_free() {
        let exchange = Exchange {
            from: Currency::Vnd,
            rate: rate("0.00004"),
        };
        let price = |units| Price::per_million(amount(units));
        let dong = Rates {
            input: price(1),
            output: price(50_000_000),
            cached_input: Some(price(0)),
            cache_write: None,
            audio_input: None,
            reasoning: None,
            audio_output: None,
            per_request: amount(3),
        };
        let dollars = exchange.rates(&dong, Currency::Usd).expect("they fit");
        assert_eq!(dollars.input, price(1));
        assert_eq!(dollars.output, price(2_000_000));
        assert_eq!(dollars.cached_input, Some(price(0)));
        assert_eq!(dollars.per_request, amount(1));
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in [
            "0",
            "-1",
            "",
            "1e3",
            "0.0000000001",
            "9223372036.854775808",
            "a",
        ] {
            assert_eq!(text.parse::<ExchangeRate>(), Err(InvalidRate), "{text}");
        }
    }
}
