//! The whole server: everything is opened, or nothing is; everything is finished before it ends.
//!
//! Starting: the database with its engine, then the listeners; a fault closes what was open. Stopping: health says so, nothing
//! new is accepted, what is in flight is finished, the engine decides what waits and closes the database, and only then the
//! probes go away.

mod proof;

use crate::admin::{self, AdminState, wire};
use crate::config::Config;
use crate::draining::Draining;
use crate::engine::{
    Engine, EngineConfig, EngineError, EngineMetrics, PriceTable, StartError, Stop,
};
use crate::grpc::{GrpcError, GrpcListener, Health, Quota};
use crate::heads::{Exporter, GuardError};
use crate::http;
use crate::listener::{Address, BindError, Bound};
use crate::metrics::Metrics;
use crate::price_book::PriceBook;
use crate::store::Database;
use ferry_types::Currency;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Only the owner administers.
const ADMIN_SOCKET_MODE: u32 = 0o600;
/// Probes show nothing of a customer's: whoever may enter the folder may look.
const HTTP_SOCKET_MODE: u32 = 0o666;

/// How long connections may stay after they were told to go away and nothing is in flight: one that does not go within it
/// belongs to a gateway that hangs.
const IDLE_CONNECTIONS_MS: u64 = 2_000;
/// A probe is answered at once.
const PROBES_FINISH_MS: u64 = 1_000;

/// Where a running server is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Where gateways call.
    pub grpc: Address,
    /// Where operators call.
    pub admin: Address,
    /// Where the platform probes.
    pub http: Address,
}

/// A running server.
pub struct Server {
    engine: Engine,
    addresses: Addresses,
    health: Health,
    draining: Draining,
    /// Calls of gateways and operators.
    calls: Surface,
    /// Probes, which outlive the calls.
    probes: Surface,
    /// Not there while the database is not the one that was acknowledged.
    exporter: Option<Exporter>,
    drain_ms: u64,
}

/// Tasks that serve until they are told to stop.
struct Surface {
    stop: watch::Sender<bool>,
    tasks: JoinSet<Result<(), SurfaceError>>,
}

type SurfaceError = Box<dyn std::error::Error + Send + Sync>;

