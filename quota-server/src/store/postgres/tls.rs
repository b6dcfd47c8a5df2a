//! TLS to PostgreSQL: the server must show a certificate for the name that it was called by, signed by who is trusted.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, crypto};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    /// The file of trusted certificates cannot be used.
    #[error("failed to read sslrootcert {path}: {problem}")]
    Root {
        /// Which file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The protocol's own rules do not hold.
    #[error("failed to set up TLS")]
    Protocol(#[from] rustls::Error),
}

/// What connects by TLS, trusting the certificates in this file. It is read each time, so that it may be exchanged.
pub(super) fn connector(root: &Path) -> Result<MakeRustlsConnect, TlsError> {
    let unusable = |problem: String| TlsError::Root {
        path: root.display().to_string(),
        problem,
    };
    let mut trusted = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(root).map_err(|e| unusable(e.to_string()))?;
    for certificate in found {
        let certificate = certificate.map_err(|e| unusable(e.to_string()))?;
        trusted
            .add(certificate)
            .map_err(|e| unusable(e.to_string()))?;
    }
    if trusted.is_empty() {
        return Err(unusable("it has no certificate".to_owned()));
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests;
