//! One connection and the small runtime that drives it: its callers are threads that block.

use super::config::PostgresConfig;
use super::fault::failed;
use super::tls::connector;
use crate::store::{StoreError, chain};
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, NoTls, Row, Socket, Statement};

/// How long a connection may take to be made.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// How long a step may take. One that waits for longer waits for a machine that is gone, or for a lock of one.
const STEP_MAX: Duration = Duration::from_secs(15);
/// A writer that vanished in the middle of a transaction keeps its books locked no longer than this.
pub(super) const WRITES: &str = "SET idle_in_transaction_session_timeout = '10s'";
/// A reader writes nothing.
pub(super) const READS: &str = "SET default_transaction_read_only = on";

/// A connection.
pub(super) struct Link {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    client: Client,
    statements: RefCell<HashMap<String, Statement>>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Link")
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Waiting for a runtime to end is forbidden where another one runs.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

const ACTION: &str = "connect to PostgreSQL";

/// Connects, and lets the connection run beside whoever uses it.
async fn connect<T>(config: &PostgresConfig, tls: T) -> Result<Client, StoreError>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let connecting = tokio::time::timeout(CONNECT_MAX, config.driver().connect(tls));
    let connected = connecting
        .await
        .map_err(|_| gone(ACTION, "it does not answer"))?;
    let (client, connection) = connected.map_err(failed(ACTION))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to PostgreSQL ended");
        }
    });
    Ok(client)
}

fn gone(action: &'static str, why: impl Into<String>) -> StoreError {
    StoreError::Gone {
        action,
        source: why.into().into(),
    }
}

impl Link {
    /// Connects, for writing or for reading.
    pub(super) fn open(config: &PostgresConfig, setting: &str) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| gone(ACTION, error.to_string()))?;
        let connected = runtime.block_on(async {
            let Some(root) = config.root() else {
                return connect(config, NoTls).await;
            };
            let tls = connector(root).map_err(|error| gone(ACTION, chain(&error)))?;
            connect(config, tls).await
        });
        let link = Self {
            client: connected?,
            runtime: Some(runtime),
            statements: RefCell::default(),
        };
        link.run(ACTION, async |link| link.batch(setting).await)?;
        Ok(link)
    }

    /// Drives one step to its end.
    pub(super) fn run<T>(
        &self,
        action: &'static str,
        step: impl AsyncFnOnce(&Self) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        self.drive(action, async |link| {
            step(link).await.map_err(failed(action))
        })
    }

    /// The same for a step that has errors of its own; each of its parts may take as long as a step.
    pub(super) fn drive<T>(
        &self,
        action: &'static str,
        step: impl AsyncFnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Some(runtime) = &self.runtime else {
            return Err(gone(action, "the connection is closed"));
        };
        runtime.block_on(async {
            tokio::time::timeout(STEP_MAX, step(self))
                .await
                .unwrap_or_else(|_| Err(gone(action, "the database does not answer")))
        })
    }

    /// Statements without parameters.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Error> {
        #[cfg(test)]
        super::relatives::look_at(sql);
        self.client.batch_execute(sql).await
    }

    /// The rows that answer a question.
    pub(super) async fn query(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let statement = self.statement(sql).await?;
        self.client.query(&statement, parameters).await
    }

    /// The same of a question whose columns are others each time, so that it cannot be kept.
    pub(super) async fn query_afresh(&self, sql: &str) -> Result<Vec<Row>, Error> {
        #[cfg(test)]
        super::relatives::look_at(sql);
        let statement = self.client.prepare(sql).await?;
        self.client.query(&statement, &[]).await
    }

    /// The rows that answer a statement that is prepared.
    pub(super) async fn query_prepared(
        &self,
        statement: &Statement,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        self.client.query(statement, parameters).await
    }

    /// How many rows a statement changed.
    pub(super) async fn execute(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Error> {
        let statement = self.statement(sql).await?;
        self.client.execute(&statement, parameters).await
    }

    /// The same of a statement that is prepared.
    pub(super) async fn execute_prepared(
        &self,
        statement: &Statement,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Error> {
        self.client.execute(statement, parameters).await
    }

    /// The statement of this text, prepared if it was not yet.
    pub(super) async fn statement(&self, sql: &str) -> Result<Statement, Error> {
        if let Some(known) = self.statements.borrow().get(sql) {
            return Ok(known.clone());
        }
        #[cfg(test)]
        super::relatives::look_at(sql);
        let statement = self.client.prepare(sql).await?;
        let mut statements = self.statements.borrow_mut();
        statements.insert(sql.into(), statement.clone());
        Ok(statement)
    }
}
