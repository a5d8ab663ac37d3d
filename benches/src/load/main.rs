//! `load`: many clients of one `sci serve` at the same time, for a while, on this machine.
//!
//! The server is the real program; the clients are threads with the real client and engine, each with a workspace of its own.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program whose output is its purpose")]

mod client;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;

use client::{Client, Tally};
use report::Report;
use sci_benches::server::{Failure, Server};

/// Clients that restore and clients that save, all the time, and what becomes of the server.
#[derive(Debug, Parser)]
#[command(name = "load", max_term_width = 100)]
struct Arguments {
    /// Clients that restore
    #[arg(long, default_value_t = 200)]
    restoring: usize,
    /// Clients that save
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    saving: u64,
    /// How long, in seconds
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// Files of each tree
    #[arg(long, default_value_t = 200)]
    files: usize,
    /// Where trees and store are [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(report) if report.errors.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let directory = match &arguments.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let server = Server::start(&directory.path().join("server"))?;
    let token = server.token("branch:load")?;
    let client = |number: usize, instance: u64| {
        Client::new(&server, &token, &directory.path().join(format!("client-{number}")), instance)
    };
    let saving = arguments.saving as usize;
    let savers = (0..saving).map(|number| client(number, number as u64)).collect::<Result<Vec<_>, _>>()?;
    let restorers = (0..arguments.restoring)
        .map(|number| client(saving + number, number as u64 % arguments.saving))
        .collect::<Result<Vec<_>, _>>()?;
    eprintln!("load: {saving} trees are saved for the first time");
    for saver in &savers {
        saver.first(arguments.files)?;
    }
    eprintln!("load: {} clients for {} seconds", savers.len() + restorers.len(), arguments.seconds);
    let stop = AtomicBool::new(false);
    let started = Instant::now();
    let tallies = std::thread::scope(|scope| {
        let savers: Vec<_> = savers.iter().map(|it| scope.spawn(|| it.saves(&stop))).collect();
        let restorers: Vec<_> = restorers.iter().map(|it| scope.spawn(|| it.restores(&stop))).collect();
        std::thread::sleep(Duration::from_secs(arguments.seconds));
        stop.store(true, Ordering::Relaxed);
        let all = savers.into_iter().chain(restorers);
        all.map(|thread| thread.join().unwrap_or_else(|_| Tally::broken())).collect::<Vec<_>>()
    });
    let report = Report::new(started.elapsed(), tallies, &server)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?)
    } else {
        print!("{report}")
    }
    Ok(report)
}
