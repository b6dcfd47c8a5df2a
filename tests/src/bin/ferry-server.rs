//! `ferry` for the tests: cargo builds it with them and tells them where it is (`CARGO_BIN_EXE_ferry-server`).

fn main() -> std::process::ExitCode {
    ferry_quota_server::cli::main()
}
