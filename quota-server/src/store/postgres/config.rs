//! Where a database is, and who asks: PostgreSQL's URL. What is shown of it never holds the password.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// A text is no URL of a PostgreSQL database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a PostgreSQL database such as postgres://user@host:5432/ferry: {0}")]
pub struct InvalidUrl(String);

/// A PostgreSQL database.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresConfig {
    driver: Config,
    /// Who has signed the server's certificate; `None` to talk in the clear.
    root: Option<PathBuf>,
}

impl FromStr for PostgresConfig {
    type Err = InvalidUrl;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let (url, tls) = Tls::split(url)?;
        let mut driver = Config::from_str(&url).map_err(|error| {
            let source = std::error::Error::source(&error);
            InvalidUrl(source.map_or_else(|| error.to_string(), ToString::to_string))
        })?;
        if driver.get_hosts().is_empty() {
            return Err(InvalidUrl("it names no host".into()));
        }
        if driver.get_dbname().is_none() {
            return Err(InvalidUrl("it names no database".into()));
        }
        if driver.get_application_name().is_none() {
            driver.application_name("ferry");
        }
        let root = tls.root()?;
        // What was said about it in another way than ours must not be lost.
        if driver.get_ssl_mode() != SslMode::Prefer {
            return Err(InvalidUrl("sslmode is written oddly".into()));
        }
        driver.ssl_mode(match root {
            Some(_) => SslMode::Require,
            None => SslMode::Disable,
        });
        Ok(Self { driver, root })
    }
}

/// What a URL says about TLS. The driver knows no verification, so that it is not asked.
#[derive(Default)]
struct Tls {
    mode: Option<String>,
    root: Option<PathBuf>,
}

impl Tls {
    /// Takes what is said about TLS out of a URL.
    fn split(url: &str) -> Result<(String, Self), InvalidUrl> {
        let mut tls = Self::default();
        let Some((place, query)) = url.split_once('?') else {
            return Ok((url.to_owned(), tls));
        };
        let mut rest = Vec::new();
        for pair in query.split('&') {
            match pair.split_once('=') {
                Some(("sslmode", mode)) => once("sslmode", &mut tls.mode, mode.to_owned())?,
                Some(("sslrootcert", path)) => {
                    let path = percent_encoding::percent_decode_str(path).decode_utf8();
                    let path = path.map_err(|_| InvalidUrl("sslrootcert is no text".into()))?;
                    once("sslrootcert", &mut tls.root, PathBuf::from(path.as_ref()))?;
                }
                Some(_) | None => rest.push(pair),
            }
        }
        let url = if rest.is_empty() {
            place.to_owned()
        } else {
            format!("{place}?{}", rest.join("&"))
        };
        Ok((url, tls))
    }

    /// Who is trusted to have signed the server's certificate, if TLS is to be used.
    fn root(self) -> Result<Option<PathBuf>, InvalidUrl> {
        let problem = match (self.mode.as_deref(), self.root) {
            (Some("verify-full"), Some(root)) => return Ok(Some(root)),
            (None | Some("disable"), None) => return Ok(None),
            (Some("verify-full"), None) => {
                "sslmode=verify-full needs sslrootcert=FILE: the certificates of who signs the server's".to_owned()
            }
            (None | Some("disable"), Some(_)) => {
                "sslrootcert is of use with sslmode=verify-full only".to_owned()
            }
            (Some(mode), _) => format!(
                "sslmode={mode} does not make sure whom it talks to: use verify-full with sslrootcert=FILE, or disable"
            ),
        };
        Err(InvalidUrl(problem))
    }
}

fn once<T>(name: &str, place: &mut Option<T>, value: T) -> Result<(), InvalidUrl> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(InvalidUrl(format!("{name} stands there twice"))),
    }
}

impl PostgresConfig {
    /// The same with this password.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.driver.password(password);
        self
    }

    pub(super) const fn driver(&self) -> &Config {
        &self.driver
    }

    pub(super) fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }
}

impl fmt::Display for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        let ports = self.driver.get_ports();
        for (at, host) in self.driver.get_hosts().iter().enumerate() {
            let separator = if at == 0 { "" } else { "," };
            match host {
                Host::Tcp(name) => write!(f, "{separator}{name}")?,
                Host::Unix(path) => write!(f, "{separator}{}", path.display())?,
            }
            if let Some(port) = ports.get(at).or_else(|| ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.driver.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresConfig({self})")
    }
}
