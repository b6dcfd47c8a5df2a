//! Everything that a run needs, started: the provider, an Envoy for each target, and the servers that they call.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ferry_examples::envoy::config::Provider;
use ferry_examples::envoy::{Envoy, obtain};
use ferry_examples::gateway::{Gateway as Ferry, Program};
use ferry_examples::progress::Progress;
use ferry_quota_server::verify::verify;
use tempfile::TempDir;

use crate::configuration::{self, Filter};
use crate::process::Process;
use crate::target::Target;
use crate::{authz, provider};

/// Envoy's workers, the same for every target.
const WORKERS: u32 = 2;
/// The first argument that makes this program `ferry`.
pub const FERRY_ROLE: &str = "ferry";
/// More than a run can spend.
const BALANCE: &str = "1000000";

/// One target, ready. It runs as long as this is kept.
#[derive(Debug)]
pub struct Gateway {
    /// Which one.
    pub target: Target,
    /// Where the client finds it.
    pub address: SocketAddr,
    /// What the client shows.
    pub key: String,
    behind: Behind,
}

/// What answers at a target's address.
#[derive(Debug)]
enum Behind {
    /// The provider.
    Provider,
    /// An Envoy, and the service that it asks, if it asks one.
    Envoy(Box<Envoy>, Option<Process>),
    /// All of Ferry.
    Ferry(Box<Ferry>),
}

impl Gateway {
    /// Envoy's process id, if there is one.
    pub fn envoy(&self) -> Result<Option<u32>> {
        Ok(match &self.behind {
            Behind::Provider => None,
            Behind::Envoy(envoy, _) => Some(envoy.id()),
            Behind::Ferry(ferry) => Some(ferry.envoy(0)?.id()),
        })
    }

    /// The called server's, if there is one.
    pub fn server(&self) -> Result<Option<u32>> {
        Ok(match &self.behind {
            Behind::Provider => None,
            Behind::Envoy(_, service) => service.as_ref().map(Process::id),
            Behind::Ferry(ferry) => Some(ferry.server().id()?),
        })
    }

    /// Fails if what was measured was not what was meant: every request settled, and the books right.
    pub async fn check(&self) -> Result<()> {
        let Behind::Ferry(ferry) = &self.behind else {
            return Ok(());
        };
        ferry.settled(&ferry.customer().tenant).await?;
        let report = verify(&ferry.server().database().into())?;
        ensure!(report.clean, "the books are not right: {report:?}");
        Ok(())
    }
}

/// All targets of a run. Dropped, everything stops.
#[derive(Debug)]
pub struct Gateways {
    all: Vec<Gateway>,
    _provider: Process,
    _folders: [TempDir; 2],
}

impl Gateways {
    /// Starts all of `targets`.
    pub async fn start(targets: &[Target]) -> Result<Self> {
        let progress = Progress::spinner();
        let envoy = obtain::obtain(&progress)?;
        // Beside what cargo builds: a temporary folder may be in memory, where a durable write costs nothing.
        let folder =
            TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).context("failed to create a folder")?;
        // A socket's path is short by nature: 107 bytes.
        let sockets = TempDir::new().context("failed to create a folder")?;
        let (provider, upstream) = provider::start()?;
        let mut all = Vec::new();
        for &target in targets {
            progress.step(&format!("starting {}", target.name()));
            let place = Place {
                envoy: envoy.clone(),
                upstream,
                folder: folder.path().join(target.name()),
                socket: sockets.path().join(target.name()),
            };
            let gateway = place.start(target).await;
            all.push(gateway.with_context(|| format!("failed to start {}", target.name()))?);
        }
        Ok(Self {
            all,
            _provider: provider,
            _folders: [folder, sockets],
        })
    }

    /// All, in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = &Gateway> {
        self.all.iter()
    }

    /// The one of `target`.
    pub fn of(&self, target: Target) -> Result<&Gateway> {
        self.all
            .iter()
            .find(|gateway| gateway.target == target)
            .context("a target that was not started")
    }
}

/// What a target is started with.
struct Place {
    /// Envoy's program.
    envoy: PathBuf,
    /// The provider.
    upstream: SocketAddr,
    /// For the target's own files.
    folder: PathBuf,
    /// For the called server.
    socket: PathBuf,
}

impl Place {
    async fn start(&self, target: Target) -> Result<Gateway> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("failed to create {}", self.folder.display()))?;
        match target {
            Target::Direct => Ok(self.gateway(target, self.upstream, Behind::Provider)),
            Target::Envoy => self.with_envoy(target, Filter::None, None).await,
            Target::ExtAuthz => self.with_service(target, None).await,
            Target::ExtAuthzDurable => {
                self.with_service(target, Some(&self.folder.join("journal")))
                    .await
            }
            Target::Ferry => self.with_ferry(target).await,
        }
    }

    async fn with_ferry(&self, target: Target) -> Result<Gateway> {
        let server = env::current_exe().context("failed to find the running program")?;
        let ferry = Ferry::builder(Program::new(server).arg(FERRY_ROLE))
            .workers(WORKERS)
            .provider(self.provider())
            .balance(BALANCE)
            .within(&self.folder)
            .start()
            .await?;
        let address = ferry.envoy(0)?.listener();
        let key = ferry.customer().api_key.clone();
        Ok(Gateway {
            target,
            address,
            key,
            behind: Behind::Ferry(Box::new(ferry)),
        })
    }

    async fn with_service(&self, target: Target, journal: Option<&Path>) -> Result<Gateway> {
        let service = authz::start(&self.socket, journal)?;
        self.with_envoy(target, Filter::ExtAuthz(&self.socket), Some(service))
            .await
    }

    async fn with_envoy(
        &self,
        target: Target,
        filter: Filter<'_>,
        server: Option<Process>,
    ) -> Result<Gateway> {
        let configuration = configuration::write(&self.folder, filter, self.provider())?;
        let envoy = Envoy::start(&self.envoy, &configuration, &self.folder, WORKERS).await?;
        let address = envoy.listener();
        Ok(self.gateway(target, address, Behind::Envoy(Box::new(envoy), server)))
    }

    fn gateway(&self, target: Target, address: SocketAddr, behind: Behind) -> Gateway {
        Gateway {
            target,
            address,
            key: provider::KEY.to_owned(),
            behind,
        }
    }

    fn provider(&self) -> Provider {
        Provider::Simulator {
            address: self.upstream,
            key: provider::KEY.to_owned(),
        }
    }
}
