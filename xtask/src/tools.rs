//! The programs that the steps need beyond Rust and Node. What is missing is installed under `target/tools`; what the user
//! already has is used as it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::context::Context;
use crate::shell::{self, Failure};

/// The pnpm that the scenarios use: pinned, since its layout is what they check.
const PNPM: &str = "12.21.0";

/// The wasm-bindgen of `worker/Cargo.lock`.
const WASM_BINDGEN: &str = "0.2.130";

/// The runner of the unit tests and of the scenarios.
pub(crate) fn nextest(context: &Context) -> Result<PathBuf, Failure> {
    // Without the default features: a test runner that updates itself is of no use here, and takes twice as long to build.
    cargo_tool(context, "cargo-nextest", &["--no-default-features", "--features", "default-no-update"])
}

/// The checker of licences and sources.
pub(crate) fn deny(context: &Context) -> Result<PathBuf, Failure> {
    cargo_tool(context, "cargo-deny", &[])
}

/// The builder of the fuzz targets.
pub(crate) fn fuzz(context: &Context) -> Result<PathBuf, Failure> {
    cargo_tool(context, "cargo-fuzz", &[])
}

/// The maker of the Worker's JavaScript, which must be of the version of its library.
pub(crate) fn wasm_bindgen(context: &Context) -> Result<PathBuf, Failure> {
    let tools = context.tools();
    let program = tools.join("bin/wasm-bindgen").with_extension(std::env::consts::EXE_EXTENSION);
    let is_wanted = |text: String| text.trim().ends_with(WASM_BINDGEN);
    if program.exists() && is_wanted(shell::output(Command::new(&program).arg("--version"))?) {
        return Ok(program);
    }
    println!("   installing wasm-bindgen {WASM_BINDGEN} into {}", tools.display());
    let mut install = context.cargo();
    install
        .args(["install", "--quiet", "--force", "wasm-bindgen-cli", "--version", WASM_BINDGEN, "--root"])
        .arg(&tools);
    built(install, &tools)?;
    Ok(program)
}

/// Installs what runs the Worker on this machine, as `worker/local` pins it.
pub(crate) fn worker_local(context: &Context) -> Result<(), Failure> {
    pinned(context, "miniflare", "worker/local", "worker")
}

/// Installs what the scenarios deploy the Worker with, as `e2e/cloudflare` pins it.
pub(crate) fn wrangler(context: &Context) -> Result<(), Failure> {
    pinned(context, "wrangler", "e2e/cloudflare", "cloudflare")
}

/// Installs the tools that the scenarios run beside npm, pnpm and cargo, as `e2e/ecosystems` pins them.
pub(crate) fn ecosystems(context: &Context) -> Result<(), Failure> {
    pinned(context, "the tools of Node", "e2e/ecosystems", "ecosystems")?;
    python(context, "uv and Poetry", "e2e/ecosystems/requirements.txt", "python")?;
    // Its own version is asked for by a word, and not by a flag as that of the others.
    if !shell::succeeds(Command::new("go").arg("version")) {
        apt(&["golang-go"]).map_err(|error| format!("go is missing ({error}): install it"))?;
    }
    for (program, package) in [
        ("bundle", "bundler"),
        ("composer", "composer"),
        ("ccache", "ccache"),
        ("sccache", "sccache"),
        ("javac", "default-jdk-headless"),
        ("mvn", "maven"),
        ("gradle", "gradle"),
    ] {
        debian(program, package)?;
    }
    Ok(())
}

/// Installs into `prefix` below the tools what the lock file in `directory` pins.
fn pinned(context: &Context, what: &str, directory: &str, prefix: &str) -> Result<(), Failure> {
    let (pinned, prefix) = (context.root.join(directory), context.tools().join(prefix));
    let wanted = std::fs::read(pinned.join("package-lock.json"))?;
    // Written last: an installation that was cut off is made anew.
    let installed = prefix.join("installed.json");
    if std::fs::read(&installed).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    println!("   installing {what} into {}", prefix.display());
    std::fs::create_dir_all(&prefix)?;
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(pinned.join(name), prefix.join(name))?;
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&prefix);
    shell::run_quietly(&mut install)?;
    Ok(std::fs::write(installed, wanted)?)
}

