//! The programs of PostgreSQL: the ones that are named, the ones on PATH, the newest of Debian's, or the pinned wheel's.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::obtain::pinned;

const ADVICE: &str = "or install PostgreSQL 13 or newer, or set FERRY_POSTGRES to the folder with its initdb and postgres";

/// Where they are, and who runs them.
#[derive(Debug)]
pub(super) struct Programs {
    folder: PathBuf,
    /// User and group, if they must be another's than ours.
    pub(super) owner: Option<(u32, u32)>,
    /// What a command begins with that runs one of them elsewhere.
    within: Vec<OsString>,
}

impl Programs {
    /// # Errors
    /// There are none; the message says what to do.
    pub(super) fn find() -> anyhow::Result<Self> {
        Self::of(folder()?)
    }

    /// # Errors
    /// There is nobody to run them.
    pub(super) fn of(folder: PathBuf) -> anyhow::Result<Self> {
        Ok(Self {
            folder,
            owner: owner()?,
            within: Vec::new(),
        })
    }

    /// The same, run by this command, which sees to it that they are not run by root.
    pub(super) fn within(self, within: Vec<OsString>) -> Self {
        let Self { folder, .. } = self;
        Self {
            folder,
            owner: None,
            within,
        }
    }

    /// One of them, as its owner runs it.
    pub(super) fn command(&self, program: &str) -> Command {
        let program = self.folder.join(program);
        let mut command = match self.within.split_first() {
            Some((enter, arguments)) => {
                let mut command = Command::new(enter);
                command.args(arguments).arg(program);
                command
            }
            None => Command::new(program),
        };
        if let Some((user, group)) = self.owner {
            command.gid(group).uid(user);
        }
        command
    }
}

fn folder() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os("FERRY_POSTGRES") {
        let named = PathBuf::from(named);
        ensure!(
            holds_them(&named),
            "FERRY_POSTGRES names no folder with initdb and postgres: {ADVICE}"
        );
        return Ok(named);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut debian: Vec<PathBuf> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .collect();
    debian.sort();
    let mut all = env::split_paths(&path).chain(debian.into_iter().rev());
    match all.find(|folder| holds_them(folder)) {
        Some(folder) => Ok(folder),
        None => pinned(ADVICE),
    }
}

fn holds_them(folder: &Path) -> bool {
    folder.join("initdb").is_file() && folder.join("postgres").is_file()
}

/// PostgreSQL refuses to run as root: then it runs as `postgres`, or as `nobody`.
fn owner() -> anyhow::Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let of = |name: &str| {
        let is_it = |line: &&str| line.split(':').next() == Some(name);
        let mut ids = users.lines().find(is_it)?.split(':').skip(2);
        Some((ids.next()?.parse().ok()?, ids.next()?.parse().ok()?))
    };
    let found = of("postgres").or_else(|| of("nobody"));
    found
        .context("neither postgres nor nobody is a user here: PostgreSQL refuses to run as root")
        .map(Some)
}
