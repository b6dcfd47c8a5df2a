//! From the document to the checked price table.

use super::{Model, OutputLimitField, PriceBook};
use crate::document::Section;
use ferry_api::bound::{MODEL_BYTES_MAX, PROVIDER_BYTES_MAX};
use ferry_types::{Amount, Currency, Exchange, ExchangeRate, Price, Rates};
use std::collections::{BTreeMap, BTreeSet};

/// More tokens than any context: keeps products of tokens and prices far from overflow.
const TOKENS_MOST: u64 = 1_000_000_000;
/// What OpenAI accepts as `n`.
const CHOICES_MAX: u32 = 128;
/// Every reservation pins them.
const ALIASES_MAX: usize = 16;
/// A version is a metric's label.
const VERSION_BYTES_MAX: usize = 64;

const OUTPUT_LIMIT_FIELDS: [(&str, OutputLimitField); 2] = [
    ("max_tokens", OutputLimitField::MaxTokens),
    (
        "max_completion_tokens",
        OutputLimitField::MaxCompletionTokens,
    ),
];

pub(super) fn price_book(root: &mut Section<'_>, text: &str) -> Option<PriceBook> {
    let version = name(root, "version", VERSION_BYTES_MAX);
    let version = root.required("version", version);
    let currency = currency(root);
    let currency = root.required("currency", currency);
    // Prices cannot be read without their currency; everything else still can.
    let models = root.sections("model", |s| model(s, currency.unwrap_or(Currency::Usd)));
    root.required("model", (!models.is_empty()).then_some(()));
    let mut by_name = BTreeMap::new();
    for model in models.into_iter().flatten() {
        if let Some(earlier) = by_name.insert(model.name.clone(), model) {
            root.fault(
                "model",
                format_args!("'{}' stands there twice", earlier.name),
            );
        }
    }
    let exchange = exchange(root, currency, &by_name);
    Some(PriceBook {
        version: version?,
        currency: currency?,
        text: text.to_owned(),
        models: by_name,
        exchange,
    })
}

/// Rates into other currencies. Every price must fit in each.
fn exchange(
    root: &mut Section<'_>,
    from: Option<Currency>,
    models: &BTreeMap<String, Model>,
) -> BTreeMap<Currency, Exchange> {
    let Some(from) = from else {
        return BTreeMap::new();
    };
    let read = root.section("exchange", |section| {
        let mut rates = BTreeMap::new();
        for to in Currency::ALL {
            let Some(rate) = rate(section, to.code()) else {
                continue;
            };
            let exchange = Exchange { from, rate };
            let fits = |model: &&Model| exchange.rates(&model.price, to).is_ok();
            if to == from {
                section.fault(to.code(), "is the table's own currency");
            } else if let Some(model) = models.values().find(|model| !fits(model)) {
                let problem = format_args!("the price of '{}' does not fit", model.name);
                section.fault(to.code(), problem);
            } else {
                rates.insert(to, exchange);
            }
        }
        rates
    });
    read.unwrap_or_default()
}

fn rate(section: &mut Section<'_>, key: &'static str) -> Option<ExchangeRate> {
    let text = section.text(key)?;
    match text.parse() {
        Ok(rate) => Some(rate),
        Err(problem) => {
            section.fault(key, format_args!("'{text}' is {problem}"));
            None
        }
    }
}

fn currency(root: &mut Section<'_>) -> Option<Currency> {
    root.choice(
        "currency",
        &Currency::ALL.map(|currency| (currency.code(), currency)),
    )
}

