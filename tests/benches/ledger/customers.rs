//! The customers: made once, in a database of which each subject gets a copy.

use std::sync::Arc;

use anyhow::{Context, Result};
use ferry_ledger::{LimitScope, LimitTerms, Measure, SetLimit, Span, TopUp};
use ferry_quota_server::engine::{CreateTenant, Engine};
use ferry_quota_server::key_directory::sha256;
use ferry_types::{Amount, Currency, KeyDigest, TenantId};
use tokio::task::JoinSet;

use crate::home::{self, Home};

/// How many are made at once.
const MAKERS: usize = 256;
/// Entries that making one leaves in its journal: the tenant, its top-up, its key.
const ENTRIES: u64 = 3;
/// More than a run can spend, in units.
const PAID_IN: i64 = 1_000_000_000_000_000;

/// All customers of a run, by their place.
#[derive(Debug)]
pub struct Customers {
    /// Each one's key, as the gateway sends it.
    pub digests: Arc<[KeyDigest]>,
    /// Entries in all their journals.
    pub journal_rows: u64,
    /// Where they were made.
    pub home: Home,
}

impl Customers {
    /// Makes so many.
    pub async fn make(home: Home, count: usize, limits: u8) -> Result<Self> {
        let engine = home.open()?;
        let mut makers = JoinSet::new();
        for maker in 0..MAKERS.min(count) {
            let engine = engine.clone();
            makers.spawn(async move {
                let mut made = Vec::new();
                for place in (maker..count).step_by(MAKERS) {
                    made.push((place, customer(&engine, place, limits).await?));
                }
                anyhow::Ok(made)
            });
        }
        let made = makers.join_all().await.into_iter();
        let mut made = made.collect::<Result<Vec<_>>>()?.concat();
        made.sort_unstable_by_key(|(place, _)| *place);
        home::close(engine).await?;
        Ok(Self {
            journal_rows: made.len() as u64 * (ENTRIES + u64::from(limits)),
            digests: made.into_iter().map(|(_, digest)| digest).collect(),
            home,
        })
    }
}

/// Who the customer at this place is.
pub fn tenant(place: usize) -> Result<TenantId> {
    Ok(format!("tenant-{place:05}").parse()?)
}

/// Makes one customer, with money, limits and a key.
async fn customer(engine: &Engine, place: usize, limits: u8) -> Result<KeyDigest> {
    let tenant = tenant(place)?;
    let created = CreateTenant {
        tenant: tenant.clone(),
        name: tenant.to_string(),
        currency: Currency::Usd,
    };
    engine.create_tenant(created).await?;
    let top_up = TopUp {
        amount: Amount::from_units(PAID_IN).context("an amount")?,
        source: "bank".to_owned(),
        external_reference: place.to_string(),
        note: String::new(),
    };
    engine.top_up(tenant.clone(), top_up).await?;
    for number in 0..limits {
        engine.set_limit(tenant.clone(), limit(number)?).await?;
    }
    let (_, issued) = engine.issue_key(tenant, String::new(), None).await?;
    Ok(issued.text.digest(sha256))
}

/// One that is never reached; each counts something else.
fn limit(number: u8) -> Result<SetLimit> {
    let at = usize::from(number);
    let measure = Measure::ALL.get(at % Measure::ALL.len());
    let spans = [Span::Day, Span::AtOnce, Span::Month];
    let span = spans.get(at % spans.len());
    Ok(SetLimit {
        id: format!("limit-{number}").parse()?,
        terms: LimitTerms {
            measure: *measure.context("a measure")?,
            span: *span.context("a span")?,
            scope: LimitScope::default(),
            each: None,
            bound: u64::MAX,
            subjects_max: 0,
        },
    })
}
