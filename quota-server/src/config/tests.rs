//! A short file is enough, a full one is read to the letter, and every fault is told at once.

use super::*;
use crate::principal::{Credential, Principal, Role, Scope};

const DIGEST: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn parse(text: &str) -> Result<Config, Faults> {
    Config::parse(&text.replace("DIGEST", DIGEST), Path::new("/etc/ferry"))
}

const SHORT: &str = "
prices = 'prices.toml'
[[principals]]
name = 'gateway'
token_sha256 = 'DIGEST'
";

#[test]
fn a_price_table_and_a_gateway_are_enough() {
    let config = parse(SHORT).expect("a good file");
    let token = Credential::Token(CredentialDigest::of(b"hello"));
    let gateway = Principal::gateway("gateway".parse().expect("a name"), vec![token]);
    let expected = Config {
        database: PathBuf::from("/etc/ferry/ferry.db").into(),
        secrets: "/etc/ferry/ferry.db".into(),
        prices: "/etc/ferry/prices.toml".into(),
        principals: Principals(vec![gateway.into()]),
        grpc: Grpc {
            listen: Address::Unix("/run/ferry/quota.sock".into()),
            socket_mode: 0o660,
            tls: None,
        },
        admin: Admin {
            listen: Address::Unix("/etc/ferry/ferry-admin.sock".into()),
            token: None,
        },
        http: Http {
            listen: "127.0.0.1:9902".parse().expect("an address"),
        },
        lease: LeaseConfig::default(),
        policy: Policy {
            version: "default-1".into(),
            clamp_output_tokens_max: 4096,
            lifeless: Lifeless::Release,
        },
        heads: Heads {
            export: "/etc/ferry/ferry.db.heads".into(),
            every_ms: 1_000,
        },
        log: Log {
            format: LogFormat::Text,
            filter: "info".into(),
        },
        drain_ms: 20_000,
    };
    assert_eq!(config, expected);
}

const FULL: &str = "
database = '/var/lib/ferry/ledger.db'
prices = '../prices.toml'
drain_ms = 5000

[[principals]]
name = 'mesh'
certificate_sha256 = 'DIGEST'
role = 'recovery'
tenants = ['acme', 'other']
routes = 'openai'
unreserved_settles_per_hour_max = 7

[[principals]]
name = 'edge'
token_sha256 = ['0000000000000000000000000000000000000000000000000000000000000000', 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff']

[grpc]
listen = '0.0.0.0:8443'
[grpc.tls]
certificate = 'server.pem'
private_key = 'server.key'
client_ca = 'clients.pem'

[admin]
listen = '127.0.0.1:9903'
token_sha256 = 'DIGEST'

[http]
listen = 'unix:http.sock'

[lease]
ttl_ms = 1000
margin_ms = 100
outbox_horizon_ms = 0
recovery_window_ms = 60000
lifeless = 'charge'

[policy]
version = '2026-11'
clamp_output_tokens_max = 256

[heads]
export = '/mnt/proof/heads.jsonl'
every_ms = 50

[log]
format = 'json'
filter = 'info,ferry_quota_server=debug'
";

#[test]
fn every_setting_is_read() {
    let config = parse(FULL).expect("a good file");
    assert_eq!(
        config.database,
        PathBuf::from("/var/lib/ferry/ledger.db").into()
    );
    assert_eq!(config.prices, Path::new("/etc/ferry/../prices.toml"));
    assert_eq!(config.drain_ms, 5000);
    let counts: Vec<_> = config
        .principals
        .0
        .iter()
        .map(|p| p.credentials.len())
        .collect();
    assert_eq!(counts, [1, 2]);
    let [mesh, edge] = &config.principals.0[..] else {
        panic!("two gateways");
    };
    let scope = Scope {
        tenants: Some(
            ["acme", "other"]
                .map(|id| id.parse().expect("an id"))
                .into(),
        ),
        routes: Some(["openai".to_owned()].into()),
    };
    assert_eq!((mesh.role, &mesh.scope), (Role::Recovery, &scope));
    assert_eq!(mesh.unreserved_settles_per_hour_max, 7);
    assert_eq!((edge.role, &edge.scope), (Role::Gateway, &Scope::default()));
    let tls = Tls {
        certificate: "/etc/ferry/server.pem".into(),
        private_key: "/etc/ferry/server.key".into(),
        client_ca: Some("/etc/ferry/clients.pem".into()),
    };
    assert_eq!(config.grpc.tls, Some(tls));
    assert!(config.grpc.listen.is_public());
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:9903");
    assert_eq!(config.admin.token, Some(CredentialDigest::of(b"hello")));
    assert_eq!(config.http.listen.to_string(), "unix:/etc/ferry/http.sock");
    let lease = LeaseConfig {
        ttl_ms: 1000,
        margin_ms: 100,
        outbox_horizon_ms: 0,
        recovery_window_ms: 60_000,
    };
    assert_eq!(config.lease, lease);
    assert_eq!(config.policy.version, "2026-11");
    assert_eq!(config.policy.clamp_output_tokens_max, 256);
    assert_eq!(config.policy.lifeless, Lifeless::Charge);
    assert_eq!(config.heads.export, Path::new("/mnt/proof/heads.jsonl"));
    assert_eq!(config.heads.every_ms, 50);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.filter, "info,ferry_quota_server=debug");
}

