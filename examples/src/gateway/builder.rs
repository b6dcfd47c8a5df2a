//! What a gateway is made of, and how it starts.

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ferry_quota_server::principal::CredentialDigest;
use tempfile::TempDir;

use super::{Gateway, Running, Server, new_customer};
use crate::envoy::config::{Config, Provider};
use crate::envoy::render::{self, Replacement};
use crate::envoy::{Envoy, obtain::obtain};
use crate::progress::Progress;
use crate::simulator::Simulator;
use crate::{toolchain, workspace};

/// The tenant that is there from the start.
const TENANT: &str = "acme";
/// Its money, if nothing is said.
const BALANCE: &str = "5";
/// The gateway's name at the quota server.
const PRINCIPAL: &str = "gateway";
/// The route's settings as they stand in `envoy/plain/envoy.yaml`.
const ROUTE: &str = r#"{ "mode": "enforce", "on_quota_unreachable": "deny" }"#;

/// A program to run, with the arguments that come before all others.
#[derive(Debug, Clone)]
pub struct Program {
    pub(super) path: PathBuf,
    pub(super) args: Vec<OsString>,
}

impl Program {
    /// A program without arguments of its own.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            args: Vec::new(),
        }
    }

    /// The same with an argument more.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }
}

/// How long holds stand, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    /// From the last renewal, as the gateway is told.
    pub ttl_ms: u64,
    /// How much longer the server lets it stand.
    pub margin_ms: u64,
    /// How long after a start nothing expires.
    pub outbox_horizon_ms: u64,
    /// How much longer an outcome is remembered.
    pub recovery_window_ms: u64,
}

impl Lease {
    /// Short enough that a test sees what happens when one runs out.
    pub fn short() -> Self {
        Self {
            ttl_ms: 1_000,
            margin_ms: 200,
            outbox_horizon_ms: 500,
            recovery_window_ms: 60_000,
        }
    }
}

/// What is to be started.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    ferry: Program,
    envoys: usize,
    workers: u32,
    servers: usize,
    database: Option<String>,
    provider: Option<Provider>,
    prices: Option<String>,
    lease: Option<Lease>,
    clamp_output_tokens_max: Option<u64>,
    balance: String,
    principals: Vec<(String, String)>,
    changes: Vec<Replacement>,
    progress: Progress,
    parent: PathBuf,
}

impl Builder {
    pub(super) fn new(ferry: Program) -> Self {
        Self {
            ferry,
            envoys: 1,
            workers: 1,
            servers: 1,
            database: None,
            provider: None,
            prices: None,
            lease: None,
            clamp_output_tokens_max: None,
            balance: BALANCE.to_owned(),
            principals: Vec::new(),
            changes: Vec::new(),
            progress: Progress::silent(),
            parent: env::temp_dir(),
        }
    }

    /// So many Envoys; 1 if nothing is said.
    pub fn envoys(mut self, envoys: usize) -> Self {
        self.envoys = envoys;
        self
    }

    /// So many worker threads in each; 1 if nothing is said.
    pub fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// So many quota servers on one PostgreSQL database, which the Envoys ask in turn; one on a SQLite file if nothing is said.
    pub fn servers_on(mut self, servers: usize, database: impl Into<String>) -> Self {
        self.servers = servers;
        self.database = Some(database.into());
        self
    }

    /// Who answers; a simulator of its own if nothing is said.
    pub fn provider(mut self, provider: Provider) -> Self {
        self.provider = Some(provider);
        self
    }

    /// The text of the price table; the provider's example if nothing is said.
    pub fn prices(mut self, toml: impl Into<String>) -> Self {
        self.prices = Some(toml.into());
        self
    }

    /// How long holds stand; the server's defaults if nothing is said.
    pub fn lease(mut self, lease: Lease) -> Self {
        self.lease = Some(lease);
        self
    }

    /// Most output tokens that a client gets that set no limit; the server's default if nothing is said.
    pub fn clamp_output_tokens_max(mut self, tokens: u64) -> Self {
        self.clamp_output_tokens_max = Some(tokens);
        self
    }

    /// What the customer has paid in, as a decimal string; "5" if nothing is said, nothing at all if it is "0".
    pub fn balance(mut self, balance: impl Into<String>) -> Self {
        self.balance = balance.into();
        self
    }

    /// Another gateway that the quota server knows, by this token.
    pub fn principal(mut self, name: &str, token: &str) -> Self {
        self.principals.push((name.to_owned(), token.to_owned()));
        self
    }