fn model(section: &mut Section<'_>, currency: Currency) -> Option<Model> {
    let model_name = name(section, "name", MODEL_BYTES_MAX);
    let model_name = section.required("name", model_name);
    let provider = name(section, "provider", PROVIDER_BYTES_MAX);
    let provider = section.required("provider", provider);
    let provider_model = name(section, "provider_model", MODEL_BYTES_MAX);
    let aliases = aliases(section);
    let context = section.integer("context_tokens_max", 1, TOKENS_MOST);
    let context = section.required("context_tokens_max", context);
    let output = section.integer("output_tokens_max", 1, TOKENS_MOST);
    let output = section.required("output_tokens_max", output);
    let field = section.choice("output_limit_field", &OUTPUT_LIMIT_FIELDS);
    let field = section.required("output_limit_field", field);
    let floor = section
        .integer("output_tokens_floor", 1, TOKENS_MOST)
        .unwrap_or(1);
    let choices = section.integer("choices_max", 1, CHOICES_MAX.into());
    let choices_max = choices.and_then(|n| u32::try_from(n).ok());
    let created_s = section.date("created").unwrap_or(0);
    let price = section.section("price", |s| rates(s, currency)).flatten();
    let price = section.required("price", price);
    let cost = section.section("cost", |s| rates(s, currency)).flatten();
    let cost = section.required("cost", cost);
    let (context, output) = (context?, output?);
    if output > context {
        let problem = format_args!("{output} is more than context_tokens_max, {context}");
        section.fault("output_tokens_max", problem);
    }
    if floor > output {
        let problem = format_args!("{floor} is more than output_tokens_max, {output}");
        section.fault("output_tokens_floor", problem);
    }
    let model_name = model_name?;
    Some(Model {
        provider: provider?,
        provider_model: provider_model.unwrap_or_else(|| model_name.clone()),
        name: model_name,
        aliases: aliases?,
        context_tokens_max: context,
        output_tokens_max: output,
        output_limit_field: field?,
        output_tokens_floor: floor,
        choices_max: choices_max.unwrap_or(CHOICES_MAX),
        created_s,
        price: price?,
        cost: cost?,
    })
}

fn rates(section: &mut Section<'_>, currency: Currency) -> Option<Rates> {
    let mut price = |key| amount(section, key, currency).map(Price::per_million);
    let (input, output) = (price("input"), price("output"));
    let cached_input = price("cached_input");
    let cache_write = price("cache_write");
    let audio_input = price("audio_input");
    let reasoning = price("reasoning");
    let audio_output = price("audio_output");
    let per_request = amount(section, "per_request", currency);
    let input = section.required("input", input);
    let output = section.required("output", output);
    Some(Rates {
        input: input?,
        output: output?,
        cached_input,
        cache_write,
        audio_input,
        reasoning,
        audio_output,
        per_request: per_request.unwrap_or(Amount::ZERO),
    })
}

/// A decimal string. A number is refused: TOML reads it as floating point, which does not hold `0.15`.
fn amount(section: &mut Section<'_>, key: &'static str, currency: Currency) -> Option<Amount> {
    let text = section.text(key)?;
    Amount::parse(&text, currency)
        .map_err(|problem| section.fault(key, problem))
        .ok()
}

/// `None` after a fault.
fn aliases(section: &mut Section<'_>) -> Option<BTreeSet<String>> {
    let texts = section.texts("aliases");
    if texts.len() > ALIASES_MAX {
        let problem = format_args!("{} names, and at most {ALIASES_MAX} are kept", texts.len());
        section.fault("aliases", problem);
        return None;
    }
    let checked = |text| checked(section, "aliases", text, MODEL_BYTES_MAX);
    texts.into_iter().map(checked).collect()
}

fn name(section: &mut Section<'_>, key: &'static str, bytes_max: usize) -> Option<String> {
    let text = section.text(key)?;
    checked(section, key, text, bytes_max)
}

fn checked(
    section: &Section<'_>,
    key: &'static str,
    text: String,
    bytes_max: usize,
) -> Option<String> {
    let printable = text.chars().all(|c| !c.is_control() && !c.is_whitespace());
    if text.is_empty() || text.len() > bytes_max || !printable {
        let problem = format_args!("must be 1 to {bytes_max} bytes without spaces");
        section.fault(key, problem);
        return None;
    }
    Some(text)
}