fn cargo_tool(context: &Context, name: &str, features: &[&str]) -> Result<PathBuf, Failure> {
    if shell::succeeds(Command::new(name).arg("--version")) {
        return Ok(name.into());
    }
    let tools = context.tools();
    let program = tools.join("bin").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    if !program.exists() {
        println!("   installing {name} into {}", tools.display());
        let mut install = context.cargo();
        install.args(["install", "--locked", "--quiet", name, "--root"]).arg(&tools).args(features);
        built(install, &tools)?;
    }
    Ok(program)
}

/// Builds what `install` names: each of them works for seconds, and would take minutes more to be built to be fast.
/// Dependencies that two tools share are built once.
fn built(mut install: Command, tools: &Path) -> Result<(), Failure> {
    install.env("CARGO_PROFILE_DEV_DEBUG", "none").args(["--profile", "dev"]);
    shell::run(install.arg("--target-dir").arg(tools.join("build")))
}

/// The directory that holds a `pnpm` program, to be put on `PATH`.
pub(crate) fn pnpm(context: &Context) -> Result<PathBuf, Failure> {
    let prefix = context.tools().join("npm");
    let bin = prefix.join("node_modules").join(".bin");
    let manifest = prefix.join("node_modules/pnpm/package.json");
    let installed =
        std::fs::read_to_string(manifest).is_ok_and(|text| text.contains(&format!("\"version\": \"{PNPM}\"")));
    if !installed {
        println!("   installing pnpm {PNPM} into {}", prefix.display());
        std::fs::create_dir_all(&prefix)?;
        let mut install = Command::new("npm");
        install.args(["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(&prefix);
        shell::run(install.arg(format!("pnpm@{PNPM}")).current_dir(&prefix))?;
    }
    Ok(bin)
}

/// Installs the server of buckets that the tests of `store/s3` start: they look for it where it is put here.
pub(crate) fn moto(context: &Context) -> Result<(), Failure> {
    python(context, "moto", "xtask/moto/requirements.txt", "moto")
}

/// Installs into an environment of the name `prefix` below the tools what the requirements file pins.
fn python(context: &Context, what: &str, requirements: &str, prefix: &str) -> Result<(), Failure> {
    let requirements = context.root.join(requirements);
    let (venv, wanted) = (context.tools().join(prefix), std::fs::read(&requirements)?);
    // Written last: an installation that was cut off is made anew.
    let installed = venv.join("installed.txt");
    if std::fs::read(&installed).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    println!("   installing {what} into {}", venv.display());
    let missing = format!("python3 with its module venv is needed for {what}");
    shell::run_quietly(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))
        .map_err(|error| format!("{error}: {missing}"))?;
    let mut install = Command::new(venv.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"]);
    shell::run_quietly(install.arg("--requirement").arg(&requirements))?;
    Ok(std::fs::write(installed, wanted)?)
}

/// Makes `program` available, from the Debian package of `package` where this user may install it.
///
/// # Errors
/// Names the package when it is missing and cannot be installed.
pub(crate) fn debian(program: &str, package: &str) -> Result<(), Failure> {
    if shell::succeeds(Command::new(program).arg("--version")) {
        return Ok(());
    }
    apt(&[package]).map_err(|error| {
        format!("{program} is missing ({error}): install it, for example the package `{package}`").into()
    })
}

/// Installs Debian packages.
pub(crate) fn apt(packages: &[&str]) -> Result<(), Failure> {
    if !shell::succeeds(Command::new("id").arg("-u")) || shell::output(Command::new("id").arg("-u"))?.trim() != "0" {
        return Err("not root".into());
    }
    println!("   installing {}", packages.join(", "));
    shell::run(Command::new("apt-get").args(["update", "-qq"]))?;
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive").args(["install", "-y", "-qq", "--no-install-recommends"]);
    shell::run(install.args(packages))
}
