//! Whole lives of requests, simulated: the filter's real core, the real service, engine and store, on a clock and a network that
//! are played by hand. Messages are lost, doubled and late; servers and gateways die; clocks are set. Afterwards every request
//! must have been charged for exactly what it used.
//!
//! One number makes a run. A run that fails names it: `FERRY_SEED=NUMBER cargo test -p ferry-tests --test simulation` repeats it.

mod audit;
mod chance;
mod clock;
mod gateway;
mod provider;
mod request;
mod server;
mod way;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use world::World;

/// Runs in each test.
const RUNS: u64 = 1_000;
/// As many as there are processors in CI: runs share nothing.
const THREADS: usize = 2;

#[test]
fn every_request_is_charged_for_what_it_used_whatever_happens() {
    if let Ok(seed) = std::env::var("FERRY_SEED") {
        return run(seed.parse().expect("FERRY_SEED is a number"));
    }
    println!("seeds 0 to {}", RUNS - 1);
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= RUNS {
                return;
            }
            if std::panic::catch_unwind(|| run(seed)).is_err() {
                next.store(RUNS, Ordering::Relaxed);
                panic!("the run of seed {seed} failed: repeat it with FERRY_SEED={seed}");
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            thread.join().expect("every run ends well");
        }
    });
}

fn run(seed: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut world = World::of(seed, folder.path());
    world.run();
    audit::audit(&world);
}
