//! Amounts of money: integers in a fixed scale per currency.
//!
//! An [`Amount`] is never negative, a [`Balance`] may be. Both are bare integers in their currency's own scale; the currency
//! stands beside them once (on the tenant, the price table), not in each value. Arithmetic is checked: there is no wrapping,
//! no saturating, no default.

use core::fmt;

/// The arithmetic left the range of an `i64`: 9.2 billion US dollars at scale 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("amount out of range")
    }
}

impl core::error::Error for Overflow {}

/// A currency, with the scale that its amounts are stored in. A scale is never changed once it has been used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Currency {
    /// United States dollar, scale 9.
    Usd,
    /// Euro, scale 9.
    Eur,
    /// Vietnamese đồng, scale 6.
    Vnd,
    /// Indonesian rupiah, scale 6.
    Idr,
}

impl Currency {
    /// Every currency, in the order of their stored codes.
    pub const ALL: [Self; 4] = [Self::Usd, Self::Eur, Self::Vnd, Self::Idr];

    /// Digits after the decimal point in a stored amount.
    #[must_use]
    pub const fn scale(self) -> u32 {
        match self {
            Self::Usd | Self::Eur => 9,
            Self::Vnd | Self::Idr => 6,
        }
    }

    /// ISO 4217 code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Usd => "USD",
            Self::Eur => "EUR",
            Self::Vnd => "VND",
            Self::Idr => "IDR",
        }
    }

    /// Finds a currency by its ISO 4217 code, in upper case.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.code() == code)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Money that is moved, held or charged: zero or more, in its currency's scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The most that can be stored: what stands, flagged, for an amount beyond it.
    pub const MAX: Self = Self(i64::MAX);

    /// From units of the currency's scale; `None` if negative.
    #[must_use]
    pub const fn from_units(units: i64) -> Option<Self> {
        if units < 0 { None } else { Some(Self(units)) }
    }

    /// Units of the currency's scale.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// Whether this is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum.
    ///
    /// # Errors
    /// [`Overflow`] if it leaves the range.
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).map(Self).ok_or(Overflow)
    }

    /// What is left after `other` is taken; `None` if that is more than there is.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).and_then(Self::from_units)
    }

    /// What is left after `other` is taken, at least nothing: how far `self` exceeds `other`.
    #[must_use]
    pub fn excess_over(self, other: Self) -> Self {
        self.minus(other).unwrap_or(Self::ZERO)
    }

    /// As a balance.
    #[must_use]
    pub const fn to_balance(self) -> Balance {
        Balance(self.0)
    }

    /// The decimal text in this currency, with every digit of its scale: `0.001234000`.
    #[must_use]
    pub fn display(self, currency: Currency) -> Decimal {
        Decimal {
            units: self.0,
            scale: currency.scale(),
        }
    }
}

/// Money that is there, or, below zero, is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Balance(i64);

impl Balance {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From units of the currency's scale.
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// Units of the currency's scale.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// The balance after `amount` came in.
    ///
    /// # Errors
    /// [`Overflow`] if it leaves the range.
    pub fn plus(self, amount: Amount) -> Result<Self, Overflow> {
        self.0.checked_add(amount.0).map(Self).ok_or(Overflow)
    }

    /// The balance after `amount` went out.
    ///
    /// # Errors
    /// [`Overflow`] if it leaves the range.
    pub fn minus(self, amount: Amount) -> Result<Self, Overflow> {
        self.0.checked_sub(amount.0).map(Self).ok_or(Overflow)
    }

    /// The balance after one amount came in and another went out, at once: only the result must be in range.
    ///
    /// # Errors
    /// [`Overflow`] if it leaves the range.
    pub fn moved(self, came: Amount, went: Amount) -> Result<Self, Overflow> {
        // Both are at least zero, so that their difference is in range.
        let net = came.0.checked_sub(went.0).ok_or(Overflow)?;
        self.0.checked_add(net).map(Self).ok_or(Overflow)
    }

    /// As an amount; `None` if something is owed.
    #[must_use]
    pub const fn to_amount(self) -> Option<Amount> {
        Amount::from_units(self.0)
    }

    /// How far it is above zero, and how far below; one of the two is nothing. Below the range of amounts, its edge.
    #[must_use]
    pub const fn sides(self) -> (Amount, Amount) {
        match (self.to_amount(), self.0.checked_neg()) {
            (Some(above), _) => (above, Amount::ZERO),
            (None, Some(below)) => (Amount::ZERO, Amount(below)),
            (None, None) => (Amount::ZERO, Amount(i64::MAX)),
        }
    }

    /// The decimal text in this currency, with every digit of its scale: `-0.500000000`.
    #[must_use]
    pub fn display(self, currency: Currency) -> Decimal {
        Decimal {
            units: self.0,
            scale: currency.scale(),
        }
    }
}

/// An amount or balance as decimal text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    units: i64,
    scale: u32,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let one = 10u64.pow(self.scale);
        let units = self.units.unsigned_abs();
        let (whole, fraction) = (units.checked_div(one), units.checked_rem(one));
        let (Some(whole), Some(fraction)) = (whole, fraction) else {
            return Err(fmt::Error);
        };
        write!(
            f,
            "{sign}{whole}.{fraction:0width$}",
            width = self.scale as usize
        )
    }
}

