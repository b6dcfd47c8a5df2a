//! `ferry serve`: the server until it is told to stop.

use super::output;
use crate::config::{Config, Log, LogFormat};
use crate::key_directory::Peppers;
use crate::price_book::PriceBook;
use crate::serve::Server;
use anyhow::Context;
use std::path::Path;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// SIGXFSZ, wherever ferry is built.
const FILE_TOO_LARGE: i32 = 25;

pub(super) async fn run(file: &Path) -> anyhow::Result<ExitCode> {
    let config = Config::load(file)?;
    let prices = PriceBook::load(&config.prices)?;
    start_log(&config.log)?;
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    // A file that reaches a limit fails to be written, as on a full disk. Unheard, this would kill the server instead.
    let file_too_large = SignalKind::from_raw(FILE_TOO_LARGE);
    let _too_large = signal(file_too_large).context("failed to listen for SIGXFSZ")?;
    let first_start = !Peppers::path(&config.secrets).exists();
    let secrets = config.secrets.clone();
    let (database, price_version) = (config.database.clone(), prices.version.clone());
    let mut server = Server::start(config, prices).await?;
    let at = server.addresses().clone();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"), grpc = %at.grpc, admin = %at.admin, http = %at.http,
        %database, price_version, "serving"
    );
    if first_start {
        output::tell(&format!(
            "ferry: a new ledger in {database}; its pepper is {secrets}.peppers: keep both, they belong together\n\
             ferry: administer it with\n    export FERRY_ADMIN={admin}\n    ferry tenant create acme\n    \
             ferry topup acme 5\n    ferry key create acme",
            secrets = secrets.display(),
            admin = at.admin,
        ));
    }
    let stop_asked = async {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    };
    tokio::select! {
        error = server.failed() => {
            tracing::error!(%error, "stopping: the server cannot go on");
            let stopped = server.stop().await;
            if let Err(later) = stopped {
                tracing::error!(error = %later, "failed to stop in good order");
            }
            Err(error.into())
        }
        why = stop_asked => {
            tracing::info!(signal = why, "draining");
            server.stop().await?;
            tracing::info!("stopped");
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn start_log(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|error| anyhow::anyhow!(error).context("failed to start the log"))
}
