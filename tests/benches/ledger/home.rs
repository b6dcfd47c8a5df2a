//! Where an engine or a server keeps its books, and the secrets that belong to them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ferry_examples::postgres::Postgres;
use ferry_quota_server::engine::{Engine, EngineConfig, Stop};
use ferry_quota_server::store::Database;

/// SQLite's file in a home's folder; what the secrets are named after in any.
pub const DATABASE: &str = "ferry.db";

/// A folder, and a database of PostgreSQL's if SQLite's file is not in it.
#[derive(Clone, Debug)]
pub struct Home {
    /// The folder.
    pub folder: PathBuf,
    /// The database, as the configuration names it.
    pub database: String,
}

impl Home {
    /// With SQLite's file, which is made when it is opened.
    pub fn sqlite(folder: PathBuf) -> Result<Self> {
        let database = DATABASE.to_owned();
        Self { folder, database }.made()
    }

    /// With an empty database of a PostgreSQL.
    pub async fn postgres(folder: PathBuf, postgres: &Postgres, name: &str) -> Result<Self> {
        let database = postgres.database(name, None).await?;
        Self { folder, database }.made()
    }

    fn made(self) -> Result<Self> {
        let made = fs::create_dir_all(&self.folder);
        made.with_context(|| format!("failed to create {}", self.folder.display()))?;
        Ok(self)
    }

    /// A copy of all of it, on which nothing runs, in a folder of its own.
    pub async fn copy(&self, folder: PathBuf, postgres: Option<&Postgres>) -> Result<Self> {
        let copied = || -> std::io::Result<()> {
            fs::create_dir_all(&folder)?;
            for file in fs::read_dir(&self.folder)? {
                let file = file?;
                fs::copy(file.path(), folder.join(file.file_name()))?;
            }
            Ok(())
        };
        copied().with_context(|| format!("failed to copy to {}", folder.display()))?;
        let database = match postgres {
            None => self.database.clone(),
            Some(postgres) => {
                let name = name(&folder)?;
                postgres
                    .database(&name, Some(&self.name_of_template()?))
                    .await?
            }
        };
        Ok(Self { folder, database })
    }

    fn name_of_template(&self) -> Result<String> {
        let name = self.database.rsplit('/').next();
        Ok(name.context("a URL with a database")?.to_owned())
    }

    /// Opens it with an engine.
    pub fn open(&self) -> Result<Engine> {
        let database = Database::named(&self.database, &self.folder)?;
        let config = EngineConfig::on(database, self.folder.join(DATABASE));
        Engine::start(config).with_context(|| format!("failed to open {}", self.folder.display()))
    }
}

/// A database's name, after its folder.
fn name(folder: &Path) -> Result<String> {
    let name = folder.file_name().and_then(|name| name.to_str());
    Ok(name.context("a folder with a name")?.replace('-', "_"))
}

/// Closes an engine, and waits until its database is closed.
pub async fn close(engine: Engine) -> Result<()> {
    engine.close();
    match engine.stopped().await {
        Stop::Closed => Ok(()),
        Stop::Failed(why) => bail!("the engine has failed: {why}"),
    }
}