#[cfg(feature = "decimal")]
mod parse {
    use super::{Amount, Balance, Currency};
    use alloc::string::String;
    use core::fmt;
    use rust_decimal::Decimal;

    /// The text is not an amount in this currency.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum InvalidAmount {
        /// Not a decimal number such as `12.50`.
        NotANumber(String),
        /// More digits after the point than the currency stores.
        TooPrecise(Currency),
        /// Below zero, where that cannot be.
        Negative,
        /// Beyond what can be stored.
        OutOfRange,
    }

    impl fmt::Display for InvalidAmount {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                Self::NotANumber(text) => {
                    write!(f, "'{text}' is not a decimal number such as 12.50")
                }
                Self::TooPrecise(currency) => {
                    write!(
                        f,
                        "more than {} digits after the point for {currency}",
                        currency.scale()
                    )
                }
                Self::Negative => f.write_str("below zero"),
                Self::OutOfRange => f.write_str("amount out of range"),
            }
        }
    }

    impl core::error::Error for InvalidAmount {}

    impl Amount {
        /// Reads decimal text, exactly.
        ///
        /// # Errors
        /// [`InvalidAmount`] says what is wrong with the text.
        pub fn parse(text: &str, currency: Currency) -> Result<Self, InvalidAmount> {
            let units = Balance::parse(text, currency)?.units();
            Self::from_units(units).ok_or(InvalidAmount::Negative)
        }
    }

    impl Balance {
        /// Reads decimal text, exactly.
        ///
        /// # Errors
        /// [`InvalidAmount`] says what is wrong with the text.
        pub fn parse(text: &str, currency: Currency) -> Result<Self, InvalidAmount> {
            let number = Decimal::from_str_exact(text)
                .map_err(|_| InvalidAmount::NotANumber(text.into()))?
                .normalize();
            let missing = currency
                .scale()
                .checked_sub(number.scale())
                .ok_or(InvalidAmount::TooPrecise(currency))?;
            let factor = 10i128
                .checked_pow(missing)
                .ok_or(InvalidAmount::OutOfRange)?;
            let units = number
                .mantissa()
                .checked_mul(factor)
                .ok_or(InvalidAmount::OutOfRange)?;
            i64::try_from(units)
                .map(Self::from_units)
                .map_err(|_| InvalidAmount::OutOfRange)
        }
    }
}

#[cfg(feature = "decimal")]
pub use parse::InvalidAmount;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_keeps_every_digit_of_the_scale() {
        for (units, currency, text) in [
            (0, Currency::Usd, "0.000000000"),
            (1_234_000, Currency::Usd, "0.001234000"),
            (-500_000_000, Currency::Eur, "-0.500000000"),
            (25_000_000_000, Currency::Vnd, "25000.000000"),
            (i64::MIN, Currency::Usd, "-9223372036.854775808"),
        ] {
            assert_eq!(
                Balance::from_units(units).display(currency).to_string(),
                text
            );
        }
    }

    #[test]
    fn arithmetic_is_checked() {
        let max = Amount::from_units(i64::MAX).expect("not negative");
        let one = Amount::from_units(1).expect("not negative");
        assert_eq!(max.plus(one), Err(Overflow));
        assert_eq!(one.minus(max), None);
        assert_eq!(Balance::from_units(i64::MIN).minus(one), Err(Overflow));
        assert_eq!(Amount::from_units(-1), None);
        let full = Balance::from_units(i64::MAX);
        assert_eq!(full.moved(max, one), Err(Overflow));
        assert_eq!(full.moved(max, max), Ok(full));
    }

    #[cfg(feature = "decimal")]
    #[test]
    fn text_is_read_exactly_or_refused() {
        let usd = Currency::Usd;
        assert_eq!(
            Amount::parse("5", usd).map(Amount::units),
            Ok(5_000_000_000)
        );
        assert_eq!(Amount::parse("0.000000001", usd).map(Amount::units), Ok(1));
        assert_eq!(
            Amount::parse("1.10000000000", usd).map(Amount::units),
            Ok(1_100_000_000)
        );
        assert_eq!(
            Amount::parse("0.0000000001", usd),
            Err(InvalidAmount::TooPrecise(usd))
        );
        assert_eq!(Amount::parse("-1", usd), Err(InvalidAmount::Negative));
        assert_eq!(
            Amount::parse("9223372036.9", usd),
            Err(InvalidAmount::OutOfRange)
        );
        assert_eq!(
            Amount::parse("1e3", usd),
            Err(InvalidAmount::NotANumber("1e3".into()))
        );
        assert_eq!(
            Amount::parse("", usd),
            Err(InvalidAmount::NotANumber(String::new()))
        );
        // The same price is a thousandth of the units in a currency of scale 6.
        assert_eq!(
            Amount::parse("25000", Currency::Vnd).map(Amount::units),
            Ok(25_000_000_000)
        );
    }
}
