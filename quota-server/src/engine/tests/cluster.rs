//! The PostgreSQL that tests share, or that one of them has for itself: stopped when the last one lets go of it.

use crate::store::Database;
use ferry_examples::postgres::{Postgres, connect};
use ferry_examples::wait;
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

    /// Makes a copy of a database under another name; whoever uses it is cut off.
    pub(crate) fn copy(&self, database: &Database, copy: &str) {
        let name = name_of(database);
        let server: &Postgres = &self.server();
        let close = closed(&name);
        let open = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true");
        aside(async || {
            let client = connect(&server.url("postgres")?).await?;
            client.batch_execute(&close).await?;
            wait::until("nobody uses the database", async || {
                Ok(server.database(copy, Some(&name)).await.ok())
            })
            .await?;
            Ok(client.batch_execute(&open).await?)
        })
        .unwrap();
    }

    /// Puts a copy in the place of a database, as a failover to a standby that lags behind does, or back.
    pub(crate) fn swap(&self, database: &Database, aside_name: &str, copy: &str) {
        let name = name_of(database);
        let server: &Postgres = &self.server();
        let close = closed(&name);
        let swaps = [
            format!("ALTER DATABASE {name} RENAME TO {aside_name}"),
            format!("ALTER DATABASE {copy} RENAME TO {name}"),
            format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"),
        ];
        aside(async || {
            let client = connect(&server.url("postgres")?).await?;
            client.batch_execute(&close).await?;
            for swap in &swaps {
                wait::until("nobody uses the database", async || {
                    Ok(client.batch_execute(swap).await.ok())
                })
                .await?;
            }
            Ok(())
        })
        .unwrap();
    }

    /// Where one of its databases is, for others than Ferry.
    pub(crate) fn url_of(&self, database: &Database) -> String {
        self.server().url(&name_of(database)).unwrap()
    }

    fn server(&self) -> MutexGuard<'_, Postgres> {
        self.server.lock().unwrap_or_else(|p| p.into_inner())
    }
}

fn name_of(database: &Database) -> String {
    let shown = database.to_string();
    shown.rsplit('/').next().unwrap().to_owned()
}

/// Lets nobody in any more, and ends every connection.
fn closed(name: &str) -> String {
    format!(
        "ALTER DATABASE {name} ALLOW_CONNECTIONS false; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )
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
