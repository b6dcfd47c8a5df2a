//! Where a database is, and who asks: PostgreSQL's URL. What is shown of it never holds the password.

use std::fmt;
use std::str::FromStr;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// A text is no URL of a PostgreSQL database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a PostgreSQL database such as postgres://user@host:5432/ferry: {0}")]
pub struct InvalidUrl(String);

/// A PostgreSQL database.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresConfig {
    driver: Config,
}

impl FromStr for PostgresConfig {
    type Err = InvalidUrl;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let mut driver = Config::from_str(url).map_err(|error| {
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
        Ok(Self { driver })
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
