//! Commands that only read files.

use super::output::Output;
use crate::config::Config;
use crate::price_book::PriceBook;
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

/// What a good configuration comes to.
#[derive(Serialize)]
struct Checked {
    config: String,
    database: String,
    prices: String,
    price_version: String,
    currency: &'static str,
    currencies: Vec<&'static str>,
    models: usize,
    principals: Vec<String>,
    lifeless: &'static str,
    grpc: String,
    admin: String,
    http: String,
}

/// Checks a configuration and its price table.
pub(super) fn run(file: &Path, output: &Output) -> anyhow::Result<ExitCode> {
    let config = Config::load(file);
    let prices = config
        .as_ref()
        .ok()
        .map(|config| PriceBook::load(&config.prices));
    let config = config?;
    let Some(prices) = prices.transpose()? else {
        return Ok(ExitCode::FAILURE);
    };
    let names = config
        .principals
        .0
        .iter()
        .map(|principal| principal.name.to_string());
    let checked = Checked {
        config: file.display().to_string(),
        database: config.database.to_string(),
        prices: config.prices.display().to_string(),
        price_version: prices.version.clone(),
        currency: prices.currency.code(),
        currencies: prices.currencies().iter().map(|c| c.code()).collect(),
        models: prices.models().count(),
        principals: names.collect(),
        lifeless: config.policy.lifeless.name(),
        grpc: config.grpc.listen.to_string(),
        admin: config.admin.listen.to_string(),
        http: config.http.listen.to_string(),
    };
    output.result(&checked, |checked| {
        format!(
            "{} is good: {} models at prices {} in {}, gateways {}, leases without a sign of life: {}",
            checked.config,
            checked.models,
            checked.price_version,
            checked.currencies.join(", "),
            checked.principals.join(", "),
            checked.lifeless,
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
