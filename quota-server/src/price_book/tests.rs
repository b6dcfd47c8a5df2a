//! A table is read to the last digit, and every fault of it is told at once.

use super::*;
use ferry_types::TokenClass;

const TABLE: &str = "
version = '2026-11-01'
currency = 'USD'

[[model]]
name = 'gpt-4o-mini'
provider = 'openai'
context_tokens_max = 128000
output_tokens_max = 16384
output_limit_field = 'max_completion_tokens'
created = 2024-07-18
price = { input = '0.18', output = '0.72', cached_input = '0.09', per_request = '0.0001' }
cost = { input = '0.15', output = '0.60', cached_input = '0.075' }

[[model]]
name = 'house'
provider = 'local'
provider_model = 'llama-3.1-8b'
aliases = ['llama-3.1-8b-q4', 'llama']
context_tokens_max = 8192
output_tokens_max = 4096
output_tokens_floor = 16
choices_max = 1
output_limit_field = 'max_tokens'
price = { input = '0.000000001', output = '1000', cache_write = '1', audio_input = '2', reasoning = '3', audio_output = '4' }
cost = { input = '0', output = '0' }
";

/// A dong has six digits behind the point where a dollar has nine: a factor of 1,000 that is easily lost.
#[test]
fn prices_are_exchanged_into_the_customer_s_currency() {
    let table = format!("{TABLE}[exchange]\nVND = '26350.5'\nEUR = '0.9'\n");
    let book = PriceBook::parse(&table).expect("a good table");
    assert_eq!(
        book.currencies(),
        [Currency::Usd, Currency::Eur, Currency::Vnd]
    );
    let mini = book.model("gpt-4o-mini").expect("listed");
    let told: Vec<_> = book
        .prices(mini)
        .into_iter()
        .map(|(currency, exchange, rates)| {
            let rate = exchange.map_or_else(String::new, |exchange| exchange.rate.to_string());
            let units = |price: ferry_types::Price| price.amount().units();
            (
                currency,
                rate,
                units(rates.input),
                rates.cached_input.map(units),
                rates.per_request.units(),
            )
        })
        .collect();
    let expected = [
        (Currency::Usd, "", 180_000_000, Some(90_000_000), 100_000),
        (Currency::Eur, "0.9", 162_000_000, Some(81_000_000), 90_000),
        // 0.18 USD are 4,743.09 VND, 0.0001 USD are 2.63505.
        (
            Currency::Vnd,
            "26350.5",
            4_743_090_000,
            Some(2_371_545_000),
            2_635_050,
        ),
    ];
    assert_eq!(
        told,
        expected.map(|(currency, rate, input, cached, request)| (
            currency,
            rate.to_owned(),
            input,
            cached,
            request
        ))
    );
}

#[test]
fn rates_that_cannot_be_used_are_told() {
    // What can be stored of a price in dong at this rate is a little more than 1,000 dollars.
    let dear = TABLE.replace("output = '1000'", "output = '1001'");
    for (rates, said) in [
        ("USD = '1'", "exchange.USD: is the table's own currency"),
        ("VND = '0'", "exchange.VND: '0' is not a decimal above zero"),
        ("VND = 26350", "exchange.VND"),
        (
            "VND = '9223372036'",
            "exchange.VND: the price of 'house' does not fit",
        ),
        ("XXX = '2'", "exchange.XXX"),
    ] {
        let faults = PriceBook::parse(&format!("{dear}[exchange]\n{rates}\n")).expect_err(rates);
        assert!(faults.to_string().contains(said), "{rates}: {faults}");
    }
}

#[test]
fn a_table_is_read_to_the_last_digit() {
    let book = PriceBook::parse(TABLE).expect("a good table");
    assert_eq!(book.version, "2026-11-01");
    assert_eq!(book.currency, Currency::Usd);
    let names: Vec<_> = book.models().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["gpt-4o-mini", "house"]);

    let mini = book.model("gpt-4o-mini").expect("listed");
    assert_eq!(mini.provider_model, "gpt-4o-mini");
    assert_eq!(mini.output_limit_field.name(), "max_completion_tokens");
    assert_eq!(mini.output_tokens_floor, 1);
    assert_eq!(mini.choices_max, 128);
    assert_eq!(mini.created_s, 1_721_260_800);
    assert_eq!(mini.price.per_request.units(), 100_000);
    assert_eq!(mini.cost.per_request.units(), 0);

    let house = book.model("house").expect("listed");
    assert_eq!(house.provider_model, "llama-3.1-8b");
    let aliases = ["llama", "llama-3.1-8b-q4"].map(str::to_owned);
    assert_eq!(
        (house.aliases.clone(), mini.aliases.len()),
        (aliases.into(), 0)
    );
    assert_eq!(house.output_tokens_floor, 16);
    assert_eq!(house.choices_max, 1);
    let per_million = TokenClass::ALL.map(|class| house.price.of(class).amount().units());
    let one = 1_000_000_000;
    assert_eq!(
        per_million,
        [1, 1, one, 2 * one, 1000 * one, 3 * one, 4 * one]
    );
    assert_eq!(book.model("gpt-5"), None);
}

