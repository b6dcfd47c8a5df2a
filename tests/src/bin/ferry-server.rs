//! `ferry`, built beside the tests so that they find it: the same call as the real one.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: ferry_quota_server::Allocator = ferry_quota_server::Allocator;

fn main() -> ExitCode {
    ferry_quota_server::cli::main()
}
