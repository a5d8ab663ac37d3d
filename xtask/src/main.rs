//! Developer tasks, run as `cargo xtask TASK`.
//!
//! It starts other programs and reads the tree; it deliberately links none of the project's own crates, so that it builds in
//! seconds and still runs when they do not compile.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program whose output is its purpose")]

mod context;
mod demo;
mod files;
mod shell;
mod steps;
mod tidy;
mod tools;
mod windows;

use std::process::ExitCode;

use context::Context;

const HELP: &str = "\
Developer tasks of sci.

  cargo xtask test            every step below, in this order; installs what it needs under target/tools
  cargo xtask test --quick    fmt, clippy, unit and tidy only

  cargo xtask fmt             is the code formatted?
  cargo xtask tidy            the tree's own rules: layers, purity, lengths, leftovers, links
  cargo xtask clippy          no warning on any target
  cargo xtask unit [ARGS…]    unit, property and CLI tests; ARGS go to nextest
  cargo xtask doc             doc tests, and documentation without broken links
  cargo xtask deny            licences, banned crates, sources, advisories
  cargo xtask wasm            the pure crates build for wasm32 (--from-source: with Debian's rustc-web)
  cargo xtask action          the GitHub Action's types, its definition and all workflows as GitHub reads them, and its bundle
                              against its source (--write: make it anew)
  cargo xtask worker [ARGS…]  the Worker's bundle, and its suites in workerd (--build: no suites); ARGS go to nextest
  cargo xtask elsewhere       does sci compile for macOS and for Windows?
  cargo xtask fuzz [NAMES…]   a short run of each fuzz target (--minutes N: a longer one)
  cargo xtask dist            the release for this machine, tried: the program, and the Worker's built files beside it
                              (--target TARGET: for another; --worker DIR: with files that were built elsewhere)
  cargo xtask demo            the tour of the README on examples/notes (--keep: leave the scratch directory)
  cargo xtask e2e [ARGS…]     the sci binary with the real tools, over the Worker too; ARGS go to nextest

  cargo xtask simulate [RUNS] the client, the service and a bad network between them, 10,000 times unless told otherwise
                              (SCI_SEED=N cargo nextest run -p sci-remote --test simulation: one of them, step by step)
  cargo xtask traces [RUNS]   the same operations on the Worker and on sci serve, a thousand traces unless told otherwise
                              (SCI_SEED=N cargo nextest run --profile worker -p sci-miniflare --test traces: one of them, step by step)
  cargo xtask windows         sci.exe, built with MinGW and run with Wine (--program FILE: this one)
  cargo xtask dist worker     the Worker's built files alone
  cargo xtask dist sums       SHA256SUMS of all that was packed, and notes of what is new
  cargo xtask dist check TAG  is the tag the version, everywhere?
  cargo xtask bench [ARGS…]   sci side by side with other tools and the machine's limits; ARGS go to the bench program
  cargo xtask bench fragmentation [ARGS…]
                              a thousand saves one upon another, and what a restore costs then
  cargo xtask bench load [ARGS…]
                              many clients of one server for two minutes
  cargo xtask bench latency [ARGS…]
                              restores from a server that is 40 ms away, over a connection of so many Mbit/s
  cargo xtask bench worker [ARGS…]
                              what saves and restores over the Worker make Cloudflare do, and its price
";

fn main() -> ExitCode {
    if steps::rustc::is_meant() {
        return steps::rustc::run(std::env::args_os().skip(1)).unwrap_or_else(|error| {
            eprintln!("xtask as rustc: {error}");
            ExitCode::FAILURE
        });
    }
    let mut args = std::env::args().skip(1);
    let task = args.next().unwrap_or_else(|| "help".to_owned());
    let rest: Vec<String> = args.collect();
    match dispatch(&task, &rest) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask {task}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(task: &str, args: &[String]) -> Result<ExitCode, shell::Failure> {
    if matches!(task, "help" | "-h" | "--help") {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    let context = Context::new()?;
    match task {
        "test" => Ok(steps::test(&context, args.iter().any(|arg| arg == "--quick"))),
        "traces" => steps::traces(&context, args).map(|()| ExitCode::SUCCESS),
        "simulate" => steps::simulate(&context, args).map(|()| ExitCode::SUCCESS),
        "windows" => windows::run(&context, args).map(|()| ExitCode::SUCCESS),
        "bench" => steps::bench(&context, args).map(|()| ExitCode::SUCCESS),
        _ => match steps::find(task) {
            Some(step) => (step.run)(&context, args).map(|()| ExitCode::SUCCESS),
            None => Err("no such task; `cargo xtask help` lists them".into()),
        },
    }
}