    /// The settings of the route `chat`, as JSON; `enforce` and `deny` if nothing is said.
    pub fn route(self, settings: impl Into<String>) -> Self {
        self.change(ROUTE, settings)
    }

    /// Another piece of `envoy/plain/envoy.yaml` to replace.
    pub fn change(mut self, literal: &'static str, value: impl Into<String>) -> Self {
        self.changes.push((literal, value.into()));
        self
    }

    /// Where slow steps are announced; nowhere if nothing is said.
    pub fn progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// Where the folder with the database is made; where the system keeps temporary files if nothing is said. The path must be
    /// short: sockets are in it too.
    pub fn within(mut self, parent: impl Into<PathBuf>) -> Self {
        self.parent = parent.into();
        self
    }

    /// Starts all of it, and waits until it takes requests.
    ///
    /// # Errors
    /// Something cannot be built, downloaded or started; the message says what to do.
    pub async fn start(self) -> anyhow::Result<Gateway> {
        let (module, envoy) = self.prepare().await?;
        let folder = folder(&self.parent)?;
        let token = secret()?;
        let (simulator, provider) = match &self.provider {
            Some(provider) => (None, provider.clone()),
            None => {
                let simulator = Simulator::start(&format!("sk-simulator-{}", secret()?)).await?;
                let provider = simulator.provider();
                (Some(simulator), provider)
            }
        };
        self.progress.step("starting the quota server");
        let server = self.start_server(folder.path(), &provider, &token).await?;
        let mut others = Vec::new();
        for number in 1..self.servers {
            let place = folder.path().join(format!("server-{number}"));
            fs::create_dir(&place).context("failed to make a folder for a server")?;
            others.push(self.start_server(&place, &provider, &token).await?);
        }
        let customer = new_customer(server.admin(), TENANT, &self.balance).await?;

        self.progress.step("starting Envoy");
        let sockets: Vec<PathBuf> = std::iter::once(&server)
            .chain(&others)
            .map(Server::quota_socket)
            .collect();
        let mut envoys = Vec::new();
        for (index, quota_socket) in (0..self.envoys).zip(sockets.into_iter().cycle()) {
            let config = Config {
                module: module.clone(),
                quota_socket,
                gateway_token: token.clone(),
                provider: provider.clone(),
                changes: self.changes.clone(),
            };
            let place = folder.path().join(format!("envoy-{index}"));
            fs::create_dir(&place).context("failed to make a folder for Envoy")?;
            let launch = Launch {
                binary: envoy.clone(),
                config: config.write(&place)?,
                folder: place,
                workers: self.workers,
            };
            let envoy = launch.start().await?;
            envoys.push(Running { envoy, launch });
        }
        Ok(Gateway {
            envoys,
            server,
            others,
            simulator,
            customer,
            folder,
        })
    }

    /// The filter's module and the Envoy binary.
    async fn prepare(&self) -> anyhow::Result<(PathBuf, PathBuf)> {
        let progress = self.progress.clone();
        tokio::task::spawn_blocking(move || {
            let envoy = obtain(&progress)?;
            Ok((toolchain::filter_module(&progress)?, envoy))
        })
        .await?
    }

    /// Starts a quota server in its folder.
    async fn start_server(
        &self,
        folder: &Path,
        provider: &Provider,
        token: &str,
    ) -> anyhow::Result<Server> {
        self.write_server(folder, provider, token)?;
        let mut server = Server::new(self.ferry.clone(), folder)?;
        server.start().await?;
        Ok(server)
    }

    /// Writes the quota server's configuration and its price table.
    fn write_server(&self, folder: &Path, provider: &Provider, token: &str) -> anyhow::Result<()> {
        let prices = match &self.prices {
            Some(prices) => prices.clone(),
            None => example_prices(provider)?,
        };
        put(&folder.join("prices.toml"), &prices)?;
        put(
            &folder.join("ferry.toml"),
            &self.server_config(folder, token)?,
        )
    }

    /// Where all servers find the secrets of their database: in the first one's folder.
    fn secrets(&self, folder: &Path) -> PathBuf {
        let shared = folder
            .parent()
            .filter(|parent| parent.join("ferry.toml").exists());
        shared.unwrap_or(folder).join("ledger")
    }

