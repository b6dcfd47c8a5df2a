//! What the tests' models cost, in whole nano-dollars a token: a charge is plain multiplication here, and owes nothing to the
//! code that it checks.

use anyhow::Context as _;
use ferry_quota_server::admin::wire::Usage;

/// The price table of the tests, with the models below.
pub const TABLE: &str = include_str!("../fixtures/prices.toml");

/// Nano-dollars to a dollar.
const NANOS: i64 = 1_000_000_000;

/// What one model costs the customer. The provider takes half.
#[derive(Debug, Clone, Copy)]
pub struct Price {
    /// As customers name it.
    pub model: &'static str,
    /// Nano-dollars for a token read.
    pub input: i64,
    /// Nano-dollars for a token read from the cache.
    pub cached_input: i64,
    /// Nano-dollars for a token written.
    pub output: i64,
    /// Nano-dollars for a token thought.
    pub reasoning: i64,
}

/// Takes its limit as `max_completion_tokens`; the provider names it `plain-2024-07-18`.
pub const PLAIN: Price = Price {
    model: "plain",
    input: 300,
    cached_input: 150,
    output: 1_200,
    reasoning: 1_200,
};

/// Takes its limit as `max_tokens`.
pub const LEGACY: Price = Price {
    model: "legacy",
    input: 1_000,
    cached_input: 1_000,
    output: 2_000,
    reasoning: 2_000,
};

/// Its thoughts cost more than what it writes.
pub const THINKER: Price = Price {
    model: "thinker",
    input: 1_000,
    cached_input: 500,
    output: 4_000,
    reasoning: 6_000,
};

impl Price {
    /// What this usage costs the customer, in nano-dollars.
    ///
    /// # Errors
    /// It has tokens of a class that no test's model has, or more of them than there is money.
    pub fn charge(&self, usage: &Usage) -> anyhow::Result<i64> {
        anyhow::ensure!(
            usage.cache_write_tokens == 0
                && usage.audio_input_tokens == 0
                && usage.audio_output_tokens == 0,
            "the tests' models know no such tokens: {usage:?}"
        );
        let lines = [
            (usage.input_tokens, self.input),
            (usage.cached_input_tokens, self.cached_input),
            (usage.output_tokens, self.output),
            (usage.reasoning_tokens, self.reasoning),
        ];
        lines.into_iter().try_fold(0, |sum: i64, (tokens, nanos)| {
            let line = i64::try_from(tokens)?
                .checked_mul(nanos)
                .context("a line out of range")?;
            sum.checked_add(line).context("a charge out of range")
        })
    }

    /// What is held for so many tokens in and out: the dearest class on each side.
    ///
    /// # Errors
    /// More than there is money.
    pub fn hold(&self, input_tokens: u64, output_tokens: u64) -> anyhow::Result<i64> {
        let input = self.input.max(self.cached_input);
        let output = self.output.max(self.reasoning);
        Price {
            input,
            output,
            ..*self
        }
        .charge(&tokens(input_tokens, output_tokens))
    }

    /// How many tokens in were held for, given what was held for a request with so many tokens out.
    ///
    /// # Errors
    /// It does not come out even.
    pub fn input_of_hold(&self, held: i64, output_tokens: u64) -> anyhow::Result<u64> {
        let rest = held - self.hold(0, output_tokens)?;
        let input = self.input.max(self.cached_input);
        anyhow::ensure!(
            rest >= 0 && rest % input == 0,
            "{held} is no hold of {self:?}"
        );
        Ok(u64::try_from(rest / input)?)
    }
}

/// A usage of plain tokens.
pub fn tokens(input_tokens: u64, output_tokens: u64) -> Usage {
    Usage {
        input_tokens,
        output_tokens,
        ..Usage::default()
    }
}

/// Reads a decimal string of dollars, in nano-dollars.
///
/// # Errors
/// It is none.
pub fn nanos(text: &str) -> anyhow::Result<i64> {
    let read = || {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.')?;
        let part = Some(part).filter(|part| part.len() == 9)?;
        let whole: i64 = whole.parse().ok()?;
        let part: i64 = part.parse().ok()?;
        let units = whole.checked_mul(NANOS)?.checked_add(part)?;
        Some(if negative { -units } else { units })
    };
    read().with_context(|| format!("{text:?} is no amount of nine decimals"))
}

/// Nano-dollars as a decimal string of dollars. Only for amounts that are not negative.
pub fn dollars(nanos: i64) -> String {
    format!("{}.{:09}", nanos / NANOS, nanos % NANOS)
}

#[cfg(test)]
mod tests {
    use super::{LEGACY, PLAIN, Price, TABLE, THINKER, dollars, nanos, tokens};
    use ferry_quota_server::price_book::PriceBook;

    #[test]
    fn the_table_says_the_same() {
        let book = PriceBook::parse(TABLE).unwrap();
        assert_eq!(book.models().count(), 3);
        for price in [PLAIN, LEGACY, THINKER] {
            let rates = book.model(price.model).unwrap().price;
            let Price {
                model: _,
                input,
                cached_input,
                output,
                reasoning,
            } = price;
            for (table, nanos) in [
                (rates.input, input),
                (rates.cached_input.unwrap_or(rates.input), cached_input),
                (rates.output, output),
                (rates.reasoning.unwrap_or(rates.output), reasoning),
            ] {
                // The table speaks of 1,000,000 tokens.
                assert_eq!(table.amount().units(), nanos * 1_000_000);
            }
        }
    }

    #[test]
    fn money_is_read_and_written() {
        for (text, units) in [
            ("0.000000000", 0),
            ("1.000000001", 1_000_000_001),
            ("12.500000000", 12_500_000_000),
        ] {
            assert_eq!(nanos(text).unwrap(), units);
            assert_eq!(dollars(units), text);
        }
        assert_eq!(nanos("-0.000000300").unwrap(), -300);
        for text in ["", "1", "1.5", "a.000000000", "1.00000000x"] {
            assert!(nanos(text).is_err(), "{text}");
        }
        let held = THINKER.hold(7, 3).unwrap();
        assert_eq!(held, 7 * 1_000 + 3 * 6_000);
        assert_eq!(THINKER.input_of_hold(held, 3).unwrap(), 7);
        assert_eq!(PLAIN.charge(&tokens(10, 2)).unwrap(), 10 * 300 + 2 * 1_200);
    }
}
