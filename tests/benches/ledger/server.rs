//! `ferry serve` as a process of its own: this same program under another first argument. Dropped, it is killed.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ferry_examples::process::Process;
use ferry_examples::wait;
use ferry_quota_server::admin::Client;
use ferry_quota_server::principal::CredentialDigest;
use ferry_tests::prices::TABLE;
use ferry_tests::quota::{self, Quota};

use crate::cell::Batched;
use crate::home::{DATABASE, Home};

/// The first argument that makes this program `ferry`.
pub const ROLE: &str = "ferry";
/// What the load generator shows.
const TOKEN: &str = "bench";
/// Longer than the drain that the configuration allows.
const GRACE: Duration = Duration::from_secs(30);

/// A running server.
#[derive(Debug)]
pub struct Server {
    process: Process,
    admin: Client,
    http: String,
}

impl Server {
    /// Starts one at `home`, with its sockets in `sockets`, and connects to it.
    pub async fn start(home: &Home, sockets: &Path) -> Result<(Self, Quota)> {
        fs::create_dir_all(sockets)?;
        let folder = &home.folder;
        fs::write(folder.join("prices.toml"), TABLE)?;
        let config = folder.join("ferry.toml");
        fs::write(&config, configuration(home, sockets))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args([ROLE, "serve", "--config"]).arg(config);
        let mut process = Process::start("ferry serve", command, &folder.join("log"), None)?;
        let admin = format!("unix:{}", sockets.join("admin.sock").display());
        let admin = Client::new(&admin, None)?;
        let http = wait::until("the quota server", async || {
            process.check_running()?;
            let ready = admin.status().await.ok().filter(|status| status.ready);
            Ok(ready.map(|status| status.http))
        });
        let http = http.await?;
        let quota = quota::connect_to(&sockets.join("quota.sock"), TOKEN).await?;
        let server = Self {
            process,
            admin,
            http,
        };
        Ok((server, quota))
    }

    /// What it has committed so far.
    pub async fn batched(&self) -> Result<Batched> {
        let page = reqwest::get(format!("http://{}/metrics", self.http)).await?;
        batched(&page.error_for_status()?.text().await?)
    }

    /// Stops it in order, once its books are found right.
    pub async fn stop(mut self) -> Result<()> {
        let report = self.admin.verify().await?;
        ensure!(report.clean, "the books are not right: {report:?}");
        self.process.stop(GRACE).await
    }
}

fn configuration(home: &Home, sockets: &Path) -> String {
    let database = &home.database;
    // SQLite's lie beside its file; PostgreSQL has no file.
    let secrets = if database == DATABASE {
        String::new()
    } else {
        format!("secrets = \"{DATABASE}\"\n")
    };
    // Several servers have one home.
    let heads = sockets.file_name().unwrap_or_default().display();
    let sockets = sockets.display();
    let digest = CredentialDigest::of(TOKEN.as_bytes()).to_hex();
    format!(
        "prices = \"prices.toml\"\ndatabase = \"{database}\"\n{secrets}drain_ms = 5000\n\n\
         [grpc]\nlisten = \"unix:{sockets}/quota.sock\"\n\n\
         [admin]\nlisten = \"unix:{sockets}/admin.sock\"\n\n\
         [heads]\nexport = \"{heads}.heads\"\n\n\
         [http]\nlisten = \"127.0.0.1:0\"\n\n\
         [[principals]]\nname = \"bench\"\ntoken_sha256 = \"{digest}\"\n"
    )
}

/// Reads from a page of metrics what was committed.
pub fn batched(page: &str) -> Result<Batched> {
    let find = |name: &str| {
        let mut values = page.lines().filter_map(|line| line.strip_prefix(name));
        let value = values.next().with_context(|| format!("no {name}"))?;
        // A sum of whole numbers, written as a float.
        let whole = value.trim().split('.').next().unwrap_or_default();
        whole
            .parse()
            .with_context(|| format!("no number: {name}{value}"))
    };
    Ok(Batched {
        operations: find("ferry_batch_operations_sum ")?,
        batches: find("ferry_batch_operations_count ")?,
    })
}
