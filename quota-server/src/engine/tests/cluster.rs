//! A PostgreSQL of the tests' own: on a Unix socket in a temporary folder, without superuser rights, stopped when the last
//! test lets go of it.

use crate::store::Database;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// How long a start may take on a machine that does much else.
const START_MAX: Duration = Duration::from_secs(120);
const ADVICE: &str = "install PostgreSQL 13 or newer, or set FERRY_POSTGRES to the folder with its initdb and postgres";

/// A running server.
pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    programs: PathBuf,
    owner: Option<(u32, u32)>,
    server: Mutex<Option<Child>>,
    databases: AtomicU64,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
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
        let cluster = Self {
            folder: tempfile::Builder::new()
                .prefix("ferry-pg")
                .tempdir()
                .unwrap(),
            programs: programs(),
            owner: owner(),
            server: Mutex::new(None),
            databases: AtomicU64::new(0),
        };
        if let Some((user, group)) = cluster.owner {
            chown(cluster.folder.path(), Some(user), Some(group)).unwrap();
        }
        let made = cluster
            .command("initdb")
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-locale",
            ])
            .args(["--no-sync", "--pgdata"])
            .arg(cluster.data())
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        cluster.run();
        cluster
    }

    /// Starts the server, and waits until it answers.
    pub(crate) fn run(&self) {
        self.run_with(&[]);
    }

    /// The same with other settings.
    pub(crate) fn run_with(&self, settings: &[&str]) {
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = self.command("postgres");
        command
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(self.folder.path());
        command.args(["-c", "listen_addresses=", "-c", "max_connections=200"]);
        for setting in settings {
            command.args(["-c", setting]);
        }
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        *self.server.lock().unwrap() = Some(child);
        let until = Instant::now() + START_MAX;
        while let Err(error) = self.execute("SELECT 1") {
            let log = self.folder.path().join("log");
            let log = || fs::read_to_string(&log).unwrap_or_default();
            assert!(
                Instant::now() < until,
                "PostgreSQL does not answer ({error}): {}",
                log()
            );
            std::thread::yield_now();
        }
    }

    /// Ends it at once, as a machine that loses its power.
    pub(crate) fn kill(&self) {
        let Some(mut child) = self.server.lock().unwrap_or_else(|p| p.into_inner()).take() else {
            return;
        };
        // All that belongs to it is in its group.
        let group = rustix::process::Pid::from_child(&child);
        let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ended = child.wait();
    }

    /// An empty database.
    pub(crate) fn database(&self) -> Database {
        let number = self.databases.fetch_add(1, Ordering::SeqCst);
        let name = format!("ferry_{number}");
        self.execute(&format!("CREATE DATABASE {name}")).unwrap();
        Database::named(&self.url(&name), Path::new("")).unwrap()
    }

    /// Where one of its databases is, for others than Ferry.
    pub(crate) fn url_of(&self, database: &Database) -> String {
        let shown = database.to_string();
        self.url(shown.rsplit('/').next().unwrap())
    }

    /// Asks the server something that has no answer.
    fn execute(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        execute(&self.url("postgres"), sql)
    }

    fn url(&self, database: &str) -> String {
        let folder = self.folder.path().to_str().unwrap();
        let host = folder.bytes().fold(String::new(), |mut host, byte| {
            write!(host, "%{byte:02X}").unwrap();
            host
        });
        format!("postgres://postgres@{host}/{database}")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .process_group(0);
        if let Some((user, group)) = self.owner {
            command.gid(group).uid(user);
        }
        command
    }
}

/// Asks a database something that has no answer, on a thread of its own.
pub(crate) fn execute(url: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let (client, connection) =
                    tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
                let driven = tokio::spawn(connection);
                let done = client.batch_execute(sql).await;
                drop(client);
                driven.await.unwrap().and(done)
            })
        });
        asked.join().unwrap()
    })
}

/// The folder of the server's programs: the one that is named, the one on PATH, or the newest of Debian's.
fn programs() -> PathBuf {
    let holds =
        |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    if let Some(named) = env::var_os("FERRY_POSTGRES") {
        let named = PathBuf::from(named);
        assert!(
            holds(&named),
            "FERRY_POSTGRES names no folder with initdb and postgres: {ADVICE}"
        );
        return named;
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .collect();
    folders.sort();
    let found = env::split_paths(&path)
        .chain(folders.into_iter().rev())
        .find(holds);
    found.unwrap_or_else(|| panic!("no PostgreSQL: {ADVICE}"))
}

/// PostgreSQL refuses to run as root: then it runs as `postgres`, or as `nobody`.
fn owner() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let of = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(str::parse);
        Some((ids.next()?.ok()?, ids.next()?.ok()?))
    };
    Some(of("postgres").or_else(|| of("nobody")).unwrap())
}
