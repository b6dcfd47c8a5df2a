//! `cargo quickstart`: a whole gateway on this machine, five requests through it, and what each of them cost.
//!
//! Nothing is left behind but what `target/` holds: the ledger lies in a temporary folder, and Ctrl-C stops everything that was
//! started. What a person reads goes to standard output, progress to standard error.
#![expect(clippy::print_stdout, reason = "a program for a person at a terminal")]

mod arguments;
mod demo;
mod report;
mod show;

use anyhow::Context as _;
use arguments::Arguments;
use clap::Parser as _;
use ferry_examples::gateway::{Gateway, Program};
use ferry_examples::progress::Progress;
use ferry_examples::workspace;
use std::process::ExitCode;
use std::time::Duration;

/// The first argument with which this program is the server and its command line.
const BE_FERRY: &str = "ferry";

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(BE_FERRY) {
        return ferry_quota_server::cli::run(std::env::args_os().skip(1));
    }
    let arguments = Arguments::parse();
    match tokio::runtime::Runtime::new()
        .context("failed to start the runtime")
        .and_then(|runtime| runtime.block_on(run(&arguments)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            show::failure(&error);
            ExitCode::FAILURE
        }
    }
}

/// What the demonstration's customer has paid in, in US dollars.
const BALANCE: &str = "5";

/// How soon a person is told that something they look at is gone.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Everything, until the demonstration is over or Ctrl-C.
async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    tokio::select! {
        done = demonstrate(arguments) => done,
        () = interrupted() => Ok(()),
    }
}

async fn demonstrate(arguments: &Arguments) -> anyhow::Result<()> {
    let progress = Progress::spinner();
    let this = std::env::current_exe().context("failed to find this program's own file")?;
    let mut builder = Gateway::builder(Program::new(this).arg(BE_FERRY))
        .balance(BALANCE)
        .progress(progress.clone());
    if let Some(provider) = arguments.provider()? {
        builder = builder.provider(provider).prices(read_prices()?);
    }
    let mut gateway = builder.start().await?;
    progress.step("sending five requests");
    let report = demo::run(&gateway).await?;
    drop(progress);
    if arguments.json {
        println!("{}", report.to_json()?);
    } else {
        print!("{}", report.to_text());
        if !arguments.once {
            print!(
                "{}",
                show::invitation(&report, &gateway.server().admin_socket())
            );
        }
    }
    if !arguments.once {
        watch(&mut gateway).await?;
    }
    gateway.stop().await
}

/// Stays until one of the programs ends by itself.
async fn watch(gateway: &mut Gateway) -> anyhow::Result<()> {
    let mut look = tokio::time::interval(WATCH_INTERVAL);
    loop {
        look.tick().await;
        gateway.check_running()?;
    }
}

/// The price table for real providers.
fn read_prices() -> anyhow::Result<String> {
    let file = workspace::root().join("examples/prices.toml");
    std::fs::read_to_string(&file).with_context(|| format!("failed to read {}", file.display()))
}

/// Returns at Ctrl-C, or when we are asked to stop.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
