//! Python and its pip, as they are on the machine.

use std::process::{Command, Stdio};

use anyhow::bail;

const PYTHONS: [&str; 2] = ["python3", "python"];

/// The Python on PATH.
///
/// # Errors
/// There is none.
pub fn python() -> anyhow::Result<Command> {
    for name in PYTHONS {
        if succeeds(
            Command::new(name).args(["-c", "import sys; sys.exit(sys.version_info < (3, 8))"]),
        ) {
            return Ok(Command::new(name));
        }
    }
    bail!("there is no Python 3.8 or newer on PATH: install python3 and its pip")
}

/// That Python's pip.
///
/// # Errors
/// There is no Python, or it has no pip.
pub fn pip() -> anyhow::Result<Command> {
    let mut pip = python()?;
    pip.args(["-m", "pip", "--disable-pip-version-check", "--no-input"]);
    let mut probe = python()?;
    if !succeeds(probe.args(["-m", "pip", "--version"])) {
        bail!(
            "the Python on PATH has no pip: install it (Debian and Ubuntu: apt install python3-pip; Fedora: dnf install python3-pip)"
        );
    }
    Ok(pip)
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
