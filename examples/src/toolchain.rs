//! The filter as a wasm module: the target where it is missing, and the one nested build.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use anyhow::{Context as _, bail};

use crate::progress::Progress;
use crate::{platform, workspace};

const TARGET: &str = "wasm32-wasip1";

/// Builds the filter once a process and returns the module's path. Adds the wasm target to the toolchain where it is missing.
///
/// Blocks, for about a minute when nothing is built yet.
///
/// # Errors
/// The machine is not supported, the target is missing and rustup too, or the filter does not build; each says what to do.
pub fn filter_module(progress: &Progress) -> anyhow::Result<PathBuf> {
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    // A build that panicked has left nothing that could be wrong.
    let mut built = BUILT.lock().unwrap_or_else(|poison| poison.into_inner());
    if let Some(module) = &*built {
        return Ok(module.clone());
    }
    platform::check()?;
    add_target(progress)?;
    let module = build(progress)?;
    *built = Some(module.clone());
    Ok(module)
}

/// Makes sure that the toolchain can build for wasm.
///
/// # Errors
/// The target is missing, and cannot be added.
pub fn add_target(progress: &Progress) -> anyhow::Result<()> {
    if has_target()? {
        return Ok(());
    }
    progress.step("adding the wasm32-wasip1 target to the Rust toolchain");
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .output();
    let Ok(output) = added else {
        bail!(
            "the Rust toolchain cannot build for {TARGET} and there is no rustup to add it: install your distribution's package of Rust's standard library for {TARGET}, or Rust from https://rustup.rs"
        );
    };
    check(
        &output,
        "`rustup target add wasm32-wasip1` failed: run it by hand, and see to the network",
    )?;
    if !has_target()? {
        bail!(
            "`rustup target add {TARGET}` went well, but the rustc on PATH is not rustup's and still lacks the target: put rustup's folder (~/.cargo/bin) first on PATH"
        );
    }
    Ok(())
}

fn has_target() -> anyhow::Result<bool> {
    let output = Command::new(tool("RUSTC", "rustc"))
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .context("failed to run rustc: put the Rust toolchain on PATH")?;
    let folder = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && Path::new(folder.trim()).is_dir())
}

fn build(progress: &Progress) -> anyhow::Result<PathBuf> {
    progress.step("building the filter for wasm");
    let target = workspace::target();
    let output = Command::new(tool("CARGO", "cargo"))
        .args(["build", "--package", "ferry-filter", "--profile", "wasm"])
        .args(["--target", TARGET, "--manifest-path"])
        .arg(workspace::root().join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        // Flags for this machine's compiler are not for wasm.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .context("failed to run cargo: put the Rust toolchain on PATH")?;
    check(&output, "the filter does not build for wasm")?;
    let module = target.join(TARGET).join("wasm/ferry_filter.wasm");
    if !module.is_file() {
        bail!(
            "cargo built the filter, but {} is not there: unset build settings that move it (CARGO_BUILD_*)",
            module.display()
        );
    }
    Ok(module)
}

fn tool(variable: &str, name: &str) -> OsString {
    env::var_os(variable).unwrap_or_else(|| name.into())
}

fn check(output: &Output, what: &str) -> anyhow::Result<()> {
    if output.status.success() {
        return Ok(());
    }
    bail!(
        "{what}:\n{}",
        String::from_utf8_lossy(&output.stderr).trim()
    )
}

#[cfg(test)]
mod tests {
    use super::filter_module;
    use crate::progress::Progress;

    #[test]
    fn the_module_is_wasm() {
        let module = filter_module(&Progress::silent()).unwrap();
        assert!(std::fs::read(module).unwrap().starts_with(b"\0asm"));
    }
}
