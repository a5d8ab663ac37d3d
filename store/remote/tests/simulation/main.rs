//! A simulation: the real client and the real service, with a network between them that loses, cuts, delays, doubles and
//! reorders, a disk that fails, a collection that is under way all the while, and a clock that nobody has to wait for.
//!
//! A seed decides everything, so what fails once fails again: `SCI_SEED=n` runs that seed alone.

#![allow(clippy::unwrap_used, reason = "what does not hold ends the run")]
#![allow(clippy::print_stdout, reason = "what happened is shown when it is asked for")]

mod actors;
mod administrator;
mod backend;
mod job;
mod machine;
mod network;
mod run;
mod scheduler;
mod storage;
mod trees;
mod twice;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use run::{Report, run};

/// Seeds that each test runs; those of the long one begin there, too.
const FEW: u64 = 300;
const MANY: u64 = 10_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// Runs seeds on every processor.
fn simulate(seeds: u64) {
    let started = Instant::now();
    let (next, report) = (AtomicU64::new(0), Mutex::new(Report::default()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= seeds {
                return;
            }
            let done = run(seed);
            report.lock().unwrap().add(done);
        }
    };
    // A run is one thread after the other, and waits for the next more than for the processor.
    let workers = 4 * std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let Report { requests, steps, saves, restores, unknown, collected, faults, .. } = report.into_inner().unwrap();
    println!("{seeds} runs in {:.1?}: {requests} requests in {steps} steps", started.elapsed());
    println!("{saves} saves acknowledged, {restores} restores compared, {collected} objects collected");
    println!("{unknown} commits of unknown outcome, and said so");
    faults.iter().for_each(|(fault, times)| println!("{times:>8} {fault:?}"));
    assert!(saves > 0 && restores > 0 && collected > 0 && faults.len() == 15, "the simulation does not simulate");
}

#[test]
fn the_store_stands_what_a_network_does() {
    match number("SCI_SEED") {
        None => simulate(FEW),
        Some(seed) => run(seed).trace.iter().for_each(|line| println!("{line}")),
    }
}

#[test]
#[ignore = "takes minutes: cargo xtask simulate"]
fn the_store_stands_it_many_times() {
    simulate(number("SCI_RUNS").unwrap_or(MANY));
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..4 {
        assert_eq!(run(seed).trace, run(seed).trace, "seed {seed}");
    }
}
