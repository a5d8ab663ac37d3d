//! Steps that use the built `sci` program: the scenarios with real tools, and the bench.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::context::Context;
use crate::shell::{self, Failure};
use crate::steps::{checks, worker};
use crate::tools;

/// Builds the `sci` that people would run, and returns where it is.
pub(crate) fn build_sci(context: &Context) -> Result<PathBuf, Failure> {
    build_sci_for(context, None)
}

/// The same for another machine, whose standard library and linker have to be there.
pub(crate) fn build_sci_for(context: &Context, target: Option<&str>) -> Result<PathBuf, Failure> {
    let mut command = context.cargo();
    command.args(["build", "--locked", "--release", "--package", "sci", "--bin", "sci"]);
    shell::run(command.args(target.iter().flat_map(|target| ["--target", target])))?;
    let built = target.map_or_else(|| context.target.clone(), |target| context.target.join(target));
    let windows = target.map_or(cfg!(windows), |target| target.contains("-windows-"));
    Ok(built.join("release").join(if windows { "sci.exe" } else { "sci" }))
}

pub(super) fn e2e(context: &Context, args: &[String]) -> Result<(), Failure> {
    let sci = build_sci(context)?;
    worker::build(context)?;
    tools::worker_local(context)?;
    tools::wrangler(context)?;
    tools::ecosystems(context)?;
    let pnpm = tools::pnpm(context)?;
    for (program, package) in
        [("strace", "strace"), ("sqlite3", "sqlite3"), ("rsync", "rsync"), ("systemd-analyze", "systemd")]
    {
        tools::debian(program, package)?;
    }
    let dir = context.target.join("e2e");
    remove_left_over(&dir)?;
    let mut command = checks::nextest(context, "e2e")?;
    command.env("SCI_BIN", sci).env("SCI_E2E_DIR", dir).env("PATH", prepended(&pnpm)?);
    shell::run(command.args(args))
}

/// Runs the simulation of the backend as often as is asked for.
pub(crate) fn simulate(context: &Context, args: &[String]) -> Result<(), Failure> {
    let mut command = context.cargo();
    command.args(["test", "--quiet", "--release", "--package", "sci-remote", "--test", "simulation"]);
    command.args(["--", "--ignored", "--nocapture"]);
    if let Some(runs) = args.first() {
        command.env("SCI_RUNS", runs);
    }
    shell::run(&mut command)
}

/// Runs sci side by side with other tools, the simulation of many saves, the load on a server, one far away, or the Worker.
pub(crate) fn bench(context: &Context, args: &[String]) -> Result<(), Failure> {
    if let Some(("fragmentation", rest)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return shell::run(bench_program(context, "fragmentation").args(rest));
    }
    let sci = build_sci(context)?;
    if let Some((name @ ("load" | "latency"), rest)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return shell::run(bench_program(context, name).env("SCI_BIN", sci).args(rest));
    }
    if let Some(("worker", rest)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        worker::build(context)?;
        tools::worker_local(context)?;
        return shell::run(bench_program(context, "worker").env("SCI_BIN", sci).args(rest));
    }
    shell::run(bench_program(context, "side-by-side").env("SCI_BIN", sci).args(args))
}

fn bench_program(context: &Context, name: &str) -> Command {
    let mut command = context.cargo();
    command.args(["run", "--quiet", "--release", "--package", "sci-benches", "--bin", name, "--"]);
    command
}

/// Removes the machines of scenarios that were stopped; what scenarios share stays.
fn remove_left_over(dir: &Path) -> Result<(), Failure> {
    if !dir.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("machine-") {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// `PATH` with `dir` first.
fn prepended(dir: &Path) -> Result<OsString, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(std::iter::once(dir.to_path_buf()).chain(std::env::split_paths(&path)))?)
}
