//! Steps that read or build the code and need no network: formatting, lints, tests, documentation, licences.

use std::process::Command;

use crate::context::Context;
use crate::shell::{self, Failure};
use crate::tools;

/// The Worker's crates are a workspace of their own, since no native build links them.
const WORKER_MANIFEST: &str = "worker/Cargo.toml";

pub(super) fn fmt(context: &Context, _: &[String]) -> Result<(), Failure> {
    shell::run(context.cargo().args(["fmt", "--all", "--check"]))?;
    shell::run(context.cargo().args(["fmt", "--all", "--check", "--manifest-path", WORKER_MANIFEST]))
}

pub(super) fn clippy(context: &Context, _: &[String]) -> Result<(), Failure> {
    let strict = ["--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
    shell::run(context.cargo().arg("clippy").args(strict))?;
    // For this machine: what the Worker links compiles here, and runs in workerd alone.
    let mut worker = context.cargo();
    worker.env("CARGO_TARGET_DIR", context.target.join("worker"));
    shell::run(worker.args(["clippy", "--locked", "--manifest-path", WORKER_MANIFEST]).args(strict))
}

pub(super) fn unit(context: &Context, args: &[String]) -> Result<(), Failure> {
    tools::moto(context)?;
    // A property test that fails must not leave a file in a tree that CI throws away: it prints the case.
    shell::run(nextest(context, "default")?.args(args))
}

/// Runs the tests that a profile of `.config/nextest.toml` chooses.
pub(super) fn nextest(context: &Context, profile: &str) -> Result<Command, Failure> {
    let mut command = Command::new(tools::nextest(context)?);
    command.current_dir(&context.root).args(["nextest", "run", "--workspace", "--profile", profile]);
    Ok(command)
}

pub(super) fn doc(context: &Context, _: &[String]) -> Result<(), Failure> {
    // One block of lines per crate, most of them about no tests.
    shell::run_quietly(context.cargo().args(["test", "--doc", "--workspace"]))?;
    let mut rustdoc = context.cargo();
    rustdoc.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--quiet", "--workspace", "--no-deps", "--lib"]);
    shell::run(&mut rustdoc)
}

pub(super) fn deny(context: &Context, _: &[String]) -> Result<(), Failure> {
    let program = tools::deny(context)?;
    let deny = || {
        let mut command = Command::new(&program);
        command.current_dir(&context.root).args(["--log-level", "error", "--all-features"]);
        command
    };
    for manifest in ["Cargo.toml", WORKER_MANIFEST] {
        shell::run(deny().args(["--manifest-path", manifest, "check", "licenses", "bans", "sources"]))?;
    }
    if !shell::succeeds(deny().args(["fetch", "db"])) {
        println!("   the advisory database cannot be fetched from here: advisories were not checked");
        return Ok(());
    }
    shell::run(deny().args(["check", "advisories"]))
}
