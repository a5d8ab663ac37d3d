//! The GitHub Action: its types hold, GitHub would take its definition and the workflows, and what is checked in is what its
//! source makes.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::context::Context;
use crate::files;
use crate::shell::{self, Failure};

/// What the bundle is made of, below `action/`.
const SOURCES: [&str; 5] = ["package.json", "package-lock.json", "tsconfig.json", "src", "lint.ts"];
/// Where workflows are: this repository's own, and those that tests see `sci init --workflow` write.
const WORKFLOWS: [&str; 2] = [".github/workflows", "cli/tests/it/workflows"];

/// Bundles it anew and compares; `--write` checks the result in.
pub(super) fn run(context: &Context, args: &[String]) -> Result<(), Failure> {
    let (action, scratch) = (context.root.join("action"), context.target.join("action"));
    fs::create_dir_all(&scratch)?;
    for name in SOURCES {
        let to = scratch.join(name);
        if to.is_dir() {
            fs::remove_dir_all(&to)?;
        }
        files::copy(&action.join(name), &to)?;
    }
    let npm = |args: &[&str]| shell::run_quietly(Command::new("npm").args(args).current_dir(&scratch));
    npm(&["ci", "--no-audit", "--no-fund", "--loglevel=error"])?;
    npm(&["run", "check"])?;
    npm(&["run", "lint"])?;
    lint(context, &scratch.join("lint.cjs"))?;
    let (made, kept) = (scratch.join("dist"), action.join("dist"));
    if made.exists() {
        fs::remove_dir_all(&made)?;
    }
    npm(&["run", "bundle"])?;
    if args.iter().any(|arg| arg == "--write") {
        fs::remove_dir_all(&kept)?;
        return files::copy(&made, &kept);
    }
    if contents(&made)? == contents(&kept)? {
        return Ok(());
    }
    Err("action/dist is not what action/src makes: `cargo xtask action --write`".into())
}

/// Has GitHub's own parser read the definition of the action and every workflow.
fn lint(context: &Context, program: &Path) -> Result<(), Failure> {
    let mut command = Command::new("node");
    command.current_dir(&context.root).arg(program).arg("action/action.yml");
    for directory in WORKFLOWS {
        for (name, _) in contents(&context.root.join(directory))? {
            command.arg(Path::new(directory).join(name));
        }
    }
    shell::run_quietly(&mut command)
}

/// Names and contents of a directory's files, in the order of names.
fn contents(directory: &Path) -> Result<Vec<(std::ffi::OsString, Vec<u8>)>, Failure> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        files.push((entry.file_name(), fs::read(entry.path())?));
    }
    files.sort();
    Ok(files)
}
