//! `side-by-side`: sci, its peers and the limits of the machine, phase by phase, in turn, on one machine.
//!
//! It drives the real `sci` program and the real peers by their command lines, so that what is measured is what a user gets:
//! planning, the store's index, signatures and local state included. It deliberately links no crate of the engine.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program whose output is its purpose")]

mod contestant;
mod files;
mod filter;
mod goals;
mod limit;
mod measure;
mod measuring;
mod peers;
mod phase;
mod picture;
mod place;
mod plan;
mod report;
mod rounds;
mod sci;
mod stage;
mod stats;
mod table;
mod tools;
mod workload;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use measuring::Measuring;
use report::Report;
use workload::Workload;

/// What stops a run: a sentence for a developer.
type Failure = Box<dyn std::error::Error>;

/// Measures sci side by side with the tools that people use instead, and with what the machine can do at best.
///
/// In each round every program does the phase once, one after the other; a warm-up round does not count. Caches are warm,
/// outputs are wiped and synced before each measured command. Times are medians.
#[derive(Debug, Parser)]
#[command(name = "side-by-side", max_term_width = 100, args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Only these phases, workloads and programs; words of one kind add up
    #[arg(long, value_name = "WORD,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Measured rounds of each phase
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// Where to measure; decides the file system [default: target/bench]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// A tree in two states, instead of the usual one of that name; `src` is planned, any other saved
    #[arg(long, value_name = "NAME=DIR[,DIR]")]
    workload: Vec<Workload>,
    /// Install the programs that are missing, below target/tools/bench or as system packages
    #[arg(long)]
    install: bool,
    /// Do not measure: read what `--json` wrote, once or several times
    #[arg(long, value_name = "FILE")]
    from: Vec<PathBuf>,
    /// Write every figure as a JSON document, after each phase
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw it
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Exit with 1 when a goal is missed
    #[arg(long)]
    check: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What this program starts itself for.
#[derive(Debug, Subcommand)]
enum Part {
    /// What the machine can do at best
    #[command(hide = true)]
    Limit(limit::Arguments),
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
    if let Some(Part::Limit(arguments)) = &arguments.part {
        println!("{}", limit::run(arguments)?);
        return Ok(ExitCode::SUCCESS);
    }
    let report = if arguments.from.is_empty() { measure(arguments)? } else { read(arguments)? };
    print!("{report}");
    write(arguments, &report)?;
    if let Some(file) = &arguments.svg {
        fs::write(file, picture::svg(&report))?;
    }
    let missed = arguments.check && !report.goals_met();
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn measure(arguments: &Arguments) -> Result<Report, Failure> {
    let measuring = Measuring::new(&arguments.only, &arguments.workload, arguments.dir.as_deref(), arguments.rounds)?;
    if arguments.install {
        measuring.install()?;
    }
    measuring.run(&|report| write(arguments, report))
}

/// Writes the document that was asked for.
fn write(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    if let Some(file) = &arguments.json {
        fs::write(file, serde_json::to_string_pretty(report)? + "\n")?;
    }
    Ok(())
}

/// What was measured before, or the part of it that `--only` names.
fn read(arguments: &Arguments) -> Result<Report, Failure> {
    let mut reports = Vec::new();
    for file in &arguments.from {
        let text = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        reports.push(serde_json::from_slice::<Report>(&text).map_err(|error| format!("{}: {error}", file.display()))?);
    }
    let mut reports = reports.into_iter();
    let mut report = reports.next().ok_or("no file")?;
    reports.for_each(|next| report.merge(next));
    report.keep(&measuring::filter(&arguments.only, &arguments.workload)?);
    Ok(report)
}
