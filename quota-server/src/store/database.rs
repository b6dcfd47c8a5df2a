//! Which database: a file of SQLite's, or one that a PostgreSQL server keeps.

use super::postgres::{self, InvalidUrl, PostgresConfig, PostgresStore};
use super::sqlite::{self, SqliteStore};
use super::{Founding, OpenError, Reader};
use std::fmt;
use std::path::{Path, PathBuf};

/// A database, as it is named in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file. The log, the lock and the peppers lie beside it.
    Sqlite(PathBuf),
    /// A database of a PostgreSQL server, which several servers may share.
    Postgres(Box<PostgresConfig>),
}

impl From<PathBuf> for Database {
    fn from(file: PathBuf) -> Self {
        Self::Sqlite(file)
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => file.display().fmt(f),
            Self::Postgres(config) => config.fmt(f),
        }
    }
}

impl Database {
    /// Reads a name: a URL of PostgreSQL's, or a file in `folder`.
    ///
    /// # Errors
    /// [`InvalidUrl`] if it begins like a URL and is none that can be used.
    pub fn named(name: &str, folder: &Path) -> Result<Self, InvalidUrl> {
        if name.starts_with("postgres://") || name.starts_with("postgresql://") {
            return name.parse().map(Box::new).map(Self::Postgres);
        }
        Ok(Self::Sqlite(folder.join(name)))
    }

    /// With the password that stands in `PGPASSWORD`, where every client of PostgreSQL looks for it.
    #[must_use]
    pub fn with_password_of_environment(self) -> Self {
        match (self, std::env::var("PGPASSWORD")) {
            (Self::Postgres(config), Ok(password)) => {
                Self::Postgres(Box::new(config.with_password(&password)))
            }
            (database, _) => database,
        }
    }

    /// Its file, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(file) => Some(file),
            Self::Postgres(_) => None,
        }
    }

    /// Opens it for writing, and makes it if it is not there.
    ///
    /// # Errors
    /// [`OpenError`] says what stands in the way.
    pub fn open(&self) -> Result<Box<dyn Founding>, OpenError> {
        Ok(match self {
            Self::Sqlite(file) => Box::new(SqliteStore::open(file)?),
            Self::Postgres(config) => Box::new(PostgresStore::open(config)?),
        })
    }

    /// The same of one that may have moved to another place.
    ///
    /// # Errors
    /// [`OpenError`] says what stands in the way.
    pub fn open_moved(&self) -> Result<Box<dyn Founding>, OpenError> {
        match self {
            Self::Sqlite(file) => Ok(Box::new(SqliteStore::open_moved(file)?)),
            Self::Postgres(_) => self.open(),
        }
    }

    /// Opens it for reading, whether a server has it open or not.
    ///
    /// # Errors
    /// [`OpenError`] says what stands in the way.
    pub fn reader(&self) -> Result<Reader, OpenError> {
        match self {
            Self::Sqlite(file) => sqlite::reader(file),
            Self::Postgres(config) => postgres::reader(config),
        }
    }
}
