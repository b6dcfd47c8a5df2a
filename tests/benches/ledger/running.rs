//! One store with all engines or servers on it, called as one subject.

use std::path::Path as Folder;
use std::sync::Arc;

use anyhow::Result;
use ferry_quota_server::engine::Engine;
use ferry_quota_server::policy::ModelOffers;

use crate::args::Plan;
use crate::cell::{Arrivals, Batched, Measured, Path, Place, Store};
use crate::customers::Customers;
use crate::home::{self, Home};
use crate::load::Draw;
use crate::server::Server;
use crate::subject::{self, Subject, Way};
use crate::{closed, open};

/// What runs, and how it is called.
pub struct Running {
    /// On which store.
    pub store: Store,
    /// In which way it is called.
    pub path: Path,
    subject: Subject,
    behind: Behind,
}

enum Behind {
    Engines(Vec<Engine>),
    Servers(Vec<Server>),
}

impl Running {
    /// Opens engines in this process.
    pub fn engines(
        store: Store,
        home: &Home,
        customers: &Customers,
        offers: &Arc<ModelOffers>,
    ) -> Result<Self> {
        let engines = (0..store.servers()).map(|_| home.open());
        let engines: Vec<_> = engines.collect::<Result<_>>()?;
        let ways = { engines.iter() }.map(|engine| Way::engine(engine.clone(), Arc::clone(offers)));
        Ok(Self {
            store,
            path: Path::Engine,
            subject: subject(ways.collect::<Result<_>>()?, customers)?,
            behind: Behind::Engines(engines),
        })
    }

    /// Starts servers, each with its sockets in a folder of its own.
    pub async fn servers(
        store: Store,
        home: &Home,
        customers: &Customers,
        sockets: &Folder,
    ) -> Result<Self> {
        let mut servers = Vec::new();
        let mut ways = Vec::new();
        for number in 0..store.servers() {
            let sockets = sockets.join(format!("{}-{number}", store.name()));
            let (server, quota) = Server::start(home, &sockets).await?;
            servers.push(server);
            ways.push(Way::Grpc(quota));
        }
        Ok(Self {
            store,
            path: Path::Grpc,
            subject: subject(ways, customers)?,
            behind: Behind::Servers(servers),
        })
    }

    /// One round of one cell, and how many entries there are afterwards.
    pub async fn measure(
        &self,
        place: Place,
        plan: Plan,
        draw: &mut Draw,
    ) -> Result<(Measured, u64)> {
        let before = self.batched().await?;
        let (subject, load, time) = (&self.subject, place.load, plan.round);
        let mut measured = match place.arrivals {
            Arrivals::Closed(callers) => closed::drive(subject, load, callers, time, draw).await?,
            Arrivals::Open(rate) => open::drive(subject, load, rate, time, draw).await?,
        };
        measured.batched = self.batched().await?.since(before);
        Ok((measured, self.subject.journal_rows()))
    }

    async fn batched(&self) -> Result<Batched> {
        let mut all = Batched::default();
        match &self.behind {
            Behind::Engines(engines) => {
                for engine in engines {
                    all = all.and(subject::batched(engine)?);
                }
            }
            Behind::Servers(servers) => {
                for server in servers {
                    all = all.and(server.batched().await?);
                }
            }
        }
        Ok(all)
    }

    /// Stops it. The books of servers must be right.
    pub async fn stop(self) -> Result<()> {
        match self.behind {
            Behind::Engines(engines) => {
                for engine in engines {
                    home::close(engine).await?;
                }
            }
            Behind::Servers(servers) => {
                for server in servers {
                    server.stop().await?;
                }
            }
        }
        Ok(())
    }
}

fn subject(ways: Vec<Way>, customers: &Customers) -> Result<Subject> {
    Subject::new(ways, Arc::clone(&customers.digests), customers.journal_rows)
}
