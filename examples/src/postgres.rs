//! A PostgreSQL of our own: on a Unix socket, without a superuser's rights. Dropped, it is killed, and nothing of it is left running.

mod obtain;
mod programs;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use crate::process::{LOOK, Process};
use crate::wait;
use programs::Programs;

/// Connections that it takes.
pub const CONNECTIONS_MAX: usize = 200;
/// Longer than the processes of a server take to see that it was killed.
const GONE: Duration = Duration::from_secs(60);

/// A server, and its data.
#[derive(Debug)]
pub struct Postgres {
    programs: Programs,
    folder: PathBuf,
    process: Option<Process>,
    /// The port that it listens on, if that was set.
    port: Option<u16>,
    // A socket's path is short by nature: 107 bytes.
    sockets: TempDir,
}

impl Postgres {
    /// Makes the data of a server in a folder, which is made if it is not there. Blocks for a second or two.
    ///
    /// # Errors
    /// There are no programs of PostgreSQL, or they fail; the message shows what they say.
    pub fn make(folder: &Path) -> anyhow::Result<Self> {
        Self::made(folder, Programs::find()?, &[])
    }

    /// The same, made and run by a command that begins like this, which may see other disks than we do; it is not root there. More
    /// may be said to initdb.
    ///
    /// # Errors
    /// As [`Postgres::make`].
    pub fn make_within(
        folder: &Path,
        within: Vec<OsString>,
        initdb: &[&str],
    ) -> anyhow::Result<Self> {
        Self::made(folder, Programs::find()?.within(within), initdb)
    }

    fn made(folder: &Path, programs: Programs, more: &[&str]) -> anyhow::Result<Self> {
        let sockets = TempDir::new()?;
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        if let Some((user, group)) = programs.owner {
            for place in [&folder, sockets.path()] {
                chown(place, Some(user), Some(group))?;
            }
        }
        let server = Self {
            programs,
            folder,
            process: None,
            port: None,
            sockets,
        };
        let mut initdb = server.command("initdb");
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8"]);
        initdb.args(["--no-locale", "--no-sync"]).args(more);
        let made = initdb.arg("--pgdata").arg(server.data()).output();
        let made = made.context("failed to start initdb")?;
        let said = String::from_utf8_lossy(&made.stderr);
        ensure!(made.status.success(), "initdb failed: {said}");
        Ok(server)
    }

    /// Starts it with these settings beside its own, like `fsync=off`, and waits until it answers.
    ///
    /// # Errors
    /// It ends; the message shows the end of its log.
    pub async fn run(&mut self, settings: &[&str]) -> anyhow::Result<()> {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data());
        command.arg("-k").arg(self.sockets.path());
        let connections = format!("max_connections={CONNECTIONS_MAX}");
        for setting in ["listen_addresses=", &connections].iter().chain(settings) {
            command.args(["-c", setting]);
        }
        let port = settings
            .iter()
            .find_map(|setting| setting.strip_prefix("port="));
        self.port = port.map(str::parse).transpose().context("not a port")?;
        let url = self.url("postgres")?;
        let log = self.folder.join("log");
        let process = Process::start("postgres", command, &log, None)?;
        let process = self.process.insert(process);
        let answers = wait::until("PostgreSQL", async || {
            process.check_running()?;
            Ok(connect(&url).await.ok())
        });
        answers.await.map(|_| ())
    }

    /// Whether it runs.
    ///
    /// # Errors
    /// The system does not say.
    pub fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(match &mut self.process {
            Some(process) => process.ended()?.is_none(),
            None => false,
        })
    }

    /// Kills it, as a machine that loses its power, and returns once nothing of it runs.
    ///
    /// # Errors
    /// Something of it still runs after a minute.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        process.kill()?;
        // Its processes are in groups of their own. They end when they see that it has, and until then hold its memory.
        let deadline = Instant::now() + GONE;
        while works_in(&self.data())? {
            if Instant::now() >= deadline {
                bail!("PostgreSQL was killed, and something still works in its folder");
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Makes a database, empty or as a copy of another one that nobody uses, and tells its URL.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn database(&self, name: &str, copy_of: Option<&str>) -> anyhow::Result<String> {
        let template = copy_of.unwrap_or("template0");
        let client = connect(&self.url("postgres")?).await?;
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
        let made = client.batch_execute(&sql).await;
        made.with_context(|| format!("failed to make the database {name}"))?;
        self.url(name)
    }

    /// Where one of its databases is.
    ///
    /// # Errors
    /// The temporary folder's path is not Unicode.
    pub fn url(&self, database: &str) -> anyhow::Result<String> {
        let sockets = self.sockets.path().to_str();
        let sockets = sockets.context("the temporary folder's path is not Unicode")?;
        let mut host = String::new();
        for byte in sockets.bytes() {
            write!(host, "%{byte:02X}")?;
        }
        if let Some(port) = self.port {
            write!(host, ":{port}")?;
        }
        Ok(format!("postgres://postgres@{host}/{database}"))
    }

    /// Writes a secret file that only the server can read, as it wants its key to be.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn secret(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        if let Some((user, group)) = self.programs.owner {
            chown(&path, Some(user), Some(group))?;
        }
        Ok(path)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.programs.command(program);
        command.current_dir(&self.folder);
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Nobody is left to be told.
        drop(self.kill());
    }
}

/// A connection to a database. It ends when the client is dropped.
///
/// # Errors
/// The server does not answer, or refuses.
pub async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // What ends it, its client is told.
    tokio::spawn(connection);
    Ok(client)
}

/// Whether a process has this folder as its own: all of a server's are in that of its data.
fn works_in(folder: &Path) -> anyhow::Result<bool> {
    for process in fs::read_dir("/proc")? {
        // Where it cannot be read, the process is another user's, or has ended.
        let works_in = fs::read_link(process?.path().join("cwd"));
        if works_in.is_ok_and(|place| place == folder) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::{Postgres, connect, works_in};

    #[tokio::test]
    async fn killed_it_is_gone_and_what_was_committed_is_there_when_it_runs_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut postgres = Postgres::make(folder.path()).unwrap();
        postgres.run(&[]).await.unwrap();
        let url = postgres.database("books", None).await.unwrap();
        let client = connect(&url).await.unwrap();
        client.batch_execute("CREATE TABLE book ()").await.unwrap();
        assert!(works_in(&postgres.data()).unwrap());
        postgres.kill().unwrap();
        assert!(!works_in(&postgres.data()).unwrap());
        assert!(connect(&url).await.is_err());
        postgres.run(&["work_mem=1MB"]).await.unwrap();
        let client = connect(&url).await.unwrap();
        client.batch_execute("SELECT FROM book").await.unwrap();
        drop(client);
        let copy = postgres.database("copy", Some("books")).await.unwrap();
        let client = connect(&copy).await.unwrap();
        client.batch_execute("SELECT FROM book").await.unwrap();
        let setting = client.query_one("SHOW work_mem", &[]).await.unwrap();
        assert_eq!(setting.get::<_, String>(0), "1MB");
    }

    #[tokio::test]
    async fn a_server_that_does_not_start_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let mut postgres = Postgres::make(folder.path()).unwrap();
        let error = postgres.run(&["no_such_setting=1"]).await.unwrap_err();
        assert!(error.to_string().contains("no_such_setting"), "{error}");
    }
}
