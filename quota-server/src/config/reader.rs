//! From the document to the checked configuration.
//!
//! A field with a fault is read as if it were not there: the fault alone keeps the configuration from being used, and the rest
//! is still looked at.

use super::defaults as d;
use super::{Admin, Config, Grpc, Heads, Http, Log, LogFormat, Policy, Tls};
use crate::document::Section;
use crate::durable_file::beside;
use crate::engine::LeaseConfig;
use crate::listener::{Address, SOCKET_PATH_BYTES_MAX};
use crate::principal::{Credential, CredentialDigest, Principals};
use crate::store::Database;

use super::principals::principals;
use ferry_ledger::Lifeless;
use std::path::{Path, PathBuf};

/// Names a policy version may have: it is a metric's label and a header's value.
const VERSION_BYTES_MAX: usize = 64;

pub(super) fn config(root: &mut Section<'_>, folder: &Path) -> Option<Config> {
    let prices = root.text("prices").map(|path| folder.join(path));
    let prices = root.required("prices", prices);
    let database = database(root, folder);
    let secrets = secrets(root, folder, database.as_ref());
    let principals = principals(root);
    let grpc = section(root, "grpc", |s| grpc(s, folder));
    let beside_secrets = secrets.parent().unwrap_or(folder).join(d::ADMIN_SOCKET);
    let admin = section(root, "admin", |s| admin(s, folder, beside_secrets));
    let http = section(root, "http", |s| http(s, folder));
    let lease = section(root, "lease", lease);
    let lifeless = lease.as_ref().map(|(_, lifeless)| *lifeless);
    let policy = section(root, "policy", |s| {
        Some(policy(s, lifeless.unwrap_or_default()))
    });
    let heads = section(root, "heads", |s| Some(heads(s, folder, &secrets)));
    let log = section(root, "log", log);
    let drain_ms = root.integer("drain_ms", 0, d::DRAIN_MS_MOST);
    if let (Some(grpc), Some(principals)) = (&grpc, &principals) {
        check_credentials_can_be_shown(root, grpc, principals);
    }
    Some(Config {
        database: database?,
        secrets,
        prices: prices?,
        principals: principals?,
        grpc: grpc?,
        admin: admin?,
        http: http?,
        lease: lease?.0,
        policy: policy?,
        heads: heads?,
        log: log?,
        drain_ms: drain_ms.unwrap_or(d::DRAIN_MS),
    })
}

fn database(root: &mut Section<'_>, folder: &Path) -> Option<Database> {
    let name = root.text("database").unwrap_or_else(|| d::DATABASE.into());
    let password = root.text("database_password_file");
    let database = Database::named(&name, folder);
    let database = database
        .map_err(|problem| root.fault("database", problem))
        .ok()?;
    let Some(file) = password else {
        return Some(database.with_password_of_environment());
    };
    match (database, std::fs::read_to_string(folder.join(&file))) {
        (Database::Postgres(config), Ok(password)) => {
            let config = config.with_password(password.trim_end_matches(['\r', '\n']));
            Some(Database::Postgres(Box::new(config)))
        }
        (Database::Postgres(_), Err(error)) => {
            let problem = format_args!("{file} cannot be read: {error}");
            root.fault("database_password_file", problem);
            None
        }
        (Database::Sqlite(_), _) => {
            root.fault("database_password_file", "a file has no password");
            None
        }
    }
}

/// Beside SQLite's file. No place is beside a PostgreSQL database, and its servers need the same.
fn secrets(root: &mut Section<'_>, folder: &Path, database: Option<&Database>) -> PathBuf {
    match (root.text("secrets"), database) {
        (Some(_), Some(Database::Sqlite(file))) => {
            root.fault(
                "secrets",
                "only with PostgreSQL: with SQLite they lie beside its file",
            );
            file.clone()
        }
        (Some(path), _) => folder.join(path),
        (None, Some(Database::Sqlite(file))) => file.clone(),
        (None, Some(Database::Postgres(_))) => {
            let problem = "missing: every server on a PostgreSQL database needs the same peppers and signing key, such as \
                           \"/etc/ferry/ledger\" for /etc/ferry/ledger.peppers and /etc/ferry/ledger.signing-key";
            root.fault("secrets", problem);
            folder.join(d::DATABASE)
        }
        (None, None) => folder.join(d::DATABASE),
    }
}

/// A section that may be left out: then it is read as if it were empty.
fn section<'a, T>(
    root: &mut Section<'a>,
    key: &'static str,
    read: impl FnOnce(&mut Section<'a>) -> Option<T>,
) -> Option<T> {
    root.section_or_empty(key, read).flatten()
}

fn grpc(section: &mut Section<'_>, folder: &Path) -> Option<Grpc> {
    let listen = listen(section, folder, || d::GRPC_LISTEN.parse().ok());
    let socket_mode = section.text("socket_mode").map(|text| {
        let mode = u32::from_str_radix(&text, 8)
            .ok()
            .filter(|mode| *mode <= 0o777);
        if mode.is_none() {
            section.fault(
                "socket_mode",
                format_args!("'{text}' is not permissions such as \"0660\""),
            );
        }
        mode
    });
    let tls = section.section("tls", |s| tls(s, folder));
    let listen = listen?;
    if let (Address::Unix(_), Some(_)) = (&listen, &tls) {
        section.fault(
            "tls",
            "only on TCP: a Unix socket does not leave the machine",
        );
    }
    Some(Grpc {
        listen,
        socket_mode: socket_mode.flatten().unwrap_or(d::GRPC_SOCKET_MODE),
        tls: tls.flatten(),
    })
}

