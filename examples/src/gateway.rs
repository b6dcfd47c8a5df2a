//! A whole gateway on one machine: provider, quota server, any number of Envoys, and a customer with money and a key.
//!
//! ```no_run
//! # use ferry_examples::gateway::{Gateway, Program};
//! # async fn example() -> anyhow::Result<()> {
//! let ferry = Program::new("target/debug/ferry");
//! let gateway = Gateway::builder(ferry).envoys(2).workers(2).balance("5").start().await?;
//! println!("{} {}", gateway.base_url(), gateway.customer().api_key);
//! gateway.stop().await
//! # }
//! ```
//!
//! All of it lives in one temporary folder, and is gone with the [`Gateway`]. With `FERRY_KEEP` set the folder stays.

mod builder;
mod server;

use std::path::Path;

use anyhow::Context as _;
use ferry_quota_server::admin::Client;
use ferry_quota_server::admin::wire::{Balance, CreateKey, CreateTenant, CreateTopUp, UsageRecord};
use tempfile::TempDir;

pub use builder::{Builder, Lease, Program};
pub use server::Server;

use crate::envoy::Envoy;
use crate::simulator::Simulator;
use crate::wait;

/// Everything that runs. Dropped, all of it is killed.
#[derive(Debug)]
pub struct Gateway {
    // Dropped in this order: who calls goes before who is called.
    envoys: Vec<Running>,
    server: Server,
    /// On the same database.
    others: Vec<Server>,
    simulator: Option<Simulator>,
    customer: Customer,
    folder: TempDir,
}

/// An Envoy, with what it takes to start it again.
#[derive(Debug)]
struct Running {
    envoy: Envoy,
    launch: builder::Launch,
}

/// A tenant with a key.
#[derive(Clone)]
pub struct Customer {
    /// The tenant's id.
    pub tenant: String,
    /// The key's id.
    pub key: String,
    /// What its SDK takes.
    pub api_key: String,
}

impl std::fmt::Debug for Customer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = out.debug_struct("Customer");
        shown
            .field("tenant", &self.tenant)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// What is to be started; `ferry` is the program of the quota server.
    pub fn builder(ferry: Program) -> Builder {
        Builder::new(ferry)
    }

    /// What an OpenAI client takes as its base URL: the first Envoy.
    pub fn base_url(&self) -> String {
        self.envoys
            .first()
            .map(|running| running.envoy.base_url())
            .unwrap_or_default()
    }

    /// The base URLs of all Envoys.
    pub fn base_urls(&self) -> Vec<String> {
        self.envoys
            .iter()
            .map(|running| running.envoy.base_url())
            .collect()
    }

    /// An Envoy, counted from 0.
    ///
    /// # Errors
    /// There are not so many.
    pub fn envoy(&self, index: usize) -> anyhow::Result<&Envoy> {
        let running = self
            .envoys
            .get(index)
            .context("there are not so many Envoys")?;
        Ok(&running.envoy)
    }

    /// The quota server; the first, if there are several.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The quota server, to stop, kill and restart it.
    pub fn server_mut(&mut self) -> &mut Server {
        &mut self.server
    }

    /// The administration of the quota server.
    pub fn admin(&self) -> &Client {
        self.server.admin()
    }

    /// The simulator, if that is the provider.
    ///
    /// # Errors
    /// The provider is another.
    pub fn simulator(&self) -> anyhow::Result<&Simulator> {
        self.simulator
            .as_ref()
            .context("the provider is not the simulator")
    }

    /// The customer that was made at the start.
    pub fn customer(&self) -> &Customer {
        &self.customer
    }

    /// The folder with all configurations, logs, and the database.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes another customer, with so much money.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn new_customer(&self, tenant: &str, balance: &str) -> anyhow::Result<Customer> {
        new_customer(self.admin(), tenant, balance).await
    }

    /// A tenant's money, once none of its reservations is open any more.
    ///
    /// # Errors
    /// One stays open for a minute, or the server does not answer.
    pub async fn settled(&self, tenant: &str) -> anyhow::Result<Balance> {
        wait::until("the reservations of a tenant to end", async || {
            let balance = self.admin().balance(tenant).await?;
            Ok((balance.open_reservations == 0).then_some(balance))
        })
        .await
    }

    /// A request's usage record, once it has one. The id is what the client got as `x-ferryapi-request-id`.
    ///
    /// # Errors
    /// There is none for a minute, or the server does not answer.
    pub async fn usage(&self, request: &str) -> anyhow::Result<UsageRecord> {
        wait::until("a usage record", async || {
            let found = self.admin().usage(None, Some(request), 1).await?;
            Ok(found.usage.into_iter().next())
        })
        .await
    }

    /// Kills an Envoy as a crash would, and starts it again; its port is another one then.
    ///
    /// # Errors
    /// It does not start.
    pub async fn crash_envoy(&mut self, index: usize) -> anyhow::Result<()> {
        let running = self
            .envoys
            .get_mut(index)
            .context("there are not so many Envoys")?;
        running.envoy.kill()?;
        running.envoy = running.launch.start().await?;
        Ok(())
    }

    /// Stops an Envoy in order, and starts it again; its port is another one then.
    ///
    /// # Errors
    /// It does not stop or start.
    pub async fn restart_envoy(&mut self, index: usize) -> anyhow::Result<()> {
        let running = self
            .envoys
            .get_mut(index)
            .context("there are not so many Envoys")?;
        running.envoy.stop().await?;
        running.envoy = running.launch.start().await?;
        Ok(())
    }

    /// Fails, and shows the end of a log, if one of the programs has ended by itself.
    ///
    /// # Errors
    /// One has.
    pub fn check_running(&mut self) -> anyhow::Result<()> {
        for running in &mut self.envoys {
            running.envoy.check_running()?;
        }
        for server in &mut self.others {
            server.check_running()?;
        }
        self.server.check_running()
    }

    /// Stops everything in order. Wait for what is to be settled before: an Envoy that stops delivers nothing more.
    ///
    /// # Errors
    /// Something does not stop.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for running in &mut self.envoys {
            running.envoy.stop().await?;
        }
        for server in &mut self.others {
            server.stop().await?;
        }
        self.server.stop().await
    }
}

/// Makes a tenant with a key and money.
async fn new_customer(admin: &Client, tenant: &str, balance: &str) -> anyhow::Result<Customer> {
    let new = CreateTenant {
        id: tenant.to_owned(),
        ..CreateTenant::default()
    };
    admin.create_tenant(&new).await?;
    // Nobody pays in nothing; the server would say so.
    if balance.contains(|digit: char| ('1'..='9').contains(&digit)) {
        let top_up = CreateTopUp {
            amount: balance.to_owned(),
            external_reference: tenant.to_owned(),
            ..CreateTopUp::default()
        };
        admin.top_up(tenant, &top_up).await?;
    }
    let new = CreateKey {
        label: "first".to_owned(),
        ..CreateKey::default()
    };
    let created = admin.create_key(tenant, &new).await?;
    Ok(Customer {
        tenant: tenant.to_owned(),
        key: created.key.id,
        api_key: created.api_key,
    })
}
