//! A process that hangs.

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

/// A process that is stopped where it stands: it answers nothing, and its connections stay. Dropped, it goes on.
#[derive(Debug)]
pub struct Paused(Pid);

impl Paused {
    /// Stops a process.
    ///
    /// # Errors
    /// There is none of this id, or it is not ours.
    pub fn process(id: u32) -> anyhow::Result<Self> {
        let id = Pid::from_raw(i32::try_from(id)?).context("no process id")?;
        kill_process(id, Signal::STOP).context("failed to stop a process")?;
        Ok(Self(id))
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        // That it fails means that the process is gone by now.
        kill_process(self.0, Signal::CONT).ok();
    }
}
