//! The pure crates build for wasm32: the service that runs embedded is the one that runs as a Worker.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::context::Context;
use crate::shell::{self, Failure};
use crate::tools;

pub(super) const TARGET: &str = "wasm32-unknown-unknown";
const PURE: [&str; 3] = ["sci-hasher", "sci-store-api", "sci-service"];
/// Debian's rustc for the web: a current compiler with the sources of std, from which the wasm32 std is built.
const DEBIAN: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

pub(super) fn run(context: &Context, args: &[String]) -> Result<(), Failure> {
    let from_source = args.iter().any(|arg| arg == "--from-source");
    let mut command =
        if !from_source && has_target(TARGET) { context.cargo() } else { debian_cargo(context, "std,panic_abort")? };
    command.args(["build", "--quiet", "--lib", "--target", TARGET, "--no-default-features"]);
    for name in PURE {
        command.args(["--package", name]);
    }
    shell::run(&mut command)?;
    println!("   {} build for {TARGET}", PURE.join(", "));
    Ok(())
}

/// Whether the toolchain in use has the target, or rustup can add it.
fn has_target(target: &str) -> bool {
    shell::succeeds(Command::new("rustup").args(["target", "add", target]))
}

/// A cargo that can build for `target`: with its std where rustup has it, else with one from source.
pub(crate) fn cargo_for(context: &Context, target: &str, std: &str) -> Result<Command, Failure> {
    if has_target(target) { Ok(context.cargo()) } else { std_from_source(context, std) }
}

/// A cargo that builds these crates of std from source: the one in use where rustup has the sources, else Debian's.
pub(super) fn std_from_source(context: &Context, std: &str) -> Result<Command, Failure> {
    if !shell::succeeds(Command::new("rustup").args(["component", "add", "rust-src"])) {
        return debian_cargo(context, std);
    }
    let mut command = context.cargo();
    command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_UNSTABLE_BUILD_STD", std);
    Ok(command)
}

/// Debian's cargo, set up to build these crates of std from source.
fn debian_cargo(context: &Context, std: &str) -> Result<Command, Failure> {
    let (cargo, rustc) = (Path::new("/usr/bin/cargo"), Path::new("/usr/bin/rustc"));
    if !(cargo.exists() && rustc.exists() && Path::new("/usr/lib/rustlib/src/rust/library/std").exists()) {
        println!("   rustup has no {TARGET} here: using Debian's compiler, which builds std from source");
        tools::apt(&DEBIAN)?;
    }
    let mut command = Command::new(cargo);
    command.current_dir(&context.root);
    command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_UNSTABLE_BUILD_STD", std).env("RUSTC", rustc);
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    // Another compiler's artefacts: they stay apart, so that neither build invalidates the other.
    command.env("CARGO_TARGET_DIR", context.target.join("wasm-from-source"));
    if let Some(linker) = linker_dir() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let dirs = std::iter::once(linker).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(dirs)?);
    }
    Ok(command)
}

/// Where the rustup toolchain keeps `rust-lld`, which Debian's compiler looks for on `PATH`.
fn linker_dir() -> Option<PathBuf> {
    let sysroot = shell::output(Command::new("rustc").args(["--print", "sysroot"])).ok()?;
    let dir = Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(format!("{}-unknown-linux-gnu", std::env::consts::ARCH))
        .join("bin");
    dir.exists().then_some(dir)
}
