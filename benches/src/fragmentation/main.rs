//! `fragmentation`: a thousand saves one upon another, and what has become of the snapshot.
//!
//! It drives the engine itself, with a store in memory that counts: what is measured is how blocks and packs are laid out
//! and given up, never time. Seeds decide everything, so two runs print the same.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program whose output is its purpose")]

mod figures;
mod model;
mod report;
mod simulate;
mod store;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::{Parser, ValueEnum as _};

use figures::Figures;
use model::Model;
use simulate::Plan;
use workload::Shape;

/// What stops a run: a sentence for a developer.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Saves trees again and again while they are edited, and prints what a restore from the last snapshot costs.
#[derive(Debug, Parser)]
#[command(name = "fragmentation", max_term_width = 100)]
struct Arguments {
    /// Saves after the first
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    increments: u32,
    /// Only this tree
    #[arg(long)]
    shape: Option<Shape>,
    /// Only this way to edit it
    #[arg(long)]
    model: Option<Model>,
    /// What the trees and the edits are made from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Size of the trees in percent
    #[arg(long, default_value_t = 100)]
    scale: usize,
    /// Every file of every save is unknown to the machine, as on another runner
    #[arg(long)]
    unknown: bool,
    /// Where the trees are edited [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
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
            eprintln!("fragmentation: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let directory = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);
    let plans = plans(arguments);
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Option<Result<Figures, Failure>>>> = Mutex::new(plans.iter().map(|_| None).collect());
    let work = || {
        while let Some((number, plan)) = plans.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
            let figures = in_new_directory(&directory, plan);
            eprintln!("{} {}: done", plan.shape.name(), plan.model.name());
            done.lock().unwrap_or_else(PoisonError::into_inner)[number] = Some(figures);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let figures = done.into_iter().flatten().collect::<Result<Vec<Figures>, Failure>>()?;
    let rows: Vec<(&Plan, &Figures)> = plans.iter().zip(&figures).collect();
    if arguments.json {
        println!("{}", report::json(&rows)?)
    } else {
        print!("{}", report::table(&rows))
    }
    let missed = report::missed(&rows);
    missed.iter().for_each(|goal| eprintln!("missed: {goal}"));
    Ok(if arguments.check && !missed.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn plans(arguments: &Arguments) -> Vec<Plan> {
    let shapes = Shape::value_variants().iter().filter(|shape| arguments.shape.is_none_or(|only| only == **shape));
    let models = || Model::value_variants().iter().filter(|model| arguments.model.is_none_or(|only| only == **model));
    let pairs = shapes.flat_map(|shape| models().map(|model| (*shape, *model)));
    let plan = |(shape, model)| Plan {
        shape,
        model,
        increments: arguments.increments,
        seed: arguments.seed,
        scale: arguments.scale,
        unknown: arguments.unknown,
    };
    pairs.map(plan).collect()
}

fn in_new_directory(parent: &std::path::Path, plan: &Plan) -> Result<Figures, Failure> {
    let directory = tempfile::Builder::new().prefix("fragmentation-").tempdir_in(parent)?;
    simulate::run(plan, directory.path())
}
