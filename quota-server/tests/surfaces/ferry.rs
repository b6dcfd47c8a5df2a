//! A `ferry serve` of its own for each test, in a folder that goes away, and its command line.

use ferry_quota_server::admin::Client;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;

/// The token of the gateway `edge`.
pub(crate) const EDGE_TOKEN: &str = "edge-token-of-this-test";
/// The token of the gateway `mesh`.
pub(crate) const MESH_TOKEN: &str = "mesh-token-of-this-test";
/// Long enough for a machine that is busy with everything else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Per 1,000,000 tokens: 1 USD in, 2 USD out; the provider takes half.
pub(crate) const PRICES: &str = r#"
version = "test-1"
currency = "USD"

[[model]]
name = "echo"
provider = "simulator"
provider_model = "echo-1"
context_tokens_max = 1000
output_tokens_max = 500
output_limit_field = "max_completion_tokens"
output_tokens_floor = 8
choices_max = 4
created = 2024-07-18
[model.price]
input = "1"
output = "2"
[model.cost]
input = "0.5"
output = "1"

[exchange]
VND = "26000.5"
"#;

/// A running server.
pub(crate) struct Ferry {
    pub(crate) folder: TempDir,
    /// As the log says, with the port that the system chose.
    pub(crate) admin_address: String,
    /// What the log said until it served.
    pub(crate) said: String,
    child: Child,
    log: Receiver<String>,
}

/// What a command printed, and how it ended.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The configuration of the tests, with these sections added.
pub(crate) fn config(more: &str) -> String {
    let digest = |token: &str| {
        ferry_quota_server::principal::CredentialDigest::of(token.as_bytes()).to_hex()
    };
    format!(
        "prices = 'prices.toml'\n\
         [[principals]]\nname = 'edge'\ntoken_sha256 = '{}'\n\
         [[principals]]\nname = 'mesh'\ntoken_sha256 = '{}'\n\
         [http]\nlisten = 'unix:http.sock'\n{more}",
        digest(EDGE_TOKEN),
        digest(MESH_TOKEN),
    )
}

/// The gateways' socket is in the test's folder too.
pub(crate) const ON_A_SOCKET: &str = "[grpc]\nlisten = 'unix:quota.sock'\n";

impl Ferry {
    /// A server on sockets in a folder of its own.
    pub(crate) fn start() -> Self {
        Self::start_with(tempfile::tempdir().expect("a folder"), &config(ON_A_SOCKET))
    }

    /// A server with this configuration; waits until it serves.
    pub(crate) fn start_with(folder: TempDir, config: &str) -> Self {
        let serve = command(folder.path(), &["serve"]);
        Self::start_by(folder, config, serve)
    }

    /// The same, by a command that becomes the server.
    pub(crate) fn start_by(folder: TempDir, config: &str, mut serve: Command) -> Self {
        std::fs::write(folder.path().join("prices.toml"), PRICES).expect("write the prices");
        std::fs::write(folder.path().join("ferry.toml"), config).expect("write the configuration");
        let mut child = serve
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start the server");
        let stderr = child.stderr.take().expect("standard error");
        let (line, log) = channel();
        std::thread::spawn(move || {
            for text in BufReader::new(stderr).lines().map_while(Result::ok) {
                if line.send(text).is_err() {
                    return;
                }
            }
        });
        let mut ferry = Self {
            folder,
            admin_address: String::new(),
            said: String::new(),
            child,
            log,
        };
        let said = ferry.wait_for_log("serving");
        let address = said.split(" admin=").nth(1);
        let address = address.and_then(|rest| rest.split(' ').next());
        ferry.admin_address = address.unwrap_or_default().to_owned();
        ferry.said = said;
        ferry
    }

    /// Waits until the log has a line with this in it; gives all lines until then.
    pub(crate) fn wait_for_log(&self, part: &str) -> String {
        let mut seen = String::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) => {
                    seen.push_str(&line);
                    seen.push('\n');
                    if line.contains(part) {
                        return seen;
                    }
                }
                Err(_) => panic!("the log never said '{part}':\n{seen}"),
            }
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A client of its administration.
    pub(crate) fn admin(&self) -> Client {
        Client::new(&self.path("ferry-admin.sock"), None).expect("a client")
    }

    /// Runs a command in its folder, where the administration is found by default.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        run(self.folder.path(), arguments)
    }

    /// Runs a command that has to succeed; gives its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--json"]].concat());
        assert!(ran.status.success(), "{arguments:?}: {}", ran.err);
        assert_eq!(ran.err, "", "{arguments:?}");
        serde_json::from_str(&ran.out).expect("JSON on standard output")
    }

    /// A tenant with this much money, and the text of its key.
    pub(crate) fn tenant_with(&self, tenant: &str, amount: &str) -> String {
        self.json(&["tenant", "create", tenant]);
        self.json(&["topup", tenant, amount]);
        let created = self.json(&["key", "create", tenant, "--label", "test"]);
        created["api_key"].as_str().expect("a key").to_owned()
    }

    /// Tells it to stop.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(killed.expect("run kill").success());
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(mut self) -> TempDir {
        self.child.kill().expect("kill the server");
        self.child.wait().expect("wait for the server");
        let moved = tempfile::tempdir().expect("a folder");
        std::mem::replace(&mut self.folder, moved)
    }

    /// The folder of a server that has ended.
    pub(crate) fn into_folder(mut self) -> TempDir {
        let moved = tempfile::tempdir().expect("a folder");
        std::mem::replace(&mut self.folder, moved)
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("wait for the server")
    }
}

impl Drop for Ferry {
    fn drop(&mut self) {
        // It may have ended already: then there is nobody to kill.
        if self.child.kill().is_ok() {
            self.child.wait().expect("wait for the server");
        }
    }
}

/// Runs a command in a folder.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Ran {
    let output = command(folder, arguments).output().expect("run ferry");
    Ran {
        status: output.status,
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("FERRY_ADMIN")
        .env_remove("FERRY_ADMIN_TOKEN")
        .stdin(Stdio::null());
    command
}
