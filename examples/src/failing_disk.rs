//! A disk that fails to be flushed, as a program sees it that is started with a small library of ours before libc.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// The library.
const SOURCE: &str = include_str!("failing_disk/flush.c");
/// Where it looks for what fails.
const TOLD: &str = "FERRY_FAILS_TOLD";

/// Programs that are started on it find it well until it is told to fail.
#[derive(Debug)]
pub struct FailingDisk {
    library: PathBuf,
    told: PathBuf,
}

impl FailingDisk {
    /// Makes the library in a folder, with the compiler that SQLite is built by.
    ///
    /// # Errors
    /// There is no compiler of C, or it fails; the message shows what it says.
    pub fn make(folder: &Path) -> anyhow::Result<Self> {
        let (source, library) = (folder.join("flush.c"), folder.join("flush.so"));
        fs::write(&source, SOURCE)?;
        let compiler = env::var_os("CC").unwrap_or_else(|| OsString::from("cc"));
        let mut compile = Command::new(compiler);
        compile.args(["-shared", "-fPIC", "-O1", "-o"]);
        let made = compile.arg(&library).arg(&source).output();
        let made = made.context("failed to start the compiler of C")?;
        let said = String::from_utf8_lossy(&made.stderr);
        ensure!(made.status.success(), "the compiler of C failed: {said}");
        Ok(Self {
            library,
            told: folder.join("fails"),
        })
    }

    /// Has a program see it.
    pub fn show_to(&self, program: &mut Command) {
        program.env("LD_PRELOAD", &self.library);
        program.env(TOLD, &self.told);
    }

    /// From now on, no file or folder can be flushed whose path ends like this.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn fail(&self, end: &str) -> anyhow::Result<()> {
        tell(&self.told, end)
    }
}

/// The same, said by a program that sees such a disk.
///
/// # Errors
/// It sees none, or it cannot be told.
pub fn fail(end: &str) -> anyhow::Result<()> {
    let told = env::var_os(TOLD).context("this program sees no failing disk")?;
    tell(Path::new(&told), end)
}

/// All at once: it is looked at in every moment.
fn tell(told: &Path, end: &str) -> anyhow::Result<()> {
    let partial = told.with_extension("new");
    fs::write(&partial, end)?;
    Ok(fs::rename(&partial, told)?)
}