/// The short file on a database of PostgreSQL.
fn on_postgres(url: &str, more: &str) -> Result<Config, Faults> {
    parse(&format!("database = '{url}'\n{more}\n{SHORT}"))
}

#[test]
fn a_postgresql_database_needs_shared_secrets_and_shows_no_password() {
    let url = "postgres://ferry:hunter2@db.example:5433/ledger";
    let config = on_postgres(url, "secrets = 'shared/ledger'").expect("a good file");
    assert_eq!(
        config.database.to_string(),
        "postgres://db.example:5433/ledger"
    );
    assert_eq!(config.secrets, Path::new("/etc/ferry/shared/ledger"));
    assert_eq!(
        config.heads.export,
        Path::new("/etc/ferry/shared/ledger.heads")
    );
    assert!(!format!("{config:?}").contains("hunter2"));

    let check = |url: &str, more: &str, expected: &str| {
        let faults = on_postgres(url, more).unwrap_err().to_string();
        assert!(
            faults.contains(expected) && !faults.contains("hunter2"),
            "{faults}"
        );
    };
    check(
        url,
        "",
        "secrets: missing: every server on a PostgreSQL database needs the same",
    );
    let secrets = "secrets = 'ledger'";
    check(
        "postgres://ferry:hunter2@/ledger",
        secrets,
        "it names no host",
    );
    check(
        "postgres://ferry:hunter2@db.example",
        secrets,
        "it names no database",
    );
    check(
        "postgres://ferry:hunter2@db:many/ledger",
        secrets,
        "database: not a PostgreSQL database",
    );
    check("ferry.db", secrets, "secrets: only with PostgreSQL");
    check(
        url,
        "secrets = 'x'\ndatabase_password_file = 'nowhere'",
        "nowhere cannot be read",
    );
    check(
        "ferry.db",
        "database_password_file = 'x'",
        "a file has no password",
    );
}

#[test]
fn no_digest_is_shown() {
    let config = parse(FULL).expect("a good file");
    let shown = format!("{config:?}");
    assert!(
        !shown.contains("2cf2") && !shown.contains("44, 242"),
        "{shown}"
    );
}

