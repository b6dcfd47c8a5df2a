//! The machines that this is made for.

use std::env::consts::{ARCH, OS};

use anyhow::bail;

/// Says so, in one sentence, where the gateway cannot be started from here.
///
/// # Errors
/// The machine is neither Linux on x86_64 nor on aarch64.
pub fn check() -> anyhow::Result<()> {
    check_that(OS, ARCH)
}

fn check_that(os: &str, arch: &str) -> anyhow::Result<()> {
    if os == "linux" && matches!(arch, "x86_64" | "aarch64") {
        return Ok(());
    }
    bail!(
        "starting the gateway from here is supported on Linux on x86_64 and aarch64, and this is {os} on {arch}: use a virtual machine or a container"
    )
}

#[cfg(test)]
mod tests {
    use super::check_that;

    #[test]
    fn linux_on_two_architectures_is_supported() {
        for (os, arch, supported) in [
            ("linux", "x86_64", true),
            ("linux", "aarch64", true),
            ("linux", "riscv64", false),
            ("macos", "aarch64", false),
        ] {
            assert_eq!(check_that(os, arch).is_ok(), supported, "{os} {arch}");
        }
    }
}
