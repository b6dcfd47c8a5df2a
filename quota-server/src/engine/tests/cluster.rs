//! The PostgreSQL that tests share, or that one of them has for itself: stopped when the last one lets go of it.

use crate::store::Database;
use ferry_examples::postgres::{Postgres, connect};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

/// A server that any test may call, from whichever runtime it is in.
pub(crate) struct Cluster {
    // Before its folder, in which it works.
    server: Mutex<Postgres>,
    _folder: tempfile::TempDir,
    databases: AtomicU64,
}

impl Cluster {
    /// The one that the tests of this program share.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(|poison| poison.into_inner());
        shared.upgrade().unwrap_or_else(|| {
            let cluster = Arc::new(Self::start());
            *shared = Arc::downgrade(&cluster);
            cluster
        })
    }

    /// A server of one test's own, which it may kill.
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("ferry-pg").tempdir();
        let folder = folder.unwrap();
        let cluster = Self {
            server: Mutex::new(Postgres::make(folder.path()).unwrap()),
            _folder: folder,
            databases: AtomicU64::new(0),
        };
        cluster.run();
        cluster
    }

    /// Starts the server, and waits until it answers.
    pub(crate) fn run(&self) {
        self.run_with(&[]);
    }

    /// The same with other settings.
    pub(crate) fn run_with(&self, settings: &[&str]) {
        let server: &mut Postgres = &mut self.server();
        aside(async || server.run(settings).await).unwrap();
    }

    /// Ends it at once, as a machine that loses its power.
    pub(crate) fn kill(&self) {
        self.server().kill().unwrap();
    }

    /// An empty database.
    pub(crate) fn database(&self) -> Database {
        let number = self.databases.fetch_add(1, Ordering::SeqCst);
        let server: &Postgres = &self.server();
        let name = format!("ferry_{number}");
        let url = aside(async || server.database(&name, None).await).unwrap();
        Database::named(&url, Path::new("")).unwrap()
    }

    /// Where one of its databases is, for others than Ferry.
    pub(crate) fn url_of(&self, database: &Database) -> String {
        let shown = database.to_string();
        let name = shown.rsplit('/').next().unwrap();
        self.server().url(name).unwrap()
    }

    fn server(&self) -> MutexGuard<'_, Postgres> {
        self.server.lock().unwrap_or_else(|p| p.into_inner())
    }
}

/// Asks a database something that has no answer.
pub(crate) fn execute(url: &str, sql: &str) -> anyhow::Result<()> {
    aside(async || Ok(connect(url).await?.batch_execute(sql).await?))
}

/// Waits for something on a thread of its own: the caller's may belong to a runtime, which does not wait.
fn aside<T: Send>(ask: impl AsyncFnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
    let waited = || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build()?.block_on(ask())
    };
    std::thread::scope(|scope| scope.spawn(waited).join().unwrap())
}
