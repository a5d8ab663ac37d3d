//! `latency`: `sci restore` from a `sci serve` that is far away, after one save and after many.
//!
//! Both are the real program; between them is a network of its own making, with a way there and back and a rate. What a restore
//! takes at least is what the processors need without a network, or what the rate lets through, whichever is more.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program whose output is its purpose")]

mod proxy;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use sci_benches::server::{Failure, Server};

use proxy::{Proxy, Shape};
use workspace::{Reader, Writer};

/// A restore from a server that is far away.
#[derive(Debug, Parser)]
#[command(name = "latency", max_term_width = 100)]
struct Arguments {
    /// Files of the tree
    #[arg(long, default_value_t = 30_000)]
    files: usize,
    /// Their length in bytes, on average
    #[arg(long, default_value_t = 12_000)]
    mean: usize,
    /// Saves after the first, each of which changes a hundredth of the files
    #[arg(long, default_value_t = 100)]
    saves: usize,
    /// The way there and back, in milliseconds
    #[arg(long, default_value_t = 40)]
    away: u64,
    /// Rates in Mbit/s
    #[arg(long, value_delimiter = ',', default_values_t = [200, 1_000])]
    rates: Vec<u64>,
    /// Restores of each kind, of which the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where trees and store are [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// What a restore took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    seconds: f64,
    requests: u64,
    bytes: u64,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("latency: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let directory = match &arguments.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let server = Server::start(&directory.path().join("server"))?;
    let proxy = Proxy::start(server.address())?;
    let mut writer = Writer::new(&server, &proxy, &directory.path().join("writer"), arguments)?;
    println!(
        "| saves | network | requests | MB | s | by the rate | without a network | beyond, in ways there and back |"
    );
    println!("|--:|---|--:|--:|--:|--:|--:|--:|");
    for saves in [0, arguments.saves] {
        eprintln!("latency: {saves} saves after the first");
        writer.save_until(saves)?;
        let mut reader = Reader { server: &server, proxy: &proxy, writer: &writer, dir: directory.path(), count: 0 };
        let near = reader.median(Shape::default(), arguments.rounds)?;
        row(saves, "none", near, near.seconds, None, arguments);
        let away = Duration::from_millis(arguments.away);
        let far = reader.median(Shape { away, rate: None }, arguments.rounds)?;
        row(saves, &format!("{} ms", arguments.away), far, near.seconds, None, arguments);
        for rate in &arguments.rates {
            let shape = Shape { away, rate: Some(rate * 1_000_000) };
            let took = reader.median(shape, arguments.rounds)?;
            row(saves, &format!("{} ms, {rate} Mbit/s", arguments.away), took, near.seconds, shape.rate, arguments);
        }
    }
    Ok(())
}

fn row(saves: usize, network: &str, took: Took, near: f64, rate: Option<u64>, arguments: &Arguments) {
    let by_rate = rate.map(|rate| took.bytes as f64 * 8.0 / rate as f64);
    let beyond = (took.seconds - near.max(by_rate.unwrap_or_default())) * 1_000.0 / arguments.away.max(1) as f64;
    let by_rate = by_rate.map(|seconds| format!("{seconds:.2}")).unwrap_or_default();
    let Took { seconds, requests, bytes } = took;
    let megabytes = bytes as f64 / 1e6;
    println!(
        "| {saves} | {network} | {requests} | {megabytes:.1} | {seconds:.2} | {by_rate} | {near:.2} | {beyond:.1} |"
    );
}
