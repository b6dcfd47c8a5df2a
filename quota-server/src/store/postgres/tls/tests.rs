//! A real PostgreSQL with a certificate: who it is is made sure of, or nothing is said to it.

use super::super::config::PostgresConfig;
use super::super::link::{Link, READS};
use crate::store::chain;
use ferry_examples::postgres::Postgres;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use std::net::TcpListener;

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn issuer() -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Of somebody with this name: certificate and key.
fn issued(issuer: &Issuer, name: &str) -> (String, String) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// Runs with a certificate of this name; gives its port.
async fn run(postgres: &mut Postgres, issuer: &Issuer, name: &str) -> u16 {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let (certificate, key) = issued(issuer, name);
    let certificate = postgres.secret("server.pem", &certificate).unwrap();
    let key = postgres.secret("server.key", &key).unwrap();
    let settings = [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", certificate.display()),
        format!("ssl_key_file={}", key.display()),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    postgres.run(&settings).await.unwrap();
    port
}

/// Whether the connection to this URL is encrypted, as the server sees it.
fn is_encrypted(url: &str) -> Result<bool, String> {
    let config: PostgresConfig = url.parse().unwrap();
    let asked = std::thread::spawn(move || {
        let link = Link::open(&config, READS).map_err(|error| chain(&error))?;
        let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let rows = link.run("ask", async |link| link.query_afresh(sql).await);
        Ok(rows.map_err(|error| chain(&error))?[0].get(0))
    });
    asked.join().unwrap()
}

#[tokio::test]
async fn a_server_is_who_it_is_called_or_nothing_is_said_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let (known, unknown) = (issuer(), issuer());
    let root = |name: &str, issuer: &Issuer| {
        let path = folder.path().join(name);
        std::fs::write(&path, issuer.as_ref().pem()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (ours, theirs) = (root("ours.pem", &known), root("theirs.pem", &unknown));
    let mut postgres = Postgres::make(&folder.path().join("server")).unwrap();
    let port = run(&mut postgres, &known, "127.0.0.1").await;
    let place = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    let by = |root: &str| format!("{place}?sslmode=verify-full&sslrootcert={root}");
    assert_eq!(is_encrypted(&by(&ours)), Ok(true));
    assert_eq!(is_encrypted(&format!("{place}?sslmode=disable")), Ok(false));
    let stranger = is_encrypted(&by(&theirs)).unwrap_err();
    assert!(stranger.contains("certificate"), "{stranger}");
    let nothing = is_encrypted(&by("/nowhere/ca.pem")).unwrap_err();
    assert!(nothing.contains("sslrootcert /nowhere/ca.pem"), "{nothing}");
    postgres.kill().unwrap();

    let port = run(&mut postgres, &known, "db.example").await;
    let place = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    let other = is_encrypted(&format!("{place}?sslmode=verify-full&sslrootcert={ours}"));
    let other = other.unwrap_err();
    assert!(other.contains("certificate"), "{other}");
    postgres.kill().unwrap();

    let port = port.to_string();
    let plain = [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
    ];
    let plain: Vec<&str> = plain.iter().map(String::as_str).collect();
    postgres.run(&plain).await.unwrap();
    let refused = is_encrypted(&format!("{place}?sslmode=verify-full&sslrootcert={ours}"));
    let refused = refused.unwrap_err();
    assert!(refused.contains("TLS"), "{refused}");
}

#[test]
fn what_makes_sure_of_nobody_is_refused() {
    for (query, said) in [
        ("sslmode=require", "verify-full with sslrootcert=FILE"),
        ("sslmode=prefer", "does not make sure"),
        ("sslmode=verify-ca&sslrootcert=a", "does not make sure"),
        ("sslmode=verify-full", "needs sslrootcert"),
        ("sslrootcert=a", "with sslmode=verify-full only"),
        (
            "sslmode=verify-full&sslmode=disable&sslrootcert=a",
            "sslmode stands there twice",
        ),
        (
            "sslmode=verify-full&sslrootcert=a&sslrootcert=b",
            "sslrootcert stands there twice",
        ),
        ("%73slmode=require", "sslmode is written oddly"),
        (
            "sslmode=disable&sslrootcert=a",
            "with sslmode=verify-full only",
        ),
    ] {
        let url = format!("postgres://ferry@db/ferry?{query}");
        let error = url.parse::<PostgresConfig>().unwrap_err().to_string();
        assert!(error.contains(said), "{query}: {error}");
    }
    let url = "postgres://ferry@db/ferry?connect_timeout=3&sslmode=verify-full&sslrootcert=%2Fetc%2Fca%20of%20db.pem";
    let config: PostgresConfig = url.parse().unwrap();
    assert_eq!(config.root().unwrap().to_str(), Some("/etc/ca of db.pem"));
    assert_eq!(config.to_string(), "postgres://db:5432/ferry");
}
