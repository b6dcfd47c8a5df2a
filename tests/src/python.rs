//! Python with the official OpenAI package, as customers have it.
//!
//! The package and all that it needs are pinned by hash in `tests/fixtures/python/requirements.txt` and installed once into a
//! folder of their own under the target folder; nothing of the machine's Python is changed or used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use ferry_examples::{folder, python, workspace};
use serde_json::Value;
use tokio::process::Command;

/// The oldest Python that the OpenAI package takes.
const OLDEST: (u32, u32) = (3, 10);
/// SDKs wait for up to ten minutes on their own; a test does not.
const PATIENCE: Duration = Duration::from_secs(300);

/// A Python that has the OpenAI package.
#[derive(Debug, Clone)]
pub struct Python {
    packages: PathBuf,
}

impl Python {
    /// Installs what is missing. Blocks, for as long as 10 MB take the first time.
    ///
    /// # Errors
    /// Python or pip is missing or too old, or the packages cannot be downloaded; the message says what to do.
    pub fn install() -> anyhow::Result<Self> {
        let (major, minor) = version()?;
        if (major, minor) < OLDEST {
            bail!(
                "the Python on PATH is {major}.{minor} and the OpenAI package needs {}.{} or newer: put a newer one first on PATH",
                OLDEST.0,
                OLDEST.1
            );
        }
        let requirements = fixtures().join("requirements.txt");
        let text = fs::read_to_string(&requirements)
            .with_context(|| format!("failed to read {}", requirements.display()))?;
        let packages = workspace::target()
            .join("python")
            .join(format!("cp{major}{minor}-{:016x}", fingerprint(&text)));
        folder::once(&packages, |folder| install(&requirements, folder))?;
        Ok(Self { packages })
    }

    /// Runs a script of `tests/fixtures/python` with these variables, and returns the JSON that it prints.
    ///
    /// # Errors
    /// It fails, takes too long, or prints something else; the message shows what it said.
    pub async fn run(&self, script: &str, variables: &[(&str, &str)]) -> anyhow::Result<Value> {
        let mut command = Command::from(python::python()?);
        command
            .arg(fixtures().join(script))
            .envs(variables.iter().copied())
            .env("PYTHONPATH", &self.packages)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONNOUSERSITE", "1")
            // Loopback is never behind a proxy.
            .env("NO_PROXY", "*")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output())
            .await
            .with_context(|| format!("{script} has not ended after {PATIENCE:?}"))?
            .with_context(|| format!("failed to run {script}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            bail!("{script} failed ({}):\n{said}\n{complained}", output.status);
        }
        serde_json::from_str(&said)
            .with_context(|| format!("{script} does not print JSON:\n{said}\n{complained}"))
    }
}

fn fixtures() -> PathBuf {
    workspace::root().join("tests/fixtures/python")
}

fn version() -> anyhow::Result<(u32, u32)> {
    let output = python::python()?
        .args(["-c", "import sys; print(*sys.version_info[:2])"])
        .output()
        .context("failed to run Python")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let read = || {
        let (major, minor) = text.trim().split_once(' ')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    read().context("Python does not tell its version")
}

fn install(requirements: &Path, folder: &Path) -> anyhow::Result<()> {
    let output = python::pip()?
        .args(["install", "--quiet", "--require-hashes", "--no-deps"])
        .args(["--only-binary", ":all:", "--no-compile", "--target"])
        .arg(folder)
        .arg("--requirement")
        .arg(requirements)
        .output()
        .context("failed to run pip")?;
    if !output.status.success() {
        bail!(
            "pip cannot install the OpenAI package: see to the network; wheels are pinned for CPython 3.10 to 3.14 on Linux with glibc:\n{}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

/// FNV-1a: a name for a folder, so that other requirements get another one.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
