//! Opening a database and starting the writer on it.

use super::batch::UsedKeys;
use super::clock::{Clock, Time, TimeSource};
use super::hold::Hold;
use super::known_keys::KnownKeys;
use super::lanes::{Lanes, RESERVE_LANE_MAX, SETTLEMENT_LANE_MAX};
use super::lease::LeaseConfig;
use super::metrics::EngineMetrics;
use super::read::Readers;
use super::resident::Resident;
use super::secrets::Secrets;
use super::teller::Teller;
use super::writer::{Stop, Writer};
use super::{Engine, Inner};
use crate::heads::{ChangedHeads, SigningKeyError};
use crate::key_directory::PepperError;
use crate::store::{Database, OpenError, Store, StoreError};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::watch;

/// What an engine is started with.
#[derive(Clone)]
pub struct EngineConfig {
    /// Where the books are.
    pub database: Database,
    /// Beside this, with endings of their own, lie the peppers and the signing key. Servers that share a database share them.
    pub secrets: PathBuf,
    /// How long holds stand.
    pub lease: LeaseConfig,
    /// What it counts with.
    pub metrics: EngineMetrics,
    /// What it tells the time by, unless its database has a clock that several servers share.
    pub time: Arc<dyn TimeSource>,
    /// Why it decides nothing at first; `None` if it does from the start on.
    pub held: Option<String>,
}

impl EngineConfig {
    /// This file of SQLite's with the secrets beside it, the system's clocks, and defaults.
    #[must_use]
    pub fn new(database: PathBuf) -> Self {
        Self::on(database.clone().into(), database)
    }

    /// This database, the system's clocks, and defaults.
    #[must_use]
    pub fn on(database: Database, secrets: PathBuf) -> Self {
        Self {
            database,
            secrets,
            lease: LeaseConfig::default(),
            metrics: EngineMetrics::default(),
            time: Arc::new(super::clock::SystemTimeSource::new()),
            held: None,
        }
    }
}

/// The engine cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The peppers cannot be used.
    #[error(transparent)]
    Pepper(#[from] PepperError),
    /// The signing key cannot be used.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
    /// The database cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gave no thread.
    #[error("failed to start the writer")]
    Thread(#[source] std::io::Error),
}

impl Engine {
    /// Opens the database, which is made if it is not there, and starts the writer.
    ///
    /// # Errors
    /// [`StartError`] says what stands in the way; nothing runs then.
    pub fn start(config: EngineConfig) -> Result<Self, StartError> {
        // A store blocks, and must not do that where a runtime runs.
        std::thread::scope(|scope| {
            let starting = std::thread::Builder::new().name("ferry-start".into());
            let starting = starting.spawn_scoped(scope, || {
                let mut store = config.database.open()?;
                let secrets = Secrets::open(&config.secrets, store.as_mut())?;
                Self::start_on(store, secrets, config)
            });
            let ended = |_| StartError::Thread(std::io::Error::other("it ended"));
            starting
                .map_err(StartError::Thread)?
                .join()
                .map_err(ended)?
        })
    }

    /// Starts the writer on a store that is open.
    pub(super) fn start_on(
        store: Box<dyn Store>,
        secrets: Secrets,
        config: EngineConfig,
    ) -> Result<Self, StartError> {
        let (engine, writer, stopped) = Self::made(store, secrets, config)?;
        std::thread::Builder::new()
            .name("ferry-writer".into())
            .spawn(move || writer.run(&stopped))
            .map_err(StartError::Thread)?;
        Ok(engine)
    }

    /// An engine whose writer does not run yet, and whom the writer tells when it has stopped.
    pub(super) fn made(
        mut store: Box<dyn Store>,
        secrets: Secrets,
        config: EngineConfig,
    ) -> Result<(Self, Writer, watch::Sender<Option<Stop>>), StartError> {
        let EngineConfig {
            database,
            secrets: _,
            lease,
            metrics,
            time,
            held,
        } = config;
        let hold = Hold::new(held);
        let Secrets { peppers, signer } = secrets;
        let changed_heads = ChangedHeads::default();
        let lanes = Arc::new(Lanes::new(
            RESERVE_LANE_MAX,
            SETTLEMENT_LANE_MAX,
            metrics.clone(),
        ));
        let (stopped, stop) = watch::channel(None);
        let peppers = Arc::new(peppers);
        let connected = Arc::new(AtomicBool::new(true));
        let time = Time::new(time);
        let mut clock = Clock::new(time.clone());
        metrics.clock_is_ahead(clock.read(|| store.time())?);
        if let Some(seal) = store.newest_seal()? {
            clock.not_before(seal.month.end());
        }
        let flusher = store.flush_apart()?;
        let teller = Teller::start(
            flusher.clone(),
            Arc::clone(&lanes),
            metrics.clone(),
            changed_heads.clone(),
        );
        let resident = store.alone().map(|_| Resident::default());
        let writer = Writer {
            store,
            resident,
            lanes: Arc::clone(&lanes),
            peppers: Arc::clone(&peppers),
            clock,
            lease,
            metrics: metrics.clone(),
            teller: teller.map_err(StartError::Thread)?,
            used_keys: UsedKeys::new(),
            known_keys: KnownKeys::default(),
            kept_from: 0,
            hold: hold.clone(),
            connected: Arc::clone(&connected),
            reconnections: 0,
            unsound: None,
        };
        let readers = Arc::new(Readers::new(database, flusher, time));
        let inner = Inner {
            lanes,
            stop,
            peppers,
            readers,
            metrics,
            signer,
            changed_heads,
            hold,
            connected,
        };
        let engine = Self {
            inner: Arc::new(inner),
        };
        Ok((engine, writer, stopped))
    }
}
