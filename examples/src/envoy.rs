//! Envoy: to obtain it, to configure it, to run it.

pub mod config;
pub mod obtain;
pub mod render;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::process::{LOOK, Process};

/// A busy machine with a cold disk has been seen to take ten seconds.
const READY: Duration = Duration::from_secs(120);
/// Envoy does not drain on SIGTERM; it goes at once.
const GRACE: Duration = Duration::from_secs(10);

/// A running Envoy. Dropped, it is killed.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    admin: SocketAddr,
    listener: SocketAddr,
    folder: PathBuf,
}

impl Envoy {
    /// Starts Envoy with a configuration and waits until it takes requests. `folder` gets its logs.
    ///
    /// The configuration's admin and listener ports should be 0: the system chooses, and the accessors tell.
    ///
    /// # Errors
    /// It does not start, or ends early; the message shows the end of its log.
    pub async fn start(
        binary: &Path,
        config: &Path,
        folder: &Path,
        workers: u32,
    ) -> anyhow::Result<Self> {
        let address = folder.join("admin-address");
        if address.exists() {
            fs::remove_file(&address).context("failed to remove an old address of Envoy's")?;
        }
        let mut command = Command::new(binary);
        command
            .arg("--config-path")
            .arg(config)
            .arg("--admin-address-path")
            .arg(&address)
            .arg("--concurrency")
            .arg(workers.to_string())
            // Hot restart shares memory between Envoys, and leaves it behind when one is killed.
            .arg("--disable-hot-restart");
        let log = folder.join("envoy.log");
        let access = folder.join("access.log");
        let mut process = Process::start("Envoy", command, &log, Some(&access))?;
        let deadline = Instant::now() + READY;
        let admin = loop {
            if let Some(admin) = ready(&address).await {
                break admin;
            }
            pause(&mut process, deadline).await?;
        };
        let listener = loop {
            if let Some(listener) = listener(admin).await? {
                break listener;
            }
            pause(&mut process, deadline).await?;
        };
        Ok(Self {
            process,
            admin,
            listener,
            folder: folder.to_path_buf(),
        })
    }

    /// What stands before `/v1/…` in a client's URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.listener)
    }

    /// What an OpenAI client takes as its base URL.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.url())
    }

    /// Where clients connect.
    pub fn listener(&self) -> SocketAddr {
        self.listener
    }

    /// Asks the admin interface, with a path such as `/stats?format=prometheus`.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn admin(&self, path: &str) -> anyhow::Result<String> {
        ask(self.admin, path).await
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has logged so far.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn log(&self) -> anyhow::Result<String> {
        read(&self.folder.join("envoy.log"))
    }

    /// The access log so far: a JSON object a line. Envoy writes it with some delay.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn access_log(&self) -> anyhow::Result<String> {
        read(&self.folder.join("access.log"))
    }

    /// Fails, and shows the end of the log, if it has ended.
    ///
    /// # Errors
    /// It has ended.
    pub fn check_running(&mut self) -> anyhow::Result<()> {
        self.process.check_running()
    }

    /// Stops it in order.
    ///
    /// # Errors
    /// The system does not let us.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.process.stop(GRACE).await
    }

    /// Kills it, as a crash would.
    ///
    /// # Errors
    /// The system does not let us.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()
    }
}

/// Has Envoy check a configuration, with all that it names.
///
/// # Errors
/// What Envoy says against it.
pub fn validate(binary: &Path, config: &Path) -> anyhow::Result<()> {
    let output = Command::new(binary)
        .args(["--mode", "validate", "--disable-hot-restart"])
        .arg("--config-path")
        .arg(config)
        .output()
        .with_context(|| format!("failed to run {}", binary.display()))?;
    if !output.status.success() {
        bail!(
            "Envoy refuses {}:\n{}",
            config.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

async fn pause(process: &mut Process, deadline: Instant) -> anyhow::Result<()> {
    process.check_running()?;
    if Instant::now() >= deadline {
        bail!("Envoy is not ready after {READY:?}{}", process.tail());
    }
    tokio::time::sleep(LOOK).await;
    Ok(())
}

/// The admin interface's address, once Envoy takes requests.
async fn ready(address: &Path) -> Option<SocketAddr> {
    let admin = fs::read_to_string(address).ok()?.trim().parse().ok()?;
    ask(admin, "/ready").await.ok()?;
    Some(admin)
}

/// The first listener's address, on loopback if it listens everywhere.
async fn listener(admin: SocketAddr) -> anyhow::Result<Option<SocketAddr>> {
    let text = ask(admin, "/listeners?format=json").await?;
    let listeners: serde_json::Value =
        serde_json::from_str(&text).context("Envoy's list of listeners is not JSON")?;
    let Some(address) = listeners.pointer("/listener_statuses/0/local_address/socket_address")
    else {
        return Ok(None);
    };
    let host = address["address"].as_str().unwrap_or_default();
    let port = address["port_value"].as_u64().unwrap_or_default();
    let mut address: SocketAddr = format!("{host}:{port}")
        .parse()
        .with_context(|| format!("Envoy's listener has a strange address: {text}"))?;
    if address.ip().is_unspecified() {
        address.set_ip([127, 0, 0, 1].into());
    }
    Ok(Some(address))
}

async fn ask(admin: SocketAddr, path: &str) -> anyhow::Result<String> {
    let answer = reqwest::get(format!("http://{admin}{path}"))
        .await
        .and_then(reqwest::Response::error_for_status)
        .with_context(|| format!("Envoy's admin interface does not answer {path}"))?;
    Ok(answer.text().await?)
}

fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
