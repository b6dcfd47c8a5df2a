//! A program of ours that runs beside us: its log, its end, and that it does not outlive us.
//!
//! A child gets a process group of its own, so that Ctrl-C reaches us alone and we stop everything in order. Should we be
//! killed, a small shell that waits for the end of a pipe from us kills the child.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How often we look whether something has happened.
pub(crate) const LOOK: Duration = Duration::from_millis(5);
/// How much of a log an error shows.
const TAIL_LINES: usize = 30;

/// A running program. Dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    watchdog: Option<Child>,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts a program. What it says on standard error is added to `log`; on standard output too, if there is no `output`
    /// for it.
    ///
    /// # Errors
    /// The log cannot be written, or the program not be started.
    pub fn start(
        name: &str,
        mut command: Command,
        log: &Path,
        output: Option<&Path>,
    ) -> anyhow::Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(append(output.unwrap_or(log))?)
            .stderr(append(log)?)
            .process_group(0);
        let child = command.spawn().with_context(|| {
            format!(
                "failed to start {name} ({})",
                command.get_program().to_string_lossy()
            )
        })?;
        let mut process = Self {
            name: name.to_owned(),
            child,
            watchdog: None,
            log: log.to_path_buf(),
            ended: None,
        };
        process.watchdog = Some(watch(process.id())?);
        Ok(process)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its log is.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// The system does not say.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait()?;
        }
        if self.ended.is_some() {
            self.dismiss_watchdog();
        }
        Ok(self.ended)
    }

    /// Fails, and shows the end of the log, if the program has ended.
    ///
    /// # Errors
    /// It has ended.
    pub fn check_running(&mut self) -> anyhow::Result<()> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => bail!("{} ended ({status}){}", self.name, self.tail()),
        }
    }

    /// The last lines of its log, as the end of a message.
    pub fn tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(TAIL_LINES);
        let tail = lines.get(from..).unwrap_or_default().join("\n");
        format!("; the end of {}:\n{tail}", self.log.display())
    }

    /// Asks it to stop (SIGTERM), and kills it if it has not after `grace`. Returns once it is gone.
    ///
    /// # Errors
    /// The system does not let us.
    pub async fn stop(&mut self, grace: Duration) -> anyhow::Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        self.signal(Signal::TERM)?;
        let deadline = Instant::now() + grace;
        while self.ended()?.is_none() {
            if Instant::now() >= deadline {
                return self.kill();
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Kills it (SIGKILL), as a crash would, and returns once it is gone.
    ///
    /// # Errors
    /// The system does not let us.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if self.ended()?.is_none() {
            self.child.kill()?;
            // Before it is reaped its id cannot be another's, so that the watchdog goes first.
            self.dismiss_watchdog();
            self.ended = Some(self.child.wait()?);
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), signal)
            .with_context(|| format!("failed to signal {}", self.name))
    }

    fn dismiss_watchdog(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            // It may have gone by itself, which is as good.
            drop(watchdog.kill());
            drop(watchdog.wait());
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to be told.
        drop(self.kill());
    }
}

fn append(path: &Path) -> anyhow::Result<File> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("failed to write the log {}", path.display()))
}

/// A shell that kills a process as soon as the pipe from us ends, which it does when we do.
fn watch(id: u32) -> anyhow::Result<Child> {
    Command::new("sh")
        .args(["-c", "read -r line; kill -KILL \"$0\""])
        .arg(id.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("failed to start a shell")
}

#[cfg(test)]
mod tests {
    use super::{LOOK, Process};
    use std::fs;
    use std::path::Path;
    use std::process::Command;
    use std::time::{Duration, Instant};

    const LONG: Duration = Duration::from_secs(30);

    fn shell(script: &str, folder: &Path) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::start("the shell", command, &folder.join("log"), None).unwrap()
    }

    fn until(mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + LONG;
        while !holds() {
            assert!(Instant::now() < deadline, "waited too long");
            std::thread::sleep(LOOK);
        }
    }

    fn runs(id: u32) -> bool {
        // A zombie does not run.
        fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| {
            !stat
                .rsplit(')')
                .next()
                .unwrap_or("")
                .trim()
                .starts_with('Z')
        })
    }

    #[tokio::test]
    async fn a_polite_program_stops_by_itself_and_a_stubborn_one_is_killed() {
        for (script, grace, code) in [
            (
                "trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done",
                LONG,
                Some(7),
            ),
            (
                "trap '' TERM; echo up; while :; do sleep 0.01; done",
                LOOK,
                None,
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let mut process = shell(script, folder.path());
            until(|| process.tail().contains("up"));
            process.stop(grace).await.unwrap();
            assert_eq!(process.ended().unwrap().unwrap().code(), code, "{script}");
        }
    }

    #[test]
    fn an_early_end_shows_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = shell("echo no such cluster >&2; exit 3", folder.path());
        until(|| process.ended().unwrap().is_some());
        let error = process.check_running().unwrap_err().to_string();
        assert!(
            error.contains("exit status: 3") && error.contains("no such cluster"),
            "{error}"
        );
    }

    #[test]
    fn dropped_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let process = shell("sleep 1000", folder.path());
        let id = process.id();
        assert!(runs(id));
        drop(process);
        assert!(!runs(id));
    }

    #[test]
    fn the_watchdog_kills_what_we_leave_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = shell("sleep 1000", folder.path());
        // What happens to the pipe when we die.
        drop(process.watchdog.as_mut().unwrap().stdin.take());
        until(|| process.ended().unwrap().is_some());
    }
}
