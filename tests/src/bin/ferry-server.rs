//! `ferry`, built beside the tests so that they find it: the same call as the real one.

use std::process::ExitCode;

fn main() -> ExitCode {
    ferry_quota_server::cli::main()
}
