//! The provider: the simulator of the examples in a process of its own, so that what it takes is not the load generator's.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use ferry_examples::simulator::{Script, Simulator};

use crate::process::{Process, end_with_parent};

/// The first argument that makes this program the provider.
pub const ROLE: &str = "provider";
/// The key that the provider asks for. It opens nothing.
pub const KEY: &str = "sk-simulator";
/// Between the events of a stream, so that each of them crosses the gateway by itself, as a model's do. Real ones come ten times
/// as slowly; then a run would measure little but waiting.
const PACE: Duration = Duration::from_millis(1);
/// The length of an answer.
const TOKENS: u64 = 32;

/// Starts the provider. Tells where it listens.
pub fn start() -> Result<(Process, SocketAddr)> {
    let (process, address) = Process::role(ROLE, &[])?;
    let address = address
        .parse()
        .with_context(|| format!("the provider listens at {address}"))?;
    Ok((process, address))
}

/// The provider's whole life.
pub async fn serve() -> Result<()> {
    let simulator = Simulator::start(KEY).await?;
    simulator.remember(0);
    simulator.script(Script {
        pace: PACE,
        ..Script::tokens(TOKENS)
    });
    end_with_parent();
    crate::print(&simulator.address().to_string());
    std::future::pending().await
}
