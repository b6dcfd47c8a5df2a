//! `ferry`: one call, so that other programs of this workspace can be it too.

fn main() -> std::process::ExitCode {
    ferry_quota_server::cli::main()
}
