//! `ferry limit`.

use super::output::Output;
use super::table;
use crate::admin::Client;
use crate::admin::wire::{LimitScope, SetLimit};
use clap::{Args, Subcommand};
use ferry_types::{KeyId, LimitId, TenantId};
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum LimitCommand {
    /// Set a limit, or change the bound of one. What it has counted stays.
    ///
    /// For example: ferry limit set acme daily 10.00 --of money --per day;
    /// ferry limit set acme rate 60 --of requests --per minute --each key;
    /// ferry limit set acme pinned 1.00 --of money --per at_once --each end_user
    Set(Box<LimitArguments>),
    /// List a tenant's limits, with what they have counted.
    List { tenant: TenantId },
    /// Show what a limit has counted for each of its subjects, those with the least left first.
    Counters {
        tenant: TenantId,
        limit: LimitId,
        /// At most so many.
        #[arg(long, default_value_t = 20, value_name = "NUMBER")]
        rows: usize,
    },
    /// Take a limit away, with all that it has counted.
    Remove { tenant: TenantId, limit: LimitId },
}

#[derive(Debug, Args)]
pub(super) struct LimitArguments {
    tenant: TenantId,
    /// Its id: a-z, 0-9 and '-'.
    limit: LimitId,
    /// The most that goes through: money in the tenant's currency, or a number. 0 lets nothing through.
    bound: String,
    /// What is counted. Money and output count as the most that a request may come to while it runs, input as what it will probably
    /// count; then as what it came to.
    #[arg(long, value_parser = ["requests", "input_tokens", "output_tokens", "tokens", "money"])]
    of: String,
    /// How long before it begins anew: minutes and hours of UTC, days, weeks from Monday on and months in the tenant's zone; at_once
    /// limits what is in flight.
    #[arg(long, value_parser = ["at_once", "minute", "hour", "day", "week", "month", "lifetime"])]
    per: String,
    /// Only requests with this key.
    #[arg(long)]
    key: Option<KeyId>,
    /// Only requests to this model, by its name in the price table.
    #[arg(long)]
    model: Option<String>,
    /// Only requests with this x-ferry-feature.
    #[arg(long)]
    feature: Option<String>,
    /// Only requests with this x-ferry-environment.
    #[arg(long)]
    environment: Option<String>,
    /// Only requests with this x-ferry-end-user.
    #[arg(long)]
    end_user: Option<String>,
    /// Count these apart, each with the bound of its own. What does not say which is counted together.
    #[arg(long, value_parser = ["key", "model", "feature", "environment", "end_user"])]
    each: Option<String>,
    /// Count at most so many apart in a window, 1,000 if left out; the rest is counted together.
    #[arg(long, requires = "each", value_name = "NUMBER")]
    at_most: Option<u32>,
}

pub(super) async fn run(
    client: &Client,
    command: LimitCommand,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    match command {
        LimitCommand::Set(arguments) => {
            let tenant = arguments.tenant.clone();
            let set = client
                .set_limit(tenant.as_str(), &SetLimit::from(*arguments))
                .await?;
            output.result(&set, table::changed(table::limit))?;
        }
        LimitCommand::List { tenant } => {
            output.result(&client.limits(tenant.as_str()).await?, table::limits)?;
        }
        LimitCommand::Counters {
            tenant,
            limit,
            rows,
        } => {
            let counters = client.counters(tenant.as_str(), limit.as_str(), rows);
            output.result(&counters.await?, table::counters)?;
        }
        LimitCommand::Remove { tenant, limit } => {
            let removed = client.remove_limit(tenant.as_str(), limit.as_str());
            output.result(&removed.await?, table::changed(table::removed_limit))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl From<LimitArguments> for SetLimit {
    fn from(arguments: LimitArguments) -> Self {
        let LimitArguments {
            tenant: _,
            limit,
            bound,
            of,
            per,
            key,
            model,
            feature,
            environment,
            end_user,
            each,
            at_most,
        } = arguments;
        Self {
            id: limit.to_string(),
            measure: of,
            span: per,
            bound,
            scope: LimitScope {
                key: key.map(|key| key.to_string()),
                model,
                feature,
                environment,
                end_user,
            },
            each,
            subjects_max: at_most,
        }
    }
}
