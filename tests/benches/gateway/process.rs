//! The other processes of a run: started from this same program under another first argument, measured through `/proc`, and
//! gone when the run is over.
//!
//! A role says its address in one line on standard output when it is ready, and ends when its standard input does: so it cannot
//! outlive the run, however that ends.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// One tick of `/proc/PID/stat`. The kernel shows them to programs at 100 a second on every platform that Ferry runs on.
const TICK: Duration = Duration::from_millis(10);

/// A child that is killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts this program again as `role`, and waits for the line that it prints when it is ready.
    pub fn role(role: &str, arguments: &[&OsStr]) -> Result<(Self, String)> {
        let program = std::env::current_exe().context("failed to find the running program")?;
        let child = Command::new(program)
            .arg(role)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("failed to start the {role} process"))?;
        let mut process = Self { child };
        let output = process
            .child
            .stdout
            .take()
            .context("the child has no standard output")?;
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .with_context(|| format!("failed to read from the {role} process"))?;
        if line.is_empty() {
            bail!("the {role} process ended before it was ready");
        }
        Ok((process, line.trim_end().to_owned()))
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing left to do.
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}

/// Ends this process when its parent is gone. For roles, which would otherwise wait for requests for ever.
pub fn end_with_parent() {
    std::thread::spawn(|| {
        let mut rest = Vec::new();
        std::io::stdin().lock().read_to_end(&mut rest).ok();
        std::process::exit(0);
    });
}

/// The processor time, user and system, that a process has used since it started.
pub fn processor_time(id: u32) -> Result<Duration> {
    let path = format!("/proc/{id}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    // The second field is the program's name in brackets, and may contain anything. utime and stime are the 14th and 15th.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse::<u32>)
        .sum::<Result<u32, _>>();
    Ok(TICK * ticks.with_context(|| format!("failed to understand {path}"))?)
}

/// The memory of a process that is resident now, in KiB.
pub fn resident_kib(id: u32) -> Result<u64> {
    let path = format!("/proc/{id}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .with_context(|| format!("{path} has no VmRSS"))?;
    resident
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .with_context(|| format!("failed to understand VmRSS in {path}"))
}
