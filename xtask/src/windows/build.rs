//! The toolchain, and what it makes.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::context::Context;
use crate::shell::{self, Failure};
use crate::steps::wasm;
use crate::tools;

const TARGET: &str = "x86_64-pc-windows-gnu";
const COMPILER: &str = "x86_64-w64-mingw32-gcc";
/// Debian's packages of compiler and Wine.
const PACKAGES: [&str; 2] = ["gcc-mingw-w64-x86-64-posix", "wine64"];
/// Where Wine is: Debian's package of the 64-bit part alone puts it on no `PATH`.
const WINE: [&str; 3] = ["wine64", "/usr/lib/wine/wine64", "wine"];

/// What Rust's standard library asks for and older Wines do not have.
const PRNG: &str = "bcryptprimitives.dll";

/// Builds the program.
pub(super) fn build(context: &Context) -> Result<PathBuf, Failure> {
    install()?;
    shell::run(cargo(context)?.args(["build", "--quiet", "--locked", "--package", "sci", "--bin", "sci"]))?;
    Ok(directory(context).join(TARGET).join("debug/sci.exe"))
}

/// The Wine that is there.
pub(super) fn wine() -> Result<&'static str, Failure> {
    let found = WINE.into_iter().find(|wine| shell::succeeds(Command::new(wine).arg("--version")));
    found.ok_or_else(|| "there is no wine64".into())
}

/// Puts the program into a directory, and what it needs beside it.
pub(super) fn place(context: &Context, sci: &Path, directory: &Path) -> Result<(), Failure> {
    std::fs::copy(sci, directory.join("sci.exe"))?;
    let mut library = Command::new(COMPILER);
    library.args(["-O1", "-shared", "-o"]).arg(directory.join(PRNG));
    shell::run(library.arg(context.root.join("xtask/src/windows/prng.c")).arg("-ladvapi32"))
}

fn install() -> Result<(), Failure> {
    if shell::succeeds(Command::new(COMPILER).arg("--version")) && wine().is_ok() {
        return Ok(());
    }
    tools::apt(&PACKAGES).map_err(|error| format!("{} are needed ({error})", PACKAGES.join(" and ")).into())
}

/// A cargo that builds for the target, without what only a debugger needs.
fn cargo(context: &Context) -> Result<Command, Failure> {
    let mut command = wasm::cargo_for(context, TARGET, "std,panic_unwind")?;
    command.env("CARGO_TARGET_DIR", directory(context)).env("CARGO_BUILD_TARGET", TARGET);
    command.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "0");
    Ok(command)
}

/// Apart from that of the step `elsewhere`, whose C compiler makes empty files.
fn directory(context: &Context) -> PathBuf {
    context.target.join("windows")
}
