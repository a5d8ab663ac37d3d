//! Makes the usual workloads from the registries of npm and cargo, by the lockfiles in `benches/workloads`.
//!
//! What is finished is kept. Nothing of an npm package is run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{SOURCES, Workload};
use crate::Failure;
use crate::files::{copy, empty};
use crate::measure::quietly;
use crate::plan;
use crate::tools::{Need, Tools, root};

/// Every workload that can be made.
pub(crate) const NAMES: [&str; 4] = ["node", "pnpm", "rust", SOURCES];
/// The package manager that one of them is made by.
pub(crate) const PNPM: Need = Need::Npm("pnpm", "pnpm@10");

/// The upgrade between the two states of the npm trees.
const UPGRADE: [&str; 3] = ["typescript@5.9.3", "eslint@10.15.0", "date-fns@4.4.0"];

pub(super) fn workload(name: &str, dir: &Path, tools: &Tools) -> Result<Workload, Failure> {
    let made = dir.join(name);
    let found = |first: &str, next: Option<&str>, beside: Option<&str>| {
        let at = |path: &str| made.join(path);
        Workload { name: name.to_owned(), first: at(first), next: next.map(at), beside: beside.map(at) }
    };
    let tree = "node_modules";
    match name {
        "node" => {
            once(&made, |dir| node(dir, tools))?;
            Ok(found(&format!("a/{tree}"), Some(&format!("b/{tree}")), None))
        }
        "pnpm" => {
            once(&made, |dir| pnpm(dir, tools))?;
            Ok(found(&format!("a/{tree}"), Some(&format!("b/{tree}")), Some("store")))
        }
        "rust" => {
            once(&made, rust)?;
            Ok(found("a", Some("b"), None))
        }
        SOURCES => {
            let registry = workload("rust", dir, tools)?.first.join("registry/src");
            once(&made, |dir| sources(dir, &registry))?;
            Ok(found("a", None, None))
        }
        _ => Err(format!("there is no workload called {name}: give it as {name}=DIR").into()),
    }
}

/// Makes what is to be in `dir`, unless it is there; what was cut off is made again.
///
/// It is made in its place, since pnpm and cargo write down where they were.
fn once(dir: &Path, make: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<(), Failure> {
    let finished = dir.join("finished");
    if !finished.exists() {
        eprintln!("making {}", dir.display());
        empty(dir)?;
        make(dir)?;
        fs::write(finished, "")?;
    }
    Ok(())
}

/// A new directory with files of `benches/workloads/NAME`.
fn project(name: &str, files: &[&str], dir: &Path) -> Result<(), Failure> {
    fs::create_dir(dir)?;
    for file in files {
        let from = root().join("benches/workloads").join(name).join(file);
        fs::copy(&from, dir.join(file)).map_err(|error| format!("{}: {error}", from.display()))?;
    }
    Ok(())
}

/// A directory in two states, of which the second is made from a copy of the first, at the place of the first: absolute
/// paths in it stay what they are.
fn two_states(dir: &Path, next: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<(), Failure> {
    let (first, second, kept) = (dir.join("a"), dir.join("b"), dir.join("kept"));
    copy(&[&first], &kept)?;
    next(&first)?;
    fs::rename(&first, &second)?;
    Ok(fs::rename(&kept, &first)?)
}

fn node(dir: &Path, tools: &Tools) -> Result<(), Failure> {
    let npm = |dir: &Path| -> Result<Command, Failure> {
        let mut npm = Command::new("npm");
        npm.env("PATH", tools.path()?).current_dir(dir).args([
            "install",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ]);
        npm.args(["--legacy-peer-deps", "--loglevel=error"]);
        Ok(npm)
    };
    let first = dir.join("a");
    project("node", &["package.json", "package-lock.json"], &first)?;
    // Not `npm ci`: the lockfile names the platforms that its registry had, and `ci` insists on all of them.
    quietly(&mut npm(&first)?)?;
    two_states(dir, |dir| quietly(npm(dir)?.arg("--save-exact").args(UPGRADE)))
}

fn pnpm(dir: &Path, tools: &Tools) -> Result<(), Failure> {
    let store = dir.join("store");
    let pnpm = |dir: &Path, command: &str| -> Result<Command, Failure> {
        let mut pnpm = Command::new("pnpm");
        pnpm.env("PATH", tools.path()?).env("CI", "true").current_dir(dir).arg(command).arg("--store-dir").arg(&store);
        pnpm.args(["--ignore-scripts", "--reporter=silent", "--config.strict-peer-dependencies=false"]);
        pnpm.arg("--package-import-method=hardlink");
        Ok(pnpm)
    };
    let first = dir.join("a");
    project("node", &["package.json", "pnpm-lock.yaml"], &first)?;
    quietly(pnpm(&first, "install")?.arg("--frozen-lockfile"))?;
    let (kept, second) = (dir.join("kept"), dir.join("b"));
    // The second state is installed anew: a copy would share no file with the store.
    fs::rename(&first, &kept)?;
    project("node", &["package.json", "pnpm-lock.yaml"], &first)?;
    quietly(pnpm(&first, "install")?.arg("--frozen-lockfile"))?;
    quietly(pnpm(&first, "add")?.arg("--save-exact").args(UPGRADE))?;
    fs::rename(&first, &second)?;
    Ok(fs::rename(&kept, &first)?)
}

/// A build directory, debug and release, with the part of cargo's home that it was built from.
fn rust(dir: &Path) -> Result<(), Failure> {
    let (live, home) = (dir.join("live"), dir.join("cargo-home"));
    copy(&[&root().join("benches/workloads/rust")], &live)?;
    fs::create_dir(&home)?;
    // Where crates come from is the user's choice.
    let user = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let user = user.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    if let Some(config) = user.map(|home| home.join("config.toml")).filter(|config| config.exists()) {
        fs::copy(config, home.join("config.toml"))?;
    }
    let build = || {
        for profile in ["dev", "release"] {
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.env("CARGO_HOME", &home).env_remove("CARGO_TARGET_DIR").current_dir(&live);
            quietly(cargo.args(["build", "--quiet", "--locked", "--profile", profile]))?;
        }
        Ok::<_, Failure>(())
    };
    let keep = |state: &str| {
        fs::create_dir(dir.join(state))?;
        copy(&[&live.join("target"), &home.join("registry")], &dir.join(state))
    };
    build()?;
    keep("a")?;
    let source = live.join("net/src/lib.rs");
    let text = fs::read_to_string(&source)?;
    fs::write(&source, format!("{text}\n/// Makes the second state.\npub fn edited() {{}}\n"))?;
    build()?;
    keep("b")?;
    empty(&live)
}

/// The sources of every crate that the rust workload uses, as one repository.
fn sources(dir: &Path, registry: &Path) -> Result<(), Failure> {
    copy(&[registry], &dir.join("a"))?;
    plan::ready(&dir.join("a"))
}
