//! `side-by-side`: sci against tar and zstd, on one tree, in turn, on one machine.
//!
//! It drives the real `sci` program by its command line, so that what is measured is what a user gets: planning, the
//! store's index, signatures and local state included. It deliberately links no crate of the engine.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program whose output is its purpose")]

mod bench;
mod edit;
mod measure;
mod peer;
mod phase;
mod place;
mod report;
mod sci;
mod stats;
mod table;
mod tools;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use bench::Bench;
use place::Place;
use report::Report;
use sci::Sci;

/// What stops a run: a sentence for a developer.
type Failure = Box<dyn std::error::Error>;

/// Measures sci side by side with `tar | zstd -3 -T0`.
///
/// Every run does each phase once with sci and once with the peer; a warm-up comes first and does not count. Caches are
/// warm, outputs are wiped and synced before each measured command. Times are medians.
#[derive(Debug, Parser)]
#[command(name = "side-by-side", max_term_width = 100)]
struct Arguments {
    /// Tree to save and restore; it is copied [default: a Next.js application, installed once]
    #[arg(long, value_name = "DIR")]
    workload: Option<PathBuf>,
    /// Where to measure; decides the file system [default: target/bench]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Measured runs
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    runs: u32,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    /// Exit with 1 when a goal is missed
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("side-by-side: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let target = tools::target()?;
    let sci = Sci::find(&target)?;
    let dir = arguments.dir.clone().unwrap_or_else(|| target.join("bench"));
    let workload = match &arguments.workload {
        Some(workload) => workload.clone(),
        None => workload::storefront(&target.join("bench"))?,
    };
    let place = Place::of(&dir)?;
    if let Some(warning) = place.warning() {
        eprintln!("Warning: {warning}");
    }
    let bench = Bench::prepare(&dir, &workload, sci)?;
    let measured = bench.run(arguments.runs, |run| eprintln!("{run}"))?;
    let report = Report::new(place, &workload, arguments.runs, &measured);
    if arguments.json {
        println!("{}", report.to_json()?)
    } else {
        print!("{report}")
    }
    let missed = arguments.check && !report.goals_met();
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
