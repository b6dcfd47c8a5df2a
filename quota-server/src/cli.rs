//! `ferry`, the command line: the server, and a client of its administration.
//!
//! Whatever changes state is asked of the running server; only `serve` opens a database for writing, and with no server running
//! what is in `files`. Results go to standard
//! output, as tables for people or, with `--json`, as what `/admin/v1` answers; everything else goes to standard error. Exit
//! status 0: done; 1: not done, and standard error says why; 2: not understood.

mod admin;
mod arguments;
mod check;
mod correct;
mod files;
mod house;
mod limit;
mod migrate;
mod output;
mod serve;
mod table;
mod transfer;
mod verify;

use arguments::{Arguments, Command};
use clap::Parser;
use output::Output;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

/// Runs a command line whose first argument is the program's name.
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        // Help and version come this way too; clap knows where each belongs, and there is nobody to tell if that fails.
        Err(error) => {
            let told = error.print();
            let code = if told.is_ok() { error.exit_code() } else { 1 };
            return ExitCode::from(u8::try_from(code).unwrap_or(1));
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(execute(arguments)),
        Err(error) => Err(anyhow::Error::new(error).context("failed to start the runtime")),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output::tell(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn execute(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments {
        server,
        json,
        command,
    } = arguments;
    let output = Output::new(json);
    match command {
        Command::Serve { config } => serve::run(&config).await,
        Command::CheckConfig { file } => check::run(&file, &output),
        Command::Verify(arguments) => verify::run(arguments, &server, &output).await,
        Command::Seal {
            month,
            list: _,
            without,
        } => admin::seal(&server.client()?, month, &without, &output).await,
        Command::Heads => admin::heads(&server.client()?, &output).await,
        Command::Backup { to, place } => files::backup(&to, place, &output),
        Command::Restore { from, place } => files::restore(&from, place, &output),
        Command::Migrate { from, to } => migrate::run(from, to, &output).await,
        Command::AcceptLoss { place, yes } => files::accept(place, yes, &output).await,
        Command::Tenant { command } => admin::tenant(&server.client()?, command, &output).await,
        Command::Key { command } => admin::key(&server.client()?, command, &output).await,
        Command::Topup(top_up) => admin::top_up(&server.client()?, top_up, &output).await,
        Command::Grant { command } => admin::grant(&server.client()?, command, &output).await,
        Command::Limit { command } => limit::run(&server.client()?, command, &output).await,
        Command::Transfer { command } => transfer::run(&server.client()?, command, &output).await,
        Command::Correct { command } => correct::run(&server.client()?, command, &output).await,
        Command::House { command } => house::run(&server.client()?, command, &output).await,
        Command::Accounts { tenant } => {
            admin::accounts(&server.client()?, tenant.as_ref(), &output).await
        }
        Command::Balance { tenant } => admin::balance(&server.client()?, &tenant, &output).await,
        Command::Reservations(query) => {
            admin::reservations(&server.client()?, query, &output).await
        }
        Command::Usage(query) => admin::usage(&server.client()?, query, &output).await,
    }
}
