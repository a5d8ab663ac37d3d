//! A real cargo workspace, put together from published crates, and what cargo says when it builds it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Machine;
use crate::machine::{finish, shared_dir};

/// ripgrep and the libraries of its repository, as published.
const CRATES: [(&str, &str); 9] = [
    ("globset", "0.4.21"),
    ("grep", "0.4.1"),
    ("grep-cli", "0.1.12"),
    ("grep-matcher", "0.1.9"),
    ("grep-printer", "0.3.1"),
    ("grep-regex", "0.1.14"),
    ("grep-searcher", "0.1.17"),
    ("ignore", "0.4.34"),
    ("ripgrep", "15.2.0"),
];

/// What publishing adds to a crate's sources.
const PUBLISHED: [&str; 4] = [".cargo-checksum.json", ".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml.orig"];

/// A git repository of ripgrep as one cargo workspace, made once and then only cloned.
pub fn ripgrep() -> PathBuf {
    let repository = shared_dir().join("ripgrep.git");
    if !repository.exists() {
        let machine = Machine::new();
        assemble(&machine);
        git(&machine, &["init", "--quiet", "--initial-branch=main"]);
        commit(&machine, "ripgrep");
        let fresh = machine.dir().join("bare");
        finish(machine.command("git").args(["clone", "--quiet", "--bare", "."]).arg(&fresh)).success();
        // Another scenario may have been faster, with the same result.
        let _ = fs::rename(fresh, &repository);
    }
    repository
}

/// Clones `origin` into the workspace of `machine`, which is removed first: a fresh checkout in the same place.
pub fn clone(machine: &Machine, origin: &Path) {
    fs::remove_dir_all(machine.workspace()).unwrap();
    let mut git = machine.command("git");
    git.current_dir(machine.dir()).args(["clone", "--quiet"]).arg(origin).arg(machine.workspace());
    finish(&mut git).success();
}

/// Commits everything in the workspace.
pub fn commit(machine: &Machine, message: &str) {
    git(machine, &["add", "--all"]);
    git(machine, &["commit", "--quiet", "--message", message]);
}

fn git(machine: &Machine, args: &[&str]) {
    let identity = ["-c", "user.name=e2e", "-c", "user.email=e2e@localhost", "-c", "commit.gpgsign=false"];
    finish(machine.command("git").args(identity).args(args)).success();
}

/// Lays the crates' sources into the workspace, each depending on the others by path.
fn assemble(machine: &Machine) {
    let list = |line: &dyn Fn(&str, &str) -> String| CRATES.map(|(name, version)| line(name, version)).concat();
    let pinned = list(&|name, version| format!("{name} = \"={version}\"\n"));
    let package = "[package]\nname = \"sources\"\nversion = \"0.0.0\"\nedition = \"2024\"\n";
    machine.write("vendoring/Cargo.toml", format!("{package}\n[workspace]\n\n[dependencies]\n{pinned}"));
    machine.write("vendoring/src/lib.rs", "");
    let mut vendor = machine.command("cargo");
    finish(vendor.current_dir(machine.path("vendoring")).args(["vendor", "--quiet", "--versioned-dirs", "sources"]))
        .success();
    for (name, version) in CRATES {
        let target = machine.path(&format!("crates/{name}"));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::rename(machine.path(&format!("vendoring/sources/{name}-{version}")), &target).unwrap();
        for file in PUBLISHED {
            let _ = fs::remove_file(target.join(file));
        }
    }
    machine.remove("vendoring");
    let patches = list(&|name, _| format!("{name} = {{ path = \"crates/{name}\" }}\n"))
        .replace("ripgrep = { path = \"crates/ripgrep\" }\n", "");
    machine.write(
        "Cargo.toml",
        format!("[workspace]\nresolver = \"2\"\nmembers = [\"crates/*\"]\n\n[patch.crates-io]\n{patches}\n[profile.dev]\ndebug = 0\n"),
    );
    machine.write(".gitignore", "/target\n");
    machine.write("sci.toml", "presets = [\"cargo\"]\n");
    machine.run("cargo", &["generate-lockfile", "--quiet"]).success();
}

/// The crates that cargo's output (with `-v`) says were compiled or checked.
pub fn compiled(output: &str) -> BTreeSet<String> {
    said(output, &["Compiling", "Checking"])
}

/// The crates that cargo's output (with `-v`) says were fresh.
pub fn fresh(output: &str) -> BTreeSet<String> {
    said(output, &["Fresh"])
}

fn said(output: &str, words: &[&str]) -> BTreeSet<String> {
    let lines = output.lines().filter_map(|line| line.trim_start().split_once(' '));
    let named = lines.filter(|(word, _)| words.contains(word)).filter_map(|(_, rest)| rest.split_whitespace().next());
    named.map(str::to_owned).collect()
}
