//! How fast Ferry's ledger is, beside what the disk and the bare databases can do at all.
//!
//! All cells are measured in one run, in interleaved rounds: appending and flushing a file; SQLite and PostgreSQL bare, which write
//! rows of the same number and size in batches of the same size, and read and decide nothing; one conditional UPDATE after the
//! other; the engine in this process; and the engine behind gRPC in a process of its own; on PostgreSQL also two of them on one
//! database. Closed loops tell how much they can do, open loops how long one operation takes at a
//! given rate. With `--rows`, the engine is measured on journals of that length too.
//!
//! Everything listens on Unix sockets, is bounded in count and time, and is stopped and deleted at the end.

mod append;
mod args;
mod bare_postgres;
mod bare_sqlite;
mod bench;
mod ceilings;
mod cell;
mod closed;
mod customers;
mod figures;
mod filler;
mod home;
mod load;
mod open;
mod pairs;
mod report;
mod request;
mod run;
mod running;
mod sample;
mod script;
mod server;
mod subject;
mod update;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use ferry_quota_server::cli;
use tokio::signal::unix::{SignalKind, signal};

use args::Args;
use figures::Figures;

/// The server's own, since it is measured in this process.
#[global_allocator]
static ALLOCATOR: ferry_quota_server::Allocator = ferry_quota_server::Allocator;

fn main() -> Result<ExitCode> {
    if std::env::args()
        .nth(1)
        .is_some_and(|role| role == server::ROLE)
    {
        return Ok(cli::run(std::env::args_os().skip(1)));
    }
    measure(&Args::parse())?;
    Ok(ExitCode::SUCCESS)
}

/// The run itself. The load generator has one thread beside the engine's writer.
fn measure(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let cells = runtime.block_on(async {
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
#[expect(clippy::print_stdout, reason = "the result of a benchmark")]
fn print(text: &str) {
    println!("{text}");
}
