//! The fuzz targets: a short run of each in the test, and as long a one as wanted on request.
//!
//! Built without a sanitizer, since those need a nightly compiler; what guides the fuzzer, the counters of the coverage pass,
//! works in a stable one. The code is safe Rust, so what can be found is panics, and time and memory without bound.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::context::Context;
use crate::shell::{self, Failure};
use crate::tools;

/// Runs of each target in the test. The seed is fixed: a test that fails must fail again. What makes files takes longer, and is cut
/// off after so many seconds.
const SHORT: [&str; 3] = ["-runs=10000", "-seed=1", "-max_total_time=20"];
/// No input may take longer than this many seconds, nor more than this many megabytes.
const LIMITS: [&str; 2] = ["-timeout=25", "-rss_limit_mb=1024"];

/// `--minutes N` runs each target for that long, two at a time; names choose targets.
pub(super) fn run(context: &Context, args: &[String]) -> Result<(), Failure> {
    let (minutes, names) = parse(args)?;
    let mut targets = targets(context)?;
    if let Some(unknown) = names.iter().find(|name| !targets.contains(name)) {
        return Err(format!("no target `{unknown}`; there are {}", targets.join(", ")).into());
    }
    targets.retain(|target| names.is_empty() || names.contains(target));
    let fuzzer = Fuzzer { programs: build(context)?, corpus: context.root.join("fuzz/corpus"), minutes };
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = fuzzer.run(context, target) {
                        println!("{error}");
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(target.as_str());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failed.is_empty() { Ok(()) } else { Err(format!("findings in {}", failed.join(", ")).into()) }
}

fn parse(args: &[String]) -> Result<(Option<u64>, Vec<String>), Failure> {
    let mut minutes = None;
    let mut names = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--minutes" {
            minutes = Some(args.next().ok_or("--minutes needs a number")?.parse()?);
        } else {
            names.push(arg.clone());
        }
    }
    Ok((minutes, names))
}

/// The names of the targets, in order.
fn targets(context: &Context) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(context.root.join("fuzz/fuzz_targets"))? {
        names.extend(entry?.path().file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Builds every target, and returns the directory of the programs.
fn build(context: &Context) -> Result<PathBuf, Failure> {
    let triple = host()?;
    let target_dir = context.target.join("fuzz");
    let mut command = Command::new(tools::fuzz(context)?);
    command.current_dir(&context.root).args(["fuzz", "build", "--sanitizer", "none", "--features", "libfuzzer"]);
    command.args(["--codegen-units", "16", "--target", &triple, "--target-dir"]).arg(&target_dir);
    // Linking times of a program that runs for seconds; what is instrumented must not be inlined away either.
    command.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "2");
    command.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only");
    shell::run_quietly(&mut command)?;
    Ok(target_dir.join(triple).join("release"))
}

/// The platform of the compiler.
fn host() -> Result<String, Failure> {
    let version = shell::output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc does not say what it runs on")?.to_owned())
}

struct Fuzzer {
    programs: PathBuf,
    corpus: PathBuf,
    minutes: Option<u64>,
}

impl Fuzzer {
    /// Runs one target on its corpus and beyond. New inputs of a long run are kept below the target directory.
    fn run(&self, context: &Context, target: &str) -> Result<(), String> {
        let start = Instant::now();
        let found =
            context.target.join("fuzz").join(if self.minutes.is_some() { "found" } else { "short" }).join(target);
        if self.minutes.is_none() {
            let _absent = std::fs::remove_dir_all(&found);
        }
        std::fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
        let mut command = Command::new(self.programs.join(target));
        command.stdin(Stdio::null()).args(LIMITS).arg("-print_final_stats=1");
        command.arg(format!("-artifact_prefix={}-", context.target.join("fuzz").join(target).display()));
        match self.minutes {
            Some(minutes) => command.arg(format!("-max_total_time={}", minutes * 60)),
            None => command.args(SHORT),
        };
        let output = command.arg(&found).arg(self.corpus.join(target)).output().map_err(|error| error.to_string())?;
        let log = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("{log}\n   {target}: {}", output.status));
        }
        println!("   {target:<16} {:>7.1} s  {}", start.elapsed().as_secs_f64(), summary(&log));
        Ok(())
    }
}

/// Runs and coverage, from libFuzzer's log.
fn summary(log: &str) -> String {
    let after = |mark: &str| log.lines().rev().find_map(|line| line.split_once(mark)).map(|(_, rest)| rest.trim());
    let word = |mark: &str| after(mark).and_then(|rest| rest.split_whitespace().next()).unwrap_or("?").to_owned();
    let corpus = word(" corp: ");
    format!(
        "{:>9} runs, {:>5} edges, {corpus} inputs, {} MB",
        word("stat::number_of_executed_units:"),
        word(" cov: "),
        word("stat::peak_rss_mb:")
    )
}
