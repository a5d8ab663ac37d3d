//! `worker`: what the Worker that is deployed makes Cloudflare do, and what Cloudflare would ask for it.
//!
//! The bundle runs in workerd on this machine, with local R2 and D1, and the real `sci` uses it. A counter between the bundle
//! and its bindings counts; prices are Cloudflare's.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program whose output is its purpose")]

mod commands;
mod local;
mod price;
mod report;
mod routes;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use sci_benches::server::Failure;

use commands::{Content, Done, Machine};
use local::Local;

/// Saves and restores over the Worker, counted and priced.
#[derive(Debug, Parser)]
#[command(name = "worker", max_term_width = 100)]
struct Arguments {
    /// Files of each tree
    #[arg(long, default_value_t = 30_000)]
    files: usize,
    /// The length of a file of text in bytes, on average
    #[arg(long, default_value_t = 12_000)]
    mean: usize,
    /// The size of the tree that does not compress, which is priced, in bytes
    #[arg(long, default_value_t = 1_000_000_000)]
    large: usize,
    /// Requests of each route whose time is measured
    #[arg(long, default_value_t = 200)]
    requests: usize,
    /// Where trees and store are [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("worker: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let directory = match &arguments.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let local = Local::start(&directory.path().join("worker"))?;
    eprintln!("worker: {} requests of each route", arguments.requests);
    report::routes(&routes::measured(&local, arguments.requests)?);
    let text = Content::Text(arguments.mean);
    eprintln!("worker: {} files of text", arguments.files);
    let (done, stored) = life(&local, directory.path(), "text", arguments.files, text)?;
    report::commands(&format!("{} files of text, {:.1} MB stored", arguments.files, stored as f64 / 1e6), &done);
    let noise = Content::Noise(arguments.large / arguments.files.max(1));
    eprintln!("worker: {} files that do not compress", arguments.files);
    let (done, stored) = life(&local, directory.path(), "noise", arguments.files, noise)?;
    report::commands(&format!("{} files of noise, {:.1} MB stored", arguments.files, stored as f64 / 1e6), &done);
    report::price(&done, stored);
    Ok(())
}

/// What becomes of a tree, command by command, and how many bytes the first save stored.
fn life(
    local: &Local,
    directory: &Path,
    name: &str,
    files: usize,
    content: Content,
) -> Result<(Vec<Done>, u64), Failure> {
    let bucket = directory.join("worker/persist/r2");
    let before = commands::stored(&bucket)?;
    let machine = Machine::new(local, directory.join(name), &format!("branch:{name}"))?;
    let mut done = vec![machine.run("restore, nothing there", "restore", "miss")?];
    let paths = machine.fill(files, content)?;
    done.push(machine.run("save, the first", "save", "saved")?);
    let stored = commands::stored(&bucket)? - before;
    machine.wipe()?;
    done.push(machine.run("restore, exact", "restore", "exact")?);
    done.push(machine.run("save, nothing changed", "save", "skipped")?);
    machine.lock(1)?;
    done.push(machine.run("restore, nearest, all of it there", "restore", "nearest")?);
    machine.edit(paths.iter().step_by(100), 12_000)?;
    done.push(machine.run("save, one file in a hundred changed", "save", "saved")?);
    machine.wipe()?;
    done.push(machine.run("restore, exact, after that", "restore", "exact")?);
    std::fs::remove_dir_all(directory.join(name))?;
    Ok((done, stored))
}
