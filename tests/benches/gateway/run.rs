//! One run: everything is started, measured in interleaved rounds, and stopped.
//!
//! A round visits every cell once, and begins with another target each time: what the machine's neighbours do, and what follows
//! on what, falls on all targets alike.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::{Args, Plan};
use crate::cell::{Cell, Place, Resources};
use crate::gateways::{Gateway, Gateways};
use crate::load::Connections;
use crate::process::{processor_time, resident_kib};
use crate::target::Kind;

/// How long a target is used before its first measured round: connections, caches, and the compiler inside V8.
const WARM_UP: Duration = Duration::from_millis(500);
/// Connections of the warming up.
const WARM_UP_CONCURRENCY: usize = 16;
/// After a round: what trails the answers (settlements, logs) still belongs to it. Ten times the outbox's wait.
const TRAIL: Duration = Duration::from_millis(200);

/// Measures all that was asked for.
pub async fn run(args: &Args) -> Result<Vec<Cell>> {
    let gateways = Gateways::start(&args.targets()).await?;
    let plan = args.plan();
    let mut cells: Vec<_> = places(args).into_iter().map(Cell::new).collect();
    let progress = progress(&cells, plan);
    for gateway in gateways.iter() {
        let name = gateway.target.name();
        progress.set_message(format!("warming up {name}"));
        let warm = warm_up(gateway, WARM_UP.min(plan.round)).await;
        warm.with_context(|| format!("failed to warm up {name}"))?;
    }
    for round in 0..plan.rounds {
        for index in order(cells.len(), args.targets().len(), round) {
            let Some(cell) = cells.get_mut(index) else {
                continue;
            };
            let gateway = gateways.of(cell.place.target)?;
            progress.set_message(format!(
                "{} × {}",
                gateway.target.name(),
                cell.place.concurrency
            ));
            measure(gateway, cell, plan.round)
                .await
                .with_context(|| format!("failed to measure {:?}", cell.place))?;
            progress.inc(1);
        }
    }
    for gateway in gateways.iter() {
        gateway.check().await?;
    }
    progress.finish_and_clear();
    Ok(cells)
}

/// Uses a target for `time` with each kind of answer.
async fn warm_up(gateway: &Gateway, time: Duration) -> Result<()> {
    for kind in Kind::ALL {
        let connections =
            Connections::open(gateway.address, &gateway.key, kind, WARM_UP_CONCURRENCY);
        connections.await?.drive(time).await?;
    }
    Ok(())
}

/// All cells in the table's order: targets that are compared stand side by side.
fn places(args: &Args) -> Vec<Place> {
    let mut places = Vec::new();
    for kind in args.kinds() {
        for concurrency in args.concurrencies() {
            let at = |target| Place {
                target,
                kind,
                concurrency,
            };
            places.extend(args.targets().into_iter().map(at));
        }
    }
    places
}

/// The table's order, but each group of `targets` cells begins with another one in each round.
fn order(cells: usize, targets: usize, round: u32) -> impl Iterator<Item = usize> {
    let shift = round as usize;
    (0..cells).map(move |index| {
        let (group, member) = (index / targets, index % targets);
        group * targets + (member + shift) % targets
    })
}

/// One round of one cell.
async fn measure(gateway: &Gateway, cell: &mut Cell, time: Duration) -> Result<()> {
    let place = cell.place;
    let connections =
        Connections::open(gateway.address, &gateway.key, place.kind, place.concurrency).await?;
    tokio::time::sleep(TRAIL).await;
    let before = resources(gateway)?;
    let (exchanges, elapsed) = connections.drive(time).await?;
    ensure!(!exchanges.is_empty(), "no answer came in {time:?}");
    tokio::time::sleep(TRAIL).await;
    let mut round = resources(gateway)?;
    round.envoy_cpu = round.envoy_cpu.saturating_sub(before.envoy_cpu);
    round.server_cpu = round.server_cpu.saturating_sub(before.server_cpu);
    cell.add(&exchanges, elapsed, &round);
    Ok(())
}

/// What the gateway's processes have taken so far.
fn resources(gateway: &Gateway) -> Result<Resources> {
    let of = |id: Option<u32>| -> Result<(Duration, u64)> {
        id.map_or(Ok((Duration::ZERO, 0)), |id| {
            Ok((processor_time(id)?, resident_kib(id)?))
        })
    };
    let (envoy_cpu, envoy_kib) = of(gateway.envoy()?)?;
    let (server_cpu, server_kib) = of(gateway.server()?)?;
    Ok(Resources {
        envoy_cpu,
        server_cpu,
        envoy_kib,
        server_kib,
    })
}

/// A bar on standard error; nothing where that is no terminal.
fn progress(cells: &[Cell], plan: Plan) -> ProgressBar {
    let bar = ProgressBar::new(cells.len() as u64 * u64::from(plan.rounds));
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} ({eta} left)");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
