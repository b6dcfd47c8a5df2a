//! What this server knows of the journals' ends, and whether a database that it has connected to again still has them.
//!
//! A failover may lead to a standby that lags behind. Whatever a commit made durable was acknowledged, and so was what a decision
//! was made on: neither may be missing afterwards.

use super::link::Link;
use super::source::PostgresSource;
use crate::heads::Difference;
use crate::store::{StoreError, heads};
use ferry_ledger::Head;
use ferry_types::TenantId;
use std::collections::BTreeMap;
use tokio_postgres::Error;

/// Entries that are looked up in one round trip.
const LOOKED_UP_MAX: usize = 4_096;

/// Entries that were acknowledged, by number: the hash that the journal has there, of those that it has.
const LOOK_UP: &str = "SELECT wanted.place, j.hash FROM unnest($1::TEXT[], $2::BIGINT[]) WITH ORDINALITY AS wanted (tenant, seq, place) \
     JOIN journal j ON j.tenant = wanted.tenant AND j.seq = wanted.seq";

/// The newest head of each journal.
#[derive(Debug)]
pub(super) struct Acknowledged {
    heads: BTreeMap<TenantId, Head>,
    /// Of the transaction that runs: they count once it is durable.
    pending: Vec<(TenantId, Head)>,
}

impl Acknowledged {
    /// All that a database has.
    pub(super) fn read(link: &Link) -> Result<Self, StoreError> {
        Ok(Self {
            heads: heads::heads(&mut PostgresSource::borrowed(link))?,
            pending: Vec::new(),
        })
    }

    /// A transaction begins.
    pub(super) fn begin(&mut self) {
        self.pending.clear();
    }

    /// A journal ends here if the transaction becomes durable.
    pub(super) fn note(&mut self, tenant: &TenantId, head: Head) {
        self.pending.push((tenant.clone(), head));
    }

    /// The transaction is durable.
    pub(super) fn commit(&mut self) {
        self.heads.extend(self.pending.drain(..));
    }

    /// The first journal that lacks what was acknowledged.
    pub(super) fn difference(&self, link: &Link) -> Result<Option<Difference>, StoreError> {
        let known: Vec<_> = self.heads.iter().filter(|(_, head)| head.seq > 0).collect();
        for part in known.chunks(LOOKED_UP_MAX) {
            let found = link.run("look acknowledged entries up", async |link| {
                hashes(link, part).await
            })?;
            let differs = |((_, head), hash): &(&(&TenantId, &Head), Option<Vec<u8>>)| {
                hash.as_deref() != Some(&head.hash[..])
            };
            if let Some(((tenant, head), hash)) = part.iter().zip(found).find(differs) {
                return tell(link, tenant, head, hash.is_some()).map(Some);
            }
        }
        Ok(None)
    }
}

async fn hashes(link: &Link, heads: &[(&TenantId, &Head)]) -> Result<Vec<Option<Vec<u8>>>, Error> {
    let tenants: Vec<&str> = heads.iter().map(|(tenant, _)| tenant.as_str()).collect();
    let seqs: Vec<i64> = heads
        .iter()
        .map(|(_, head)| head.seq.cast_signed())
        .collect();
    let rows = link.query(LOOK_UP, &[&tenants, &seqs]).await?;
    let mut found = vec![None; heads.len()];
    for row in &rows {
        // Places are counted from 1.
        let place = usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0);
        if let Some(hash) = place.checked_sub(1).and_then(|at| found.get_mut(at)) {
            *hash = row.try_get(1)?;
        }
    }
    Ok(found)
}

fn tell(
    link: &Link,
    tenant: &TenantId,
    head: &Head,
    is_there: bool,
) -> Result<Difference, StoreError> {
    let tenant = tenant.clone();
    if is_there {
        let seq = head.seq;
        return Ok(Difference::Forked { tenant, seq });
    }
    let found = heads::journal_end(&mut PostgresSource::borrowed(link), &tenant)?;
    let expected = head.seq;
    Ok(Difference::Behind {
        tenant,
        expected,
        found,
    })
}
