//! Everything that is measured: made, running, stopped and deleted.

use std::path::Path as Folder;
use std::sync::Arc;

use anyhow::{Context, Result};
use ferry_examples::postgres::Postgres;
use ferry_ledger::Lifeless;
use ferry_quota_server::config::Policy;
use ferry_quota_server::policy::{ModelOffers, Offers};
use ferry_quota_server::price_book::PriceBook;
use ferry_tests::prices::TABLE;
use tempfile::TempDir;

use crate::args::{Args, Plan};
use crate::ceilings::Ceilings;
use crate::cell::{Arrivals, Cell, Measured, Path, Place, Store};
use crate::customers::Customers;
use crate::filler::Filler;
use crate::home::Home;
use crate::load::Draw;
use crate::request::MODEL;
use crate::running::Running;
use crate::sample::Sample;
use crate::subject::{Subject, Way};

/// Callers that the engine has on long journals: some, so that batches are of a size.
const CALLERS_ON_ROWS: usize = 32;

/// All of it.
pub struct Bench {
    plan: Plan,
    draw: Draw,
    running: Vec<Running>,
    ceilings: Ceilings,
    sample: Sample,
    offers: Arc<ModelOffers>,
    customers: Customers,
    // Last what the others lie in: fields are dropped in this order.
    postgres: Option<Postgres>,
    folder: TempDir,
    _sockets: TempDir,
}

impl Bench {
    /// Starts all that is asked for.
    pub async fn start(args: &Args) -> Result<Self> {
        let plan = args.plan();
        // Beside what cargo builds: a temporary folder may be in memory, where a durable write costs nothing.
        let folder =
            TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).context("failed to create a folder")?;
        // A socket's path is short by nature: 107 bytes.
        let sockets = TempDir::new().context("failed to create a folder")?;
        let at = |name: &str| folder.path().join(name);
        let offers = offers()?;
        let customers =
            Customers::make(Home::sqlite(at("customers"))?, plan.tenants, args.limits).await?;
        let sample = sample(&customers, at("sample"), &offers).await?;
        let mut running = Vec::new();
        if args.stores().contains(&Store::Sqlite) {
            let home = customers.home.copy(at("engine"), None).await?;
            running.push(Running::engines(Store::Sqlite, &home, &customers, &offers)?);
            let home = customers.home.copy(at("server"), None).await?;
            let server = Running::servers(Store::Sqlite, &home, &customers, sockets.path());
            running.push(server.await?);
        }
        let postgres = if args.stores().iter().any(|s| s.bare() == Store::Postgres) {
            let mut postgres = Postgres::make(&at("postgres"))?;
            postgres.run(&[]).await?;
            let started = on_postgres(args, &postgres, folder.path(), sockets.path(), &offers);
            running.extend(started.await?);
            Some(postgres)
        } else {
            None
        };
        Ok(Self {
            plan,
            draw: Draw::new(1),
            running,
            ceilings: Ceilings::start(folder.path(), &sample, postgres.as_ref(), plan).await?,
            sample,
            offers,
            customers,
            postgres,
            folder,
            _sockets: sockets,
        })
    }

    /// One round of one cell, and how many entries there are afterwards. What is bare has batches of so many operations.
    pub async fn measure(&mut self, place: Place, batch: u64) -> Result<(Measured, u64)> {
        let (plan, draw) = (self.plan, &mut self.draw);
        match place.path {
            Path::Bare | Path::Update => self.ceilings.measure(place, batch, plan, draw).await,
            Path::Engine | Path::Grpc => {
                let is_it = |r: &&Running| (r.store, r.path) == (place.store, place.path);
                let running = self.running.iter().find(is_it);
                let running = running.context("it was not started")?;
                running.measure(place, plan, draw).await
            }
        }
    }

    /// The engine on long journals, one store and one length after the other.
    pub async fn on_rows(&mut self, args: &Args) -> Result<Vec<Cell>> {
        let mut cells = Vec::new();
        if args.rows().is_empty() {
            return Ok(cells);
        }
        for store in [Store::Sqlite, Store::Postgres] {
            if args.stores().contains(&store) {
                let customers = self.customers_for_rows(store, args).await?;
                let folder = customers.home.folder.clone();
                cells.extend(self.on_rows_of(store, customers, args).await?);
                std::fs::remove_dir_all(folder)?;
            }
        }
        Ok(cells)
    }

    /// Customers in a database of their own, on which nothing runs.
    async fn customers_for_rows(&self, store: Store, args: &Args) -> Result<Customers> {
        let at = |name: &str| self.folder.path().join(name);
        match &self.postgres {
            Some(postgres) if store == Store::Postgres => {
                let home = Home::postgres(at("rows_pg"), postgres, "rows").await?;
                Customers::make(home, args.plan().tenants, args.limits).await
            }
            _ => Ok(Customers {
                home: self.customers.home.copy(at("rows"), None).await?,
                digests: Arc::clone(&self.customers.digests),
                journal_rows: self.customers.journal_rows,
            }),
        }
    }

    async fn on_rows_of(
        &mut self,
        store: Store,
        mut customers: Customers,
        args: &Args,
    ) -> Result<Vec<Cell>> {
        let home = customers.home.clone();
        let mut cells = Vec::new();
        let engine = home.open()?;
        let way = Way::engine(engine.clone(), Arc::clone(&self.offers))?;
        let subject = Subject::new(vec![way], Arc::clone(&customers.digests), 0)?;
        let mut filler = Filler::prepare(&home, &self.sample, &subject, engine).await?;
        drop(subject);
        for rows in args.rows() {
            customers.journal_rows = filler.grow(rows).await?;
            let running = Running::engines(store, &home, &customers, &self.offers)?;
            for load in args.loads() {
                let place = Place {
                    store,
                    path: Path::Engine,
                    load,
                    arrivals: Arrivals::Closed(CALLERS_ON_ROWS),
                };
                let mut cell = Cell::new(place);
                for _ in 0..self.plan.rounds {
                    let (measured, rows) =
                        running.measure(place, self.plan, &mut self.draw).await?;
                    cell.add(measured, rows);
                }
                cells.push(cell);
            }
            running.stop().await?;
        }
        Ok(cells)
    }

    /// Stops everything. The servers' books must be right.
    pub async fn stop(self) -> Result<()> {
        for running in self.running {
            running.stop().await?;
        }
        Ok(())
    }
}

