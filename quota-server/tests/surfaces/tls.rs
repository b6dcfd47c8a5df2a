//! mTLS: a gateway is known by its client certificate, and one that shows none, or another's, is not let in.

use crate::ferry::{Ferry, config};
use crate::gateway::{digest, facts, id, reserve};
use ferry_api::v1::quota_service_client::QuotaServiceClient;
use ferry_api::v1::reserve_response::Outcome;
use ferry_quota_server::principal::CredentialDigest;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// A certificate of an issuer's, with its key.
struct Issued {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

fn issuer(name: &str) -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("an issuer")
}

fn issue(issuer: &Issuer, name: &str, usage: ExtendedKeyUsagePurpose) -> Issued {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![usage];
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, issuer).expect("a certificate");
    Issued { certificate, key }
}

/// A server with a certificate of its own, which lets in what `authority` signed and knows `gateway`.
fn start(authority: &Issuer, gateway: &Issued) -> Ferry {
    let folder = tempfile::tempdir().expect("a folder");
    let server = issue(authority, "localhost", ExtendedKeyUsagePurpose::ServerAuth);
    for (file, text) in [
        ("ca.pem", authority.as_ref().pem()),
        ("server.pem", server.certificate.pem()),
        ("server.key", server.key.serialize_pem()),
    ] {
        std::fs::write(folder.path().join(file), text).expect("write");
    }
    let known = CredentialDigest::of(gateway.certificate.der()).to_hex();
    let mtls = format!(
        "[[principals]]\nname = 'certified'\ncertificate_sha256 = '{known}'\n\
         [grpc]\nlisten = '127.0.0.1:0'\n\
         [grpc.tls]\ncertificate = 'server.pem'\nprivate_key = 'server.key'\nclient_ca = 'ca.pem'\n"
    );
    // The sections of the shared part end with the listener of probes.
    Ferry::start_with(folder, &config(&mtls))
}

async fn connect(
    ferry: &Ferry,
    authority: &Issuer,
    shown: Option<&Issued>,
) -> Result<Channel, tonic::transport::Error> {
    let status = ferry.admin().status().await.expect("a status");
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(authority.as_ref().pem()))
        .domain_name("localhost");
    if let Some(issued) = shown {
        let (certificate, key) = (issued.certificate.pem(), issued.key.serialize_pem());
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    let target = Endpoint::try_from(format!("https://{}", status.grpc)).expect("a target");
    target.tls_config(tls)?.connect().await
}

#[tokio::test]
async fn a_gateway_is_known_by_its_certificate() {
    let authority = issuer("the operator's authority");
    let client = ExtendedKeyUsagePurpose::ClientAuth;
    let gateway = issue(&authority, "gateway", client.clone());
    let ferry = start(&authority, &gateway);
    let key = digest(&ferry.tenant_with("acme", "5"));

    let channel = connect(&ferry, &authority, Some(&gateway))
        .await
        .expect("connect");
    let request = reserve(id(1), key, facts());
    let answer = QuotaServiceClient::new(channel)
        .reserve(request)
        .await
        .expect("an answer");
    assert!(matches!(
        answer.into_inner().outcome,
        Some(Outcome::Granted(_))
    ));
    let held = ferry.json(&["reservations"]);
    assert_eq!(held["reservations"][0]["principal"], "certified");

    // Signed by the same authority, but nobody's: it may connect, and is told that it is not known.
    let neighbour = issue(&authority, "neighbour", client.clone());
    let channel = connect(&ferry, &authority, Some(&neighbour))
        .await
        .expect("connect");
    let request = reserve(id(2), key, facts());
    let status = QuotaServiceClient::new(channel)
        .reserve(request)
        .await
        .expect_err("unknown");
    assert_eq!(status.code(), Code::Unauthenticated);

    // Nobody's authority, or no certificate at all: not even a connection that answers.
    let stranger = issue(&issuer("another authority"), "gateway", client);
    for shown in [None, Some(&stranger)] {
        let Ok(channel) = connect(&ferry, &authority, shown).await else {
            continue;
        };
        let request = reserve(id(3), key, facts());
        let status = QuotaServiceClient::new(channel)
            .reserve(request)
            .await
            .expect_err("refused");
        assert_ne!(
            status.code(),
            Code::Unauthenticated,
            "the handshake must fail: {status:?}"
        );
    }
    assert_eq!(ferry.json(&["balance", "acme"])["open_reservations"], 1);
}

#[test]
fn certificates_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("prices.toml"), crate::ferry::PRICES).expect("write");
    let tls = "[grpc]\nlisten = '127.0.0.1:0'\n[grpc.tls]\ncertificate = 'gone.pem'\nprivate_key = 'gone.key'\n";
    std::fs::write(folder.path().join("ferry.toml"), config(tls)).expect("write");
    let ran = crate::ferry::run(folder.path(), &["serve"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(
        ran.err.contains("failed to read") && ran.err.contains("gone.pem"),
        "{}",
        ran.err
    );
    std::fs::write(folder.path().join("gone.pem"), "nonsense").expect("write");
    std::fs::write(folder.path().join("gone.key"), "nonsense").expect("write");
    let ran = crate::ferry::run(folder.path(), &["serve"]);
    assert!(ran.err.contains("failed to set up TLS with"), "{}", ran.err);
}
