//! The quota server as a program of its own, which can be killed and started again on the same files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use ferry_quota_server::admin::Client;

use super::builder::Program;
use crate::process::Process;
use crate::wait;

/// Longer than the drain that its configuration allows.
const GRACE: Duration = Duration::from_secs(30);

/// `ferry serve`, running or not. Dropped, it is killed.
#[derive(Debug)]
pub struct Server {
    program: Program,
    folder: PathBuf,
    process: Option<Process>,
    admin: Client,
}

impl Server {
    /// A server that is not running yet. Its configuration is `ferry.toml` in `folder`.
    pub(super) fn new(program: Program, folder: &Path) -> anyhow::Result<Self> {
        let socket = folder.join("admin.sock");
        let admin = Client::new(&format!("unix:{}", socket.display()), None)?;
        Ok(Self {
            program,
            folder: folder.to_path_buf(),
            process: None,
            admin,
        })
    }

    /// Starts it, and waits until it takes calls.
    ///
    /// # Errors
    /// It does not start, or ends early; the message shows the end of its log.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new(&self.program.path);
        command
            .args(&self.program.args)
            .arg("serve")
            .arg("--config")
            .arg(self.config());
        let process = Process::start("ferry serve", command, &self.log(), None)?;
        let process = self.process.insert(process);
        let admin = &self.admin;
        wait::until("the quota server", async || {
            process.check_running()?;
            let ready = admin.status().await.is_ok_and(|status| status.ready);
            Ok(ready.then_some(()))
        })
        .await
    }

    /// Stops it in order, as SIGTERM does.
    ///
    /// # Errors
    /// The system does not let us.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(mut process) => process.stop(GRACE).await,
            None => Ok(()),
        }
    }

    /// Kills it, as a crash would.
    ///
    /// # Errors
    /// The system does not let us.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill(),
            None => Ok(()),
        }
    }

    /// Kills it, and starts it again on the same files.
    ///
    /// # Errors
    /// It does not start.
    pub async fn crash(&mut self) -> anyhow::Result<()> {
        self.kill()?;
        self.start().await
    }

    /// Its administration.
    pub fn admin(&self) -> &Client {
        &self.admin
    }

    /// Where gateways call it.
    pub fn quota_socket(&self) -> PathBuf {
        self.folder.join("quota.sock")
    }

    /// Its SQLite file.
    pub fn database(&self) -> PathBuf {
        self.folder.join("ferry.db")
    }

    /// Its configuration.
    pub fn config(&self) -> PathBuf {
        self.folder.join("ferry.toml")
    }

    /// Its log.
    pub fn log(&self) -> PathBuf {
        self.folder.join("ferry.log")
    }

    /// What stands before `/metrics` and `/readyz`; another one after a restart.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn http_url(&self) -> anyhow::Result<String> {
        Ok(format!("http://{}", self.admin.status().await?.http))
    }

    /// Its metrics, as Prometheus reads them.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let url = format!("{}/metrics", self.http_url().await?);
        let answer = reqwest::get(url).await?.error_for_status()?;
        Ok(answer.text().await?)
    }

    /// Its process id.
    ///
    /// # Errors
    /// It does not run.
    pub fn id(&self) -> anyhow::Result<u32> {
        let process = self
            .process
            .as_ref()
            .context("the quota server does not run")?;
        Ok(process.id())
    }

    /// Fails, and shows the end of its log, if it has ended by itself.
    ///
    /// # Errors
    /// It has.
    pub fn check_running(&mut self) -> anyhow::Result<()> {
        self.process.as_mut().map_or(Ok(()), Process::check_running)
    }

    /// The socket of its administration, for the command line.
    pub fn admin_socket(&self) -> PathBuf {
        self.folder.join("admin.sock")
    }
}