fn tls(section: &mut Section<'_>, folder: &Path) -> Option<Tls> {
    let mut path = |key| section.text(key).map(|path| folder.join(path));
    let (certificate, private_key) = (path("certificate"), path("private_key"));
    let client_ca = path("client_ca");
    let certificate = section.required("certificate", certificate);
    let private_key = section.required("private_key", private_key);
    Some(Tls {
        certificate: certificate?,
        private_key: private_key?,
        client_ca,
    })
}

fn admin(section: &mut Section<'_>, folder: &Path, socket: PathBuf) -> Option<Admin> {
    let listen = listen(section, folder, || Some(Address::Unix(socket.clone())));
    let token = section.text("token_sha256").map(|text| {
        CredentialDigest::parse(&text)
            .map_err(|problem| section.fault("token_sha256", problem))
            .ok()
    });
    let listen = listen?;
    if let (Address::Tcp(_), None) = (&listen, &token) {
        let problem = "missing: on TCP everybody who can connect could move money";
        section.fault("token_sha256", problem);
    }
    Some(Admin {
        listen,
        token: token.flatten(),
    })
}

fn http(section: &mut Section<'_>, folder: &Path) -> Option<Http> {
    let listen = listen(section, folder, || d::HTTP_LISTEN.parse().ok());
    Some(Http { listen: listen? })
}

fn listen(
    section: &mut Section<'_>,
    folder: &Path,
    default: impl Fn() -> Option<Address>,
) -> Option<Address> {
    let text = section.text("listen");
    let address = match &text {
        None => default(),
        Some(text) => text
            .parse::<Address>()
            .map_err(|problem| section.fault("listen", problem))
            .ok(),
    };
    let address = address?.within(folder);
    if let Address::Unix(path) = &address {
        let bytes = path.as_os_str().len();
        if bytes > SOCKET_PATH_BYTES_MAX {
            let problem = format_args!(
                "{} has {bytes} bytes, and a socket's path at most {SOCKET_PATH_BYTES_MAX}",
                path.display()
            );
            section.fault("listen", problem);
        }
    }
    Some(address)
}

fn lease(section: &mut Section<'_>) -> Option<(LeaseConfig, Lifeless)> {
    let default = LeaseConfig::default();
    let ttl_ms = section.integer("ttl_ms", d::TTL_MS_LEAST, d::TTL_MS_MOST);
    let margin_ms = section.integer("margin_ms", d::MARGIN_MS_LEAST, d::MARGIN_MS_MOST);
    let outbox_horizon_ms = section.integer(
        "outbox_horizon_ms",
        d::OUTBOX_HORIZON_MS_LEAST,
        d::OUTBOX_HORIZON_MS_MOST,
    );
    let recovery_window_ms = section.integer(
        "recovery_window_ms",
        d::RECOVERY_WINDOW_MS_LEAST,
        d::RECOVERY_WINDOW_MS_MOST,
    );
    let lifeless = section.choice("lifeless", &Lifeless::ALL.map(|p| (p.name(), p)));
    let lease = LeaseConfig {
        ttl_ms: ttl_ms.unwrap_or(default.ttl_ms),
        margin_ms: margin_ms.unwrap_or(default.margin_ms),
        outbox_horizon_ms: outbox_horizon_ms.unwrap_or(default.outbox_horizon_ms),
        recovery_window_ms: recovery_window_ms.unwrap_or(default.recovery_window_ms),
    };
    Some((lease, lifeless.unwrap_or_default()))
}

fn policy(section: &mut Section<'_>, lifeless: Lifeless) -> Policy {
    let version = section.text("version");
    let clamp = section.integer("clamp_output_tokens_max", d::CLAMP_LEAST, d::CLAMP_MOST);
    let version = version.unwrap_or_else(|| d::POLICY_VERSION.into());
    let plain = |c: char| c.is_ascii_graphic();
    if version.is_empty() || version.len() > VERSION_BYTES_MAX || !version.chars().all(plain) {
        section.fault(
            "version",
            format_args!("must be 1 to {VERSION_BYTES_MAX} visible ASCII characters"),
        );
    }
    Policy {
        version,
        clamp_output_tokens_max: clamp.unwrap_or(d::CLAMP_OUTPUT_TOKENS_MAX),
        lifeless,
    }
}

fn heads(section: &mut Section<'_>, folder: &Path, database: &Path) -> Heads {
    let export = section.text("export").map(|path| folder.join(path));
    let every_ms = section.integer("every_ms", d::HEADS_EVERY_MS_LEAST, d::HEADS_EVERY_MS_MOST);
    Heads {
        export: export.unwrap_or_else(|| beside(database, d::HEADS_SUFFIX)),
        every_ms: every_ms.unwrap_or(d::HEADS_EVERY_MS),
    }
}

fn log(section: &mut Section<'_>) -> Option<Log> {
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    let format = section.choice("format", &formats);
    let filter = section
        .text("filter")
        .unwrap_or_else(|| d::LOG_FILTER.into());
    if let Err(problem) = tracing_subscriber::EnvFilter::try_new(&filter) {
        section.fault("filter", problem);
    }
    Some(Log {
        format: format.unwrap_or(LogFormat::Text),
        filter,
    })
}

/// A gateway that is known by a certificate alone needs a listener that asks for one.
fn check_credentials_can_be_shown(root: &Section<'_>, grpc: &Grpc, principals: &Principals) {
    let asks_for_certificates = grpc.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
    for principal in &principals.0 {
        let by_certificate = principal
            .credentials
            .iter()
            .any(|credential| match credential {
                Credential::Certificate(_) => true,
                Credential::Token(_) => false,
            });
        if by_certificate && !asks_for_certificates {
            let name = &principal.name;
            let problem = format_args!("missing: '{name}' is known by a client certificate");
            root.fault("grpc.tls.client_ca", problem);
        }
    }
}
