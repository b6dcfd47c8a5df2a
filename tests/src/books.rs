//! What an auditor looks at once everything has come to rest.

use anyhow::{Context as _, ensure};
use ferry_examples::gateway::{Customer, Gateway};
use ferry_examples::wait;
use ferry_quota_server::admin::Show;
use ferry_quota_server::admin::wire::{Reservation, UsageRecord};

use crate::prices::nanos;

/// More than any test makes.
const ALL: usize = 10_000;

/// The usage record of the one request that was sent with this tag, once it has one.
///
/// # Errors
/// There is none for a minute, or there are several.
pub async fn tagged(
    gateway: &Gateway,
    customer: &Customer,
    tag: &str,
) -> anyhow::Result<UsageRecord> {
    wait::until(&format!("the usage record of {tag}"), async || {
        let mut found = records(gateway, customer).await?;
        found.retain(|record| record.tags.feature == tag);
        ensure!(found.len() < 2, "{tag} has several records: {found:#?}");
        Ok(found.pop())
    })
    .await
}

/// All of a customer's usage records, newest first.
///
/// # Errors
/// The server does not answer.
pub async fn records(gateway: &Gateway, customer: &Customer) -> anyhow::Result<Vec<UsageRecord>> {
    let found = gateway.admin().usage(Some(&customer.tenant), None, ALL);
    Ok(found.await?.usage)
}

/// A customer's open reservations, newest first.
///
/// # Errors
/// The server does not answer.
pub async fn open(gateway: &Gateway, customer: &Customer) -> anyhow::Result<Vec<Reservation>> {
    let show = Show {
        open_only: true,
        limit: ALL,
    };
    let found = gateway.admin().reservations(Some(&customer.tenant), show);
    Ok(found.await?.reservations)
}

/// A customer's one open reservation.
///
/// # Errors
/// There is none or more than one, or the server does not answer.
pub async fn one_open(gateway: &Gateway, customer: &Customer) -> anyhow::Result<Reservation> {
    let mut found = open(gateway, customer).await?;
    let one = found.pop().context("nothing is open")?;
    ensure!(found.is_empty(), "more than one is open");
    Ok(one)
}

/// Waits until the lease of a customer's one open reservation has been seen to be renewed so many times.
///
/// # Errors
/// It is not for a minute, or it ends.
pub async fn renewed(
    gateway: &Gateway,
    customer: &Customer,
    times: usize,
) -> anyhow::Result<Reservation> {
    let mut last = one_open(gateway, customer).await?;
    let mut seen = 0;
    wait::until("a lease to be renewed again and again", async || {
        let now = one_open(gateway, customer).await?;
        // Both are times in UTC, written alike.
        ensure!(now.lease_until >= last.lease_until, "a lease was shortened");
        seen += usize::from(now.lease_until > last.lease_until);
        last = now;
        Ok((seen >= times).then(|| last.clone()))
    })
    .await
}

/// Waits until nothing of a customer is open, and looks at all that was charged: records and balance tell the same, nothing is
/// held, and the journal agrees. What is left of `paid_in`, in nano-dollars.
///
/// # Errors
/// Something does not agree; the message says what.
pub async fn audit(gateway: &Gateway, customer: &Customer, paid_in: i64) -> anyhow::Result<i64> {
    let balance = gateway.settled(&customer.tenant).await?;
    let records = records(gateway, customer).await?;
    ensure!(records.len() < ALL, "more records than can be looked at");
    let mut charged = 0;
    for record in &records {
        check(record).with_context(|| format!("{record:#?}"))?;
        charged += nanos(&record.charged)?;
    }
    ensure!(
        nanos(&balance.held)? == 0,
        "something is held for ever: {balance:?}"
    );
    ensure!(
        balance.posted == balance.available && nanos(&balance.posted)? == paid_in - charged,
        "{paid_in} came in and {charged} was charged, but the balance is {balance:?}"
    );
    let verdict = gateway.admin().verify().await?;
    ensure!(verdict.clean, "the journal does not agree: {verdict:?}");
    Ok(paid_in - charged)
}

/// What holds for every record.
fn check(record: &UsageRecord) -> anyhow::Result<()> {
    let charged = nanos(&record.charged)?;
    let released = nanos(&record.released)?;
    if let Some(reserved) = &record.reserved
        && record.mode == "enforce"
    {
        let expected = (nanos(reserved)? - charged).max(0);
        ensure!(
            released == expected,
            "what was held and not charged is not what was released"
        );
    }
    let margin = record
        .margin
        .as_deref()
        .context("a record without a margin")?;
    ensure!(
        nanos(margin)? == charged - nanos(&record.cost)?,
        "the margin is not what is left of the charge"
    );
    Ok(())
}