/// Lines added to the short file, and all that is said about it.
const FAULTS: &[(&str, &str)] = &[
    ("name = ''", "line"),
    (
        "[lease]\nttl_ms = 99",
        "lease.ttl_ms: 99 is not from 100 to 3600000",
    ),
    (
        "[lease]\nmargin_ms = 9",
        "lease.margin_ms: 9 is not from 10 to 60000",
    ),
    (
        "[lease]\noutbox_horizon_ms = -1",
        "lease.outbox_horizon_ms: -1 is not from 0 to 86400000",
    ),
    (
        "[lease]\nrecovery_window_ms = '1'",
        "lease.recovery_window_ms: must be a whole number, not a value of type string",
    ),
    (
        "[lease]\nttl_s = 60",
        "lease.ttl_s: not known; known here: ttl_ms, margin_ms, outbox_horizon_ms, recovery_window_ms, lifeless",
    ),
    (
        "[lease]\nlifeless = 'forgive'",
        "lease.lifeless: 'forgive' is none of release, charge",
    ),
    (
        "[policy]\nclamp_output_tokens_max = 0",
        "policy.clamp_output_tokens_max: 0 is not from 1 to 10000000",
    ),
    (
        "[policy]\nversion = 'a b'",
        "policy.version: must be 1 to 64 visible ASCII characters",
    ),
    (
        "[log]\nformat = 'xml'",
        "log.format: 'xml' is none of text, json",
    ),
    (
        "[log]\nfilter = 'ferry=loud'",
        "log.filter: error parsing level filter",
    ),
    (
        "[http]\nlisten = 'localhost:80'",
        "http.listen: 'localhost:80' is neither unix:/path/of/a.sock nor an IP address with a port such as 127.0.0.1:9902",
    ),
    (
        "[admin]\nlisten = '127.0.0.1:0'",
        "admin.token_sha256: missing: on TCP everybody who can connect could move money",
    ),
    (
        "[admin]\ntoken_sha256 = 'secret'",
        "admin.token_sha256: not a SHA-256 in 64 hexadecimal digits",
    ),
    (
        "[grpc]\nsocket_mode = '999'",
        "grpc.socket_mode: '999' is not permissions such as \"0660\"",
    ),
    (
        "[grpc.tls]\ncertificate = 'a'",
        "grpc.tls.private_key: missing\ngrpc.tls: only on TCP: a Unix socket does not leave the machine",
    ),
    (
        "[[principals]]\nname = 'gateway'\ntoken_sha256 = 'DIGEST'",
        "principals: 'gateway' stands there twice\nprincipals: 'gateway' and 'gateway' share a credential",
    ),
    (
        "tenants = []\nroutes = []\nrole = 'owner'",
        "principals[0].role: 'owner' is none of gateway, recovery\n\
         principals[0].tenants: lists nothing, and so would allow nothing: leave it out to allow all\n\
         principals[0].routes: lists nothing",
    ),
    (
        "tenants = 'Acme Ltd'",
        "principals[0].tenants: not a tenant id",
    ),
    (
        "[[principals]]\nname = 'two'",
        "principals[1].token_sha256: missing, and so is certificate_sha256: a gateway shows one of them",
    ),
    (
        "[[principals]]\ntoken_sha256 = 'short'",
        "principals[1].name: missing\nprincipals[1].token_sha256: not a SHA-256 in 64 hexadecimal digits",
    ),
    (
        "[[principals]]\nname = 'Two'\ncertificate_sha256 = '0000000000000000000000000000000000000000000000000000000000000000'",
        "principals[1].name: not a principal's name: expected 1 to 63 of a-z, 0-9 and '-', not beginning with '-'",
    ),
    (
        "[[principals]]\nname = 'two'\ncertificate_sha256 = '0000000000000000000000000000000000000000000000000000000000000000'",
        "grpc.tls.client_ca: missing: 'two' is known by a client certificate",
    ),
];

#[test]
fn every_fault_is_told_with_its_path() {
    for (lines, told) in FAULTS {
        let faults = parse(&format!("{SHORT}{lines}"))
            .expect_err(told)
            .to_string();
        assert!(faults.contains(told), "{lines}\n{faults}");
    }
    let path = format!("[http]\nlisten = 'unix:{}'", "x".repeat(97));
    let faults = parse(&format!("{SHORT}{path}"))
        .expect_err("too long")
        .to_string();
    assert!(
        faults.contains("has 108 bytes, and a socket's path at most 107"),
        "{faults}"
    );
}

#[test]
fn an_empty_file_is_told_what_it_needs() {
    let faults = parse("").expect_err("nothing there");
    assert_eq!(faults.to_string(), "prices: missing\nprincipals: missing");
}

#[test]
fn faults_in_several_sections_are_told_together() {
    let text = "prices = 1\nunknown = 2\n[lease]\nttl_ms = 1\n[log]\nformat = 'x'";
    let faults = parse(text).expect_err("faults").to_string();
    assert_eq!(faults.lines().count(), 5, "{faults}");
}
