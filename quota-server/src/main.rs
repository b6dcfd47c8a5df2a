//! `ferry`: one call, so that other programs of this workspace can be it too.

#[global_allocator]
static ALLOCATOR: ferry_quota_server::Allocator = ferry_quota_server::Allocator;

fn main() -> std::process::ExitCode {
    ferry_quota_server::cli::main()
}
