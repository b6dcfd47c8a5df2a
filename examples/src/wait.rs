//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

use anyhow::bail;

use crate::process::LOOK;

/// Longer than anything takes on a machine that does its best.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again until there is an answer. `what` completes "waited in vain for".
///
/// # Errors
/// There is none for a minute, or asking fails.
pub async fn until<T>(
    what: &str,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            bail!("waited in vain for {what}");
        }
        tokio::time::sleep(LOOK).await;
    }
}