/// What a pair writes, as SQLite keeps it.
async fn sample(
    customers: &Customers,
    folder: std::path::PathBuf,
    offers: &Arc<ModelOffers>,
) -> Result<Sample> {
    let home = customers.home.copy(folder, None).await?;
    let engine = home.open()?;
    let way = Way::engine(engine.clone(), Arc::clone(offers))?;
    let subject = Subject::new(vec![way], Arc::clone(&customers.digests), 0)?;
    Sample::take(&home.folder, &subject, engine).await
}

/// Engines and servers on databases of one PostgreSQL, each kind on its own.
async fn on_postgres(
    args: &Args,
    postgres: &Postgres,
    folder: &Folder,
    sockets: &Folder,
    offers: &Arc<ModelOffers>,
) -> Result<Vec<Running>> {
    let home = Home::postgres(folder.join("customers_pg"), postgres, "customers").await?;
    let customers = Customers::make(home, args.plan().tenants, args.limits).await?;
    let mut running = Vec::new();
    for store in args.stores() {
        if store.bare() != Store::Postgres {
            continue;
        }
        let at = |path: Path| folder.join(format!("{}-{}", store.name(), path.name()));
        let home = customers
            .home
            .copy(at(Path::Engine), Some(postgres))
            .await?;
        running.push(Running::engines(store, &home, &customers, offers)?);
        let home = customers.home.copy(at(Path::Grpc), Some(postgres)).await?;
        running.push(Running::servers(store, &home, &customers, sockets).await?);
    }
    Ok(running)
}

/// What the engine is told of the model, as the service makes it.
fn offers() -> Result<Arc<ModelOffers>> {
    let prices = PriceBook::parse(TABLE).map_err(|faults| anyhow::anyhow!("{faults}"))?;
    let policy = Policy {
        version: "bench".to_owned(),
        clamp_output_tokens_max: 4_096,
        lifeless: Lifeless::Release,
    };
    let offers = Offers::new(&prices, &policy);
    offers.of(MODEL).context("a model without a price")
}
