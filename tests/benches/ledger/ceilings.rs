//! What is written bare, and what a balance in one row costs: everything that decides nothing.

use std::path::Path as Folder;

use anyhow::{Context, Result};
use ferry_examples::postgres::Postgres;

use crate::append::Append;
use crate::args::Plan;
use crate::bare_postgres::BarePostgres;
use crate::bare_sqlite::BareSqlite;
use crate::cell::{Arrivals, Measured, Path, Place, Store};
use crate::load::Draw;
use crate::sample::Sample;
use crate::update::{self, Updates};

/// All ceilings.
pub struct Ceilings {
    append: Append,
    sqlite: BareSqlite,
    postgres: Option<(BarePostgres, Updates)>,
}

impl Ceilings {
    /// Makes all of them in `folder`, and those of PostgreSQL if there is one.
    pub async fn start(
        folder: &Folder,
        sample: &Sample,
        postgres: Option<&Postgres>,
        plan: Plan,
    ) -> Result<Self> {
        let tenants = plan.tenants;
        let postgres = match postgres {
            None => None,
            Some(postgres) => {
                let bare = postgres.database("bare", None).await?;
                let bare = BarePostgres::create(&bare, sample.clone(), tenants).await?;
                let update = postgres.database("balances", None).await?;
                let update = Updates::create(&update, tenants, update::CALLERS_MAX).await?;
                Some((bare, update))
            }
        };
        Ok(Self {
            append: Append::create(&folder.join("append"), sample.pair_bytes())?,
            sqlite: BareSqlite::create(&folder.join("bare"), sample.clone(), tenants)?,
            postgres,
        })
    }

    /// One round of one cell in batches of so many operations, and how many entries there are afterwards.
    pub async fn measure(
        &mut self,
        place: Place,
        batch: u64,
        plan: Plan,
        draw: &mut Draw,
    ) -> Result<(Measured, u64)> {
        let (load, time) = (place.load, plan.round);
        match place.store {
            Store::File => {
                let measured = self.append.drive(batch, time)?;
                Ok((measured, self.append.pairs * 2))
            }
            Store::Sqlite => {
                let measured = self.sqlite.drive(load, batch, time, draw)?;
                Ok((measured, self.sqlite.operations()))
            }
            Store::Postgres | Store::Postgres2 => {
                let postgres = self.postgres.as_mut();
                let (bare, updates) = postgres.context("PostgreSQL was not started")?;
                match (place.path, place.arrivals) {
                    (Path::Update, Arrivals::Closed(callers)) => {
                        Ok((updates.drive(load, callers, time, draw).await?, 0))
                    }
                    _ => {
                        let measured = bare.drive(load, batch, time, draw).await?;
                        Ok((measured, bare.operations()))
                    }
                }
            }
        }
    }
}
