//! What a gateway counts.

use anyhow::Context as _;
use ferry_examples::envoy::Envoy;
use ferry_examples::wait;

/// What an Envoy has counted under this name; 0 if it has not begun to.
///
/// # Errors
/// It does not answer.
pub async fn count(envoy: &Envoy, name: &str) -> anyhow::Result<u64> {
    let page = envoy.admin(&format!("/stats?filter={name}")).await?;
    let mut sum = 0;
    for line in page.lines() {
        let (_, value) = line
            .split_once(": ")
            .with_context(|| format!("no statistic: {line}"))?;
        sum += value.trim().parse::<u64>()?;
    }
    Ok(sum)
}

/// Waits until an Envoy has counted so much.
///
/// # Errors
/// It has not for a minute, or does not answer.
pub async fn reaches(envoy: &Envoy, name: &str, least: u64) -> anyhow::Result<()> {
    wait::until(&format!("{name} to reach {least}"), async || {
        Ok((count(envoy, name).await? >= least).then_some(()))
    })
    .await
}

/// Waits until an Envoy has told the quota server all that it had to.
///
/// # Errors
/// It has not for a minute, or does not answer.
pub async fn delivered(envoy: &Envoy) -> anyhow::Result<()> {
    let name = "ferry_outbox_slots_taken";
    wait::until("the outbox to be empty", async || {
        Ok((count(envoy, name).await? == 0).then_some(()))
    })
    .await
}