    fn server_config(&self, folder: &Path, token: &str) -> anyhow::Result<String> {
        let path = render::path(folder)?;
        let database = match &self.database {
            // One pepper and one signing key for all, and heads of each one's own.
            Some(url) => format!(
                "database = \"{url}\"\nsecrets = \"{}\"\n[heads]\nexport = \"{path}/heads\"\n",
                render::path(&self.secrets(folder))?
            ),
            None => "database = \"ferry.db\"\n".to_owned(),
        };
        let mut text = format!(
            "prices = \"prices.toml\"\ndrain_ms = 5000\n{database}\n\
             [grpc]\nlisten = \"unix:{path}/quota.sock\"\n\n\
             [admin]\nlisten = \"unix:{path}/admin.sock\"\n\n\
             [http]\nlisten = \"127.0.0.1:0\"\n\n"
        );
        if let Some(lease) = self.lease {
            write!(
                text,
                "[lease]\nttl_ms = {}\nmargin_ms = {}\noutbox_horizon_ms = {}\nrecovery_window_ms = {}\n\n",
                lease.ttl_ms, lease.margin_ms, lease.outbox_horizon_ms, lease.recovery_window_ms
            )?;
        }
        if let Some(tokens) = self.clamp_output_tokens_max {
            write!(text, "[policy]\nclamp_output_tokens_max = {tokens}\n\n")?;
        }
        let ours = (PRINCIPAL.to_owned(), token.to_owned());
        for (name, token) in std::iter::once(&ours).chain(&self.principals) {
            let digest = CredentialDigest::of(token.as_bytes()).to_hex();
            write!(
                text,
                "[[principals]]\nname = \"{name}\"\ntoken_sha256 = \"{digest}\"\n\n"
            )?;
        }
        Ok(text)
    }
}

/// What it takes to start an Envoy, once more too.
#[derive(Debug)]
pub(super) struct Launch {
    binary: PathBuf,
    config: PathBuf,
    folder: PathBuf,
    workers: u32,
}

impl Launch {
    pub async fn start(&self) -> anyhow::Result<Envoy> {
        Envoy::start(&self.binary, &self.config, &self.folder, self.workers).await
    }
}

fn example_prices(provider: &Provider) -> anyhow::Result<String> {
    let file = match provider {
        Provider::Simulator { .. } => "prices.simulator.toml",
        Provider::OpenAi { .. } => "prices.toml",
    };
    let path = workspace::root().join("examples").join(file);
    fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))
}

/// A folder that goes with the gateway; unless somebody wants to look at it.
fn folder(parent: &Path) -> anyhow::Result<TempDir> {
    let mut folder = tempfile::Builder::new()
        .prefix("ferry-")
        .tempdir_in(parent)
        .context("failed to make a temporary folder: see to TMPDIR and the free disk space")?;
    folder.disable_cleanup(env::var_os("FERRY_KEEP").is_some());
    Ok(folder)
}

fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
}

/// 128 bits that nobody guesses.
fn secret() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("the system has no randomness")?;
    Ok(u128::from_be_bytes(bytes).to_string())
}

#[cfg(test)]
mod tests {
    use super::Lease;
    use crate::envoy::config::Provider;
    use crate::gateway::{Gateway, Program};
    use ferry_quota_server::config::Config;
    use ferry_quota_server::price_book::PriceBook;

    #[test]
    fn the_server_accepts_what_is_written_for_it() {
        let simulator = Provider::Simulator {
            address: "127.0.0.1:1".parse().unwrap(),
            key: "k".to_owned(),
        };
        let openai = Provider::OpenAi {
            key: "k".to_owned(),
        };
        let plain = || Gateway::builder(Program::new("ferry"));
        for (builder, provider, ttl_ms, principals) in [
            (plain(), &simulator, 60_000, 1),
            (
                plain().lease(Lease::short()).clamp_output_tokens_max(9),
                &openai,
                1_000,
                1,
            ),
            (
                plain().principal("other", "its token"),
                &simulator,
                60_000,
                2,
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            builder
                .write_server(folder.path(), provider, "token")
                .unwrap();
            let config = Config::load(&folder.path().join("ferry.toml")).unwrap();
            assert_eq!(config.lease.ttl_ms, ttl_ms);
            assert_eq!(config.principals.0.len(), principals);
            let prices = std::fs::read_to_string(&config.prices).unwrap();
            let prices = PriceBook::parse(&prices).unwrap();
            assert!(prices.model("gpt-4o-mini").is_some());
        }
    }
}