#[test]
fn a_price_is_in_its_own_currencys_scale() {
    let dong = TABLE
        .replace("USD", "VND")
        .replace("0.000000001", "0.000001");
    let book = PriceBook::parse(&dong).expect("a good table");
    let house = book.model("house").expect("listed");
    assert_eq!(house.price.output.amount().units(), 1_000_000_000);
}

/// A change to the table above, and all that is said about it.
const FAULTS: &[(&str, &str, &str)] = &[
    ("version = '2026-11-01'", "", "version: missing"),
    (
        "'2026-11-01'",
        "'a b'",
        "version: must be 1 to 64 bytes without spaces",
    ),
    (
        "'USD'",
        "'usd'",
        "currency: 'usd' is none of USD, EUR, VND, IDR",
    ),
    (
        "'house'",
        "'gpt-4o-mini'",
        "model: 'gpt-4o-mini' stands there twice",
    ),
    (
        "'llama']",
        "'a llama']",
        "model[1].aliases: must be 1 to 256 bytes without spaces",
    ),
    (
        "'llama']",
        "'1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g']",
        "model[1].aliases: 17 names, and at most 16 are kept",
    ),
    ("name = 'house'", "", "model[1].name: missing"),
    ("provider = 'local'", "", "model[1].provider: missing"),
    (
        "'local'",
        "''",
        "model[1].provider: must be 1 to 64 bytes without spaces",
    ),
    (
        "context_tokens_max = 8192",
        "",
        "model[1].context_tokens_max: missing",
    ),
    (
        "= 8192",
        "= 0",
        "model[1].context_tokens_max: 0 is not from 1 to 1000000000",
    ),
    (
        "= 8192",
        "= 4000",
        "model[1].output_tokens_max: 4096 is more than context_tokens_max, 4000",
    ),
    (
        "= 4096",
        "= 15",
        "model[1].output_tokens_floor: 16 is more than output_tokens_max, 15",
    ),
    (
        "= 4096",
        "= 4096.0",
        "model[1].output_tokens_max: must be a whole number, not a value of type float",
    ),
    (
        "'max_tokens'",
        "'limit'",
        "model[1].output_limit_field: 'limit' is none of max_tokens, max_completion_tokens",
    ),
    (
        "output_limit_field = 'max_tokens'",
        "",
        "model[1].output_limit_field: missing",
    ),
    (
        "cost = { input = '0', output = '0' }",
        "",
        "model[1].cost: missing",
    ),
    ("input = '0',", "", "model[1].cost.input: missing"),
    (
        "input = '0'",
        "input = '-1'",
        "model[1].cost.input: below zero",
    ),
    (
        "input = '0'",
        "input = 0.15",
        "model[1].cost.input: must be a string, not a value of type float",
    ),
    (
        "input = '0'",
        "input = '1e3'",
        "model[1].cost.input: '1e3' is not a decimal number such as 12.50",
    ),
    (
        "input = '0'",
        "input = '0.0000000001'",
        "model[1].cost.input: more than 9 digits after the point for USD",
    ),
    (
        "input = '0'",
        "input = '9999999999999'",
        "model[1].cost.input: amount out of range",
    ),
    (
        "input = '0'",
        "inputs = '0', input = '0'",
        "model[1].cost.inputs: not known; known here: input, output, cached_input, cache_write, audio_input, reasoning, audio_output, per_request",
    ),
    (
        "2024-07-18",
        "'2024-07-18'",
        "model[0].created: must be a date such as 2024-07-18, not a value of type string",
    ),
];

#[test]
fn every_fault_is_told_with_its_path() {
    for (find, replace, told) in FAULTS {
        let table = TABLE.replacen(find, replace, 1);
        assert_ne!(table, TABLE, "{find} stands in the table");
        let faults = PriceBook::parse(&table).expect_err(told);
        assert_eq!(faults.to_string(), *told);
    }
}

#[test]
fn faults_are_told_together() {
    let faults = PriceBook::parse("currency = 'X'\n[[model]]\n").expect_err("faults");
    let expected = "\
version: missing
currency: 'X' is none of USD, EUR, VND, IDR
model[0].name: missing
model[0].provider: missing
model[0].context_tokens_max: missing
model[0].output_tokens_max: missing
model[0].output_limit_field: missing
model[0].price: missing
model[0].cost: missing";
    assert_eq!(faults.to_string(), expected);
    let faults = PriceBook::parse("version = '1'\ncurrency = 'USD'").expect_err("empty");
    assert_eq!(faults.to_string(), "model: missing");
}

#[test]
fn the_shipped_table_is_good() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/prices.toml");
    let book = PriceBook::load(&path).expect("a good table");
    for model in book.models() {
        for class in TokenClass::ALL {
            let (price, cost) = (model.price.of(class), model.cost.of(class));
            assert!(price >= cost, "{} is sold below its cost", model.name);
        }
    }
    assert!(book.model("gpt-4o-mini").is_some());
}
