//! What Ferry costs: throughput, latency, processor time and memory, beside what is in its place otherwise.
//!
//! All targets are measured in one run, in interleaved rounds: the provider itself; a plain Envoy before it; that Envoy with one
//! ext_authz call to a trivial service; the same with one durable write behind the call; and Ferry, which makes two calls and
//! writes twice a request. Ratios side by side tell more than figures from different machines, or of different minutes.
//!
//! Everything listens on loopback or on a Unix socket, is bounded in count and time, and is stopped at the end.

mod answer;
mod args;
mod authz;
mod cell;
mod configuration;
mod figures;
mod gateways;
mod load;
mod process;
mod provider;
mod report;
mod run;
mod target;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use ferry_quota_server::cli;
use tokio::signal::unix::{SignalKind, signal};

use args::Args;
use figures::Figures;

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_ref().and_then(|role| role.to_str()) {
        Some(gateways::FERRY_ROLE) => return Ok(cli::run(std::env::args_os().skip(1))),
        Some(authz::ROLE) => many_threads(authz::serve(&arguments.collect::<Vec<OsString>>()))?,
        Some(provider::ROLE) => many_threads(provider::serve())?,
        _ => bench(&Args::parse())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A role's runtime, as `ferry serve` has one.
fn many_threads(role: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime
        .context("failed to start the runtime")?
        .block_on(role)
}

/// The run itself. The load generator has one thread: it takes as little as it can from what it measures.
fn bench(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let cells = runtime
        .context("failed to start the runtime")?
        .block_on(async {
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::select! {
                cells = run::run(args) => cells,
                _ = interrupt.recv() => bail!("interrupted"),
                _ = terminate.recv() => bail!("terminated"),
            }
        })?;
    let figures = Figures::of(&cells);
    print(&if args.json {
        serde_json::to_string(&figures)?
    } else {
        report::tables(&figures)
    });
    Ok(())
}

/// One line, or a table, on standard output.
#[expect(
    clippy::print_stdout,
    reason = "the result of a benchmark, and the ready line of its roles"
)]
fn print(text: &str) {
    println!("{text}");
}
