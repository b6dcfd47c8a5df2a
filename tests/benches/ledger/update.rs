//! What a service does that keeps a balance in one row: one conditional UPDATE an operation, each a transaction of its own, on as
//! many connections as there are callers, as pgbench does. No journal, no record, nothing that is idempotent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ferry_examples::postgres;
use ferry_types::TenantId;
use tokio::task::JoinSet;
use tokio_postgres::{Client, Statement};

use crate::cell::{Batched, Measured};
use crate::closed::GRACE;
use crate::customers;
use crate::load::{Draw, Load, Turns};

/// Callers that it is measured with at most: each has a connection, and the server takes not many more.
pub const CALLERS_MAX: usize = 100;

/// The balances, and the connections to them.
pub struct Updates {
    connections: Vec<Arc<(Client, Statement)>>,
    tenants: Arc<[TenantId]>,
}

impl Updates {
    /// Makes a balance for each customer in a database, and opens so many connections.
    pub async fn create(url: &str, customers: usize, connections: usize) -> Result<Self> {
        let client = postgres::connect(url).await?;
        let table = "CREATE TABLE balances (tenant text PRIMARY KEY, posted bigint NOT NULL, held bigint NOT NULL)";
        client.batch_execute(table).await?;
        let tenants = (0..customers).map(customers::tenant);
        let tenants: Arc<[TenantId]> = tenants.collect::<Result<_>>()?;
        let names: Vec<&str> = tenants.iter().map(TenantId::as_str).collect();
        let fill = "INSERT INTO balances SELECT tenant, 1000000000000000, 0 FROM unnest($1::text[]) AS tenant";
        client.execute(fill, &[&names]).await?;
        let mut all = Vec::new();
        for _ in 0..connections {
            let client = postgres::connect(url).await?;
            let sql =
                "UPDATE balances SET held = held + 1 WHERE tenant = $1 AND posted - held >= 1";
            let statement = client.prepare(sql).await?;
            all.push(Arc::new((client, statement)));
        }
        Ok(Self {
            connections: all,
            tenants,
        })
    }

    /// Updates by so many callers for `time`. Two are as much as a pair.
    pub async fn drive(
        &self,
        load: Load,
        callers: usize,
        time: Duration,
        draw: &mut Draw,
    ) -> Result<Measured> {
        ensure!(callers <= self.connections.len(), "too few connections");
        let turns = Arc::new(Turns::new(load, self.tenants.len()));
        let begun = Instant::now();
        let mut all = JoinSet::new();
        for connection in self.connections.iter().take(callers) {
            let (turns, tenants) = (Arc::clone(&turns), Arc::clone(&self.tenants));
            let (connection, mut draw) = (Arc::clone(connection), Draw::new(draw.next()));
            all.spawn(async move {
                let (client, statement) = &*connection;
                let mut latencies = Vec::new();
                while begun.elapsed() < time {
                    let tenant = tenants[turns.next(&mut draw)].as_str();
                    let at = Instant::now();
                    let updated = client.execute(statement, &[&tenant]).await?;
                    latencies.push(at.elapsed());
                    ensure!(updated == 1, "no balance was updated");
                }
                Ok(latencies)
            });
        }
        let finished = tokio::time::timeout(time + GRACE, all.join_all());
        let finished = finished.await.context("answers did not come")?;
        let latencies = finished.into_iter().collect::<Result<Vec<_>>>()?.concat();
        let operations = latencies.len() as u64;
        Ok(Measured {
            pairs: operations / 2,
            latencies,
            elapsed: begun.elapsed(),
            batched: Batched {
                operations,
                batches: operations,
            },
            ..Measured::default()
        })
    }
}
