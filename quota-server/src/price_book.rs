//! The price table: what each model costs the customer, what its provider charges, and what it can take and give.
//!
//! A table has a version and one currency, and is read exactly: prices are decimal strings per 1,000,000 tokens, never
//! floating point. A model that is not in it is refused and not listed; there is no price to fall back to. Whoever edits a
//! table gives it a new version: versions are recorded on every request, and a changed price under an old version would make
//! the record a lie.

mod reader;

use crate::document::Faults;
use ferry_types::{Currency, Exchange, Rates};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A checked price table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceBook {
    /// Name of this state of the table.
    pub version: String,
    /// The currency of every price in it.
    pub currency: Currency,
    /// The table as it was written: what the record of an old version is.
    pub text: String,
    models: BTreeMap<String, Model>,
    /// How much of another currency is one of this.
    exchange: BTreeMap<Currency, Exchange>,
}

/// One model as customers name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// As customers name it.
    pub name: String,
    /// Who serves it: the name of a provider in Envoy's configuration.
    pub provider: String,
    /// As the provider names it.
    pub provider_model: String,
    /// What else the provider calls it where it says what it served.
    pub aliases: BTreeSet<String>,
    /// Most tokens of input and output together.
    pub context_tokens_max: u64,
    /// Most tokens of output per choice.
    pub output_tokens_max: u64,
    /// The field in which it takes its output limit.
    pub output_limit_field: OutputLimitField,
    /// Fewest tokens of output that are worth a request.
    pub output_tokens_floor: u64,
    /// Most choices (`n`) of one request.
    pub choices_max: u32,
    /// When it was made, in Unix seconds, as OpenAI's `created`.
    pub created_s: u64,
    /// What the customer pays.
    pub price: Rates,
    /// What the provider charges.
    pub cost: Rates,
}

/// The two spellings of a chat completion's output limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputLimitField {
    /// The older one, which most providers take.
    MaxTokens,
    /// OpenAI's newer one; its reasoning models take nothing else.
    MaxCompletionTokens,
}

impl OutputLimitField {
    /// The field's name in the request.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

/// A price table that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PriceBookError {
    /// The file cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has faults.
    #[error("{} cannot be used:\n{faults}", path.display())]
    Faults {
        /// Which file.
        path: PathBuf,
        /// All of them.
        faults: Faults,
    },
}

impl PriceBook {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`PriceBookError`] with every fault of the file.
    pub fn load(path: &Path) -> Result<Self, PriceBookError> {
        let text = std::fs::read_to_string(path).map_err(|source| PriceBookError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|faults| PriceBookError::Faults {
            path: path.to_owned(),
            faults,
        })
    }

    /// Checks a table's text.
    ///
    /// # Errors
    /// All [`Faults`] of the text.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        crate::document::read(text, |root| reader::price_book(root, text))
    }

    /// The model that customers name so.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.models.get(name)
    }

    /// What the customers of each currency are asked for a model, and what that was made from: the table's own currency first.
    pub fn prices(&self, model: &Model) -> Vec<(Currency, Option<Exchange>, Rates)> {
        let exchanged = self.exchange.iter().filter_map(|(currency, exchange)| {
            // Whether they can be stored was looked at when the table was read.
            let rates = exchange.rates(&model.price, *currency).ok()?;
            Some((*currency, Some(*exchange), rates))
        });
        std::iter::once((self.currency, None, model.price))
            .chain(exchanged)
            .collect()
    }

    /// The currencies that customers can pay in: the table's own first.
    #[must_use]
    pub fn currencies(&self) -> Vec<Currency> {
        let others = self.exchange.keys().copied();
        std::iter::once(self.currency).chain(others).collect()
    }

    /// Every model, by name.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.values()
    }
}

#[cfg(test)]
mod tests;
