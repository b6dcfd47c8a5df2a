//! The server's configuration: `ferry serve --config ferry.toml`.
//!
//! A file names the price table and one gateway; everything else has a default, each a named constant with its reason. All
//! faults of a file are told at once, each with its path. Relative paths are relative to the file. Only digests of
//! credentials stand in it, so that it may be shown.

mod defaults;
mod principals;
mod reader;

pub use defaults::HEADS_SUFFIX;

use crate::document::Faults;
use crate::engine::LeaseConfig;
use crate::listener::Address;
use crate::principal::{CredentialDigest, Principals};
use crate::store::Database;
use ferry_ledger::Lifeless;
use std::path::{Path, PathBuf};

/// A checked configuration. Loaded from a file, every path in it is absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the ledger is: SQLite's file, or a database of a PostgreSQL server.
    pub database: Database,
    /// Beside this, with endings of their own, lie the peppers and the signing key.
    pub secrets: PathBuf,
    /// The price table's file.
    pub prices: PathBuf,
    /// Gateways that may call; at least one.
    pub principals: Principals,
    /// The surface that gateways call.
    pub grpc: Grpc,
    /// The surface that operators call.
    pub admin: Admin,
    /// The surface that a platform probes.
    pub http: Http,
    /// How long holds stand and outcomes are kept.
    pub lease: LeaseConfig,
    /// How requests are sized, and what becomes of those that nobody ends.
    pub policy: Policy,
    /// Where signed heads go.
    pub heads: Heads,
    /// What is written to standard error.
    pub log: Log,
    /// How long calls in flight may take once the server has been asked to stop.
    pub drain_ms: u64,
}

/// The gRPC listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grpc {
    /// Where it listens.
    pub listen: Address,
    /// Permissions of a Unix socket.
    pub socket_mode: u32,
    /// TLS, on TCP only.
    pub tls: Option<Tls>,
}

/// Files of a TLS server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub private_key: PathBuf,
    /// Who signs gateways' certificates, PEM; without it gateways show tokens.
    pub client_ca: Option<PathBuf>,
}

/// The administration listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens: a Unix socket, which only its owner may use, or TCP.
    pub listen: Address,
    /// The operator's token; always there on TCP.
    pub token: Option<CredentialDigest>,
}

/// The listener of health and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Where it listens.
    pub listen: Address,
}

/// How requests are sized, and what becomes of those that nobody ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Name of this set of rules, for the record.
    pub version: String,
    /// Most output tokens per choice that are granted to a client that set no limit.
    pub clamp_output_tokens_max: u64,
    /// What becomes of a request whose lease runs out without a sign of life. Each reservation pins it.
    pub lifeless: Lifeless,
}

/// Where signed heads go: proof that the database was not cut, forked or replaced. It is worth most on another disk or machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heads {
    /// The file that they are appended to.
    pub export: PathBuf,
    /// At most one line a tenant in so many milliseconds.
    pub every_ms: u64,
}

/// What is written to standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// For people or for programs.
    pub format: LogFormat,
    /// Directives of tracing's filter, such as `info` or `info,ferry_quota_server=debug`.
    pub filter: String,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has faults.
    #[error("{} cannot be used:\n{faults}", path.display())]
    Faults {
        /// Which file.
        path: PathBuf,
        /// All of them.
        faults: Faults,
    },
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`] with every fault of the file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Read {
            path: path.to_owned(),
            source,
        };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let absolute = std::path::absolute(path).map_err(unreadable)?;
        Self::parse(&text, absolute.parent().unwrap_or(&absolute)).map_err(|faults| {
            ConfigError::Faults {
                path: path.to_owned(),
                faults,
            }
        })
    }

    /// Checks the text of a file that lies in `folder`.
    ///
    /// # Errors
    /// All [`Faults`] of the text.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, Faults> {
        crate::document::read(text, |root| reader::config(root, folder))
    }
}

#[cfg(test)]
mod tests;