/// The server cannot be started, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The database or its keys cannot be used.
    #[error("failed to open {database}")]
    Engine {
        /// Which.
        database: Database,
        /// Why.
        source: StartError,
    },
    /// The engine did not answer while the server started.
    #[error("failed to start")]
    Start(#[from] EngineError),
    /// The heads cannot be looked at, or not be exported.
    #[error("failed to look after the signed heads")]
    Heads(#[from] GuardError),
    /// There are balances in a currency that has no prices.
    #[error(
        "the price table has prices in {prices}, but the money of tenant '{tenant}' is in {money}: give its [exchange] a rate for {money}"
    )]
    Currency {
        /// The price table's.
        prices: String,
        /// Whose.
        tenant: String,
        /// Its.
        money: &'static str,
    },
    /// The gateways' listener cannot be opened.
    #[error(transparent)]
    Grpc(#[from] GrpcError),
    /// Another listener cannot be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The engine stopped by itself: nobody can say what is durable before the database has been opened anew.
    #[error("the engine has stopped: {0}")]
    EngineFailed(String),
    /// A listener ended by itself.
    #[error("a listener has ended")]
    Listener(#[source] SurfaceError),
    /// Calls were still in flight when the time to finish them was over.
    #[error("{calls} calls were still in flight after {after_ms} ms")]
    DrainTimeout {
        /// How many.
        calls: usize,
        /// After how long.
        after_ms: u64,
    },
}

impl Server {
    /// Opens everything, and serves.
    ///
    /// # Errors
    /// [`ServeError`]: nothing runs then.
    pub async fn start(config: Config, prices: PriceBook) -> Result<Self, ServeError> {
        let engine_metrics = EngineMetrics::default();
        let metrics = Metrics::new(&engine_metrics);
        let engine = open_engine(&config, engine_metrics)?;
        let started = Self::open(engine.clone(), metrics, config, prices).await;
        if started.is_err() {
            // The database is closed before anybody hears of it.
            engine.close();
            engine.stopped().await;
        }
        started
    }

    async fn open(
        engine: Engine,
        metrics: Metrics,
        config: Config,
        prices: PriceBook,
    ) -> Result<Self, ServeError> {
        let exporter = proof::export_heads(&engine, &config).await?;
        if exporter.is_some() {
            record_prices(&engine, &prices).await?;
        }
        let prices = Arc::new(prices);
        let quota = Quota::new(
            engine.clone(),
            Arc::clone(&prices),
            &config.policy,
            metrics.clone(),
        );
        if exporter.is_some() {
            // What is not learned now is learned from what is settled from here on.
            if let Err(error) = quota.learn_from_records().await {
                tracing::warn!(%error, "nothing was learned from the usage records");
            }
        }
        let (draining, offers) = (quota.draining(), quota.offers());
        let grpc = GrpcListener::open(&config.grpc, config.principals.clone(), quota).await?;
        let admin = Bound::open(&config.admin.listen, ADMIN_SOCKET_MODE).await?;
        let http = Bound::open(&config.http.listen, HTTP_SOCKET_MODE).await?;
        let addresses = Addresses {
            grpc: grpc.address(),
            admin: admin.address(),
            http: http.address(),
        };
        let health = grpc.health();
        if exporter.is_none() {
            health.not_serving().await;
        }
        let mut calls = Surface::new();
        let stopped = calls.stopped();
        calls
            .tasks
            .spawn(async { grpc.serve(stopped).await.map_err(Into::into) });
        calls.serve(
            admin,
            admin::router(AdminState {
                engine: engine.clone(),
                currencies: prices.currencies(),
                offers,
                status: Arc::new(status(&config, &prices, &addresses)),
                token: config.admin.token,
                draining: draining.clone(),
            }),
        );
        let mut probes = Surface::new();
        probes.serve(
            http,
            http::router(engine.clone(), metrics, draining.clone()),
        );
        Ok(Self {
            engine,
            addresses,
            health,
            draining,
            calls,
            probes,
            exporter,
            drain_ms: config.drain_ms,
        })
    }

    /// Where it is found, ports that the system chose included.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Waits until something ends by itself, which it must not.
    pub async fn failed(&mut self) -> ServeError {
        tokio::select! {
            stop = self.engine.stopped() => ServeError::EngineFailed(why(stop)),
            error = self.calls.ended() => error,
            error = self.probes.ended() => error,
        }
    }

    /// Finishes what is in flight, and ends.
    ///
    /// # Errors
    /// [`ServeError`] if not everything could be finished. The journal is as good as after a crash: whole.
    pub async fn stop(mut self) -> Result<(), ServeError> {
        self.draining.begin();
        self.health.not_serving().await;
        let drained = self.drain().await;
        self.engine.close();
        let stop = self.engine.stopped().await;
        if let Some(exporter) = self.exporter.take() {
            exporter.finish().await;
        }
        self.probes.finish(PROBES_FINISH_MS).await?;
        drained?;
        match stop {
            Stop::Closed => Ok(()),
            Stop::Failed(why) => Err(ServeError::EngineFailed(why)),
        }
    }
}

impl Server {
    /// Answers what is in flight. A connection on which nothing is asked does not hold up the end for long: it has been told to
    /// go away.
    async fn drain(&mut self) -> Result<(), ServeError> {
        let patience_ms = self.drain_ms.min(IDLE_CONNECTIONS_MS);
        if self.calls.finish(patience_ms).await? == Finished::All {
            return Ok(());
        }
        let rest_ms = self.drain_ms.saturating_sub(patience_ms);
        if self.draining.in_flight() > 0 && self.calls.finish(rest_ms).await? == Finished::All {
            return Ok(());
        }
        let calls = self.draining.in_flight();
        self.calls.tasks.shutdown().await;
        if calls == 0 {
            return Ok(());
        }
        let after_ms = self.drain_ms;
        Err(ServeError::DrainTimeout { calls, after_ms })
    }
}

/// How far a surface got within its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finished {
    All,
    NotAll,
}

