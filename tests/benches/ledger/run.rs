//! One run: all cells in interleaved rounds.
//!
//! A round visits every cell once. What is bare comes after the engine's cell of the same load and callers, since it takes its
//! batches' size from there.

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::{Args, Plan};
use crate::bench::Bench;
use crate::cell::{Arrivals, Cell, Path, Place, Store};
use crate::load::Load;
use crate::update;

/// Measures all that was asked for.
pub async fn run(args: &Args) -> Result<Vec<Cell>> {
    let plan = args.plan();
    let mut bench = Bench::start(args).await?;
    let mut cells: Vec<_> = places(args).into_iter().map(Cell::new).collect();
    let progress = progress(&cells, plan);
    for _ in 0..plan.rounds {
        for at in 0..cells.len() {
            let place = cells[at].place;
            let (store, path) = (place.store.name(), place.path.name());
            progress.set_message(format!("{store} {path} {}", place.load.name()));
            let measured = bench.measure(place, batch(place, &cells)).await;
            let (measured, rows) =
                measured.with_context(|| format!("failed to measure {place:?}"))?;
            cells[at].add(measured, rows);
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    cells.extend(bench.on_rows(args).await?);
    bench.stop().await?;
    Ok(cells)
}

/// All cells, in the order in which they are measured and shown.
fn places(args: &Args) -> Vec<Place> {
    let mut places = Vec::new();
    let closed = args.callers().into_iter().map(Arrivals::Closed);
    for arrivals in closed.chain(args.rates().into_iter().map(Arrivals::Open)) {
        for store in args.stores() {
            let loads = match store {
                // A file knows no customers: any load is one.
                Store::File => vec![Load::Hot],
                Store::Sqlite | Store::Postgres | Store::Postgres2 => args.loads(),
            };
            for load in loads {
                let paths = paths(store, arrivals).iter();
                let asked = paths.filter(|path| args.paths().contains(path));
                places.extend(asked.map(|&path| Place {
                    store,
                    path,
                    load,
                    arrivals,
                }));
            }
        }
    }
    places
}

/// What is measured of a store.
fn paths(store: Store, arrivals: Arrivals) -> &'static [Path] {
    match (store, arrivals) {
        (Store::File, Arrivals::Closed(_)) => &[Path::Bare],
        (Store::File, Arrivals::Open(_)) => &[],
        (Store::Sqlite, Arrivals::Closed(_)) => &[Path::Engine, Path::Bare, Path::Grpc],
        (Store::Postgres, Arrivals::Closed(callers)) if callers <= update::CALLERS_MAX => {
            &[Path::Engine, Path::Bare, Path::Update, Path::Grpc]
        }
        (Store::Postgres, Arrivals::Closed(_)) => &[Path::Engine, Path::Bare, Path::Grpc],
        (Store::Postgres2, Arrivals::Closed(_)) | (_, Arrivals::Open(_)) => {
            &[Path::Engine, Path::Grpc]
        }
    }
}

/// How many operations a bare batch holds: what the engine's did under the same load; else as many as there are callers.
fn batch(place: Place, cells: &[Cell]) -> u64 {
    let store = match place.store {
        Store::File => Store::Sqlite,
        other => other,
    };
    let like = Place {
        store,
        path: Path::Engine,
        ..place
    };
    let engine = cells.iter().find(|cell| cell.place == like);
    let batched = engine.map(|cell| cell.all.batched);
    match (
        batched.filter(|batched| batched.batches > 0),
        place.arrivals,
    ) {
        (Some(batched), _) => batched.mean(),
        (None, Arrivals::Closed(callers)) => callers as u64,
        (None, Arrivals::Open(_)) => 1,
    }
}

/// A bar on standard error; nothing where that is no terminal.
fn progress(cells: &[Cell], plan: Plan) -> ProgressBar {
    let bar = ProgressBar::new(cells.len() as u64 * u64::from(plan.rounds));
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} ({eta} left)");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