impl Surface {
    fn new() -> Self {
        Self {
            stop: watch::Sender::new(false),
            tasks: JoinSet::new(),
        }
    }

    /// Resolves when the surface is told to stop.
    fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.stop.subscribe();
        async move {
            // An error means that the surface is gone: then it is to stop as well.
            stop.wait_for(|stop| *stop).await.map_or((), |_| ())
        }
    }

    fn serve(&mut self, bound: Bound, router: axum::Router) {
        let stopped = self.stopped();
        self.tasks.spawn(async move {
            match bound {
                Bound::Unix(listener, _socket) => {
                    axum::serve(listener, router)
                        .with_graceful_shutdown(stopped)
                        .await?;
                }
                Bound::Tcp(listener) => {
                    axum::serve(listener, router)
                        .with_graceful_shutdown(stopped)
                        .await?;
                }
            }
            Ok(())
        });
    }

    async fn ended(&mut self) -> ServeError {
        let problem = match self.tasks.join_next().await {
            Some(Ok(Ok(()))) => "nobody told it to".into(),
            Some(Ok(Err(error))) => error,
            Some(Err(error)) => error.into(),
            None => std::future::pending().await,
        };
        ServeError::Listener(problem)
    }

    /// Tells it to stop, and waits.
    async fn finish(&mut self, within_ms: u64) -> Result<Finished, ServeError> {
        self.stop.send_replace(true);
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                match ended {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return Err(ServeError::Listener(error)),
                    Err(error) => return Err(ServeError::Listener(error.into())),
                }
            }
            Ok(Finished::All)
        };
        let finished = tokio::time::timeout(Duration::from_millis(within_ms), all).await;
        finished.unwrap_or(Ok(Finished::NotAll))
    }
}

fn open_engine(config: &Config, metrics: EngineMetrics) -> Result<Engine, ServeError> {
    let engine = EngineConfig {
        lease: config.lease,
        metrics,
        held: Some("the exported heads are being looked at".to_owned()),
        ..EngineConfig::on(config.database.clone(), config.secrets.clone())
    };
    Engine::start(engine).map_err(|source| ServeError::Engine {
        database: config.database.clone(),
        source,
    })
}

/// Keeps the table for later, and sees that all balances are in a currency that it has prices in.
async fn record_prices(engine: &Engine, prices: &PriceBook) -> Result<(), ServeError> {
    let table = PriceTable {
        version: prices.version.clone(),
        content: prices.text.clone(),
    };
    engine.record_price_table(table).await?;
    let tenants = engine.tenants().await?;
    let currencies = prices.currencies();
    match tenants
        .into_iter()
        .find(|tenant| !currencies.contains(&tenant.currency))
    {
        None => Ok(()),
        Some(tenant) => Err(ServeError::Currency {
            prices: listed(&currencies),
            tenant: tenant.tenant.to_string(),
            money: tenant.currency.code(),
        }),
    }
}

fn listed(currencies: &[Currency]) -> String {
    let codes: Vec<_> = currencies.iter().map(|currency| currency.code()).collect();
    codes.join(", ")
}

fn status(config: &Config, prices: &PriceBook, addresses: &Addresses) -> wire::Status {
    wire::Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        price_version: prices.version.clone(),
        currency: prices.currency.code().to_owned(),
        policy_version: config.policy.version.clone(),
        ready: true,
        grpc: addresses.grpc.to_string(),
        http: addresses.http.to_string(),
        database: config.database.to_string(),
    }
}

fn why(stop: Stop) -> String {
    match stop {
        Stop::Closed => "it was closed".to_owned(),
        Stop::Failed(why) => why,
    }
}

#[cfg(test)]
mod tests;
