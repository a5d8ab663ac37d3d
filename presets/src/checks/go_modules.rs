//! Go's module cache: an archive for each module of go.sum.

use std::path::Path;

use super::proof::{Proof, load_lockfile};
use crate::lockfiles::go::{is_downloaded, sums};
use crate::shared::go::escaped;

pub(super) fn prove(tree: &Path, lockfile: &Path) -> Result<(), Proof> {
    if lockfile.file_name().is_some_and(|name| name == "go.mod") {
        // What it requires, and more, is in go.sum; without that, nothing is downloaded.
        return Ok(());
    }
    let packages = load_lockfile(lockfile, sums)?;
    let wanted: Vec<_> = packages.iter().filter(|package| is_downloaded(package)).collect();
    let archive =
        |name: &str, version: &str| tree.join(format!("cache/download/{}/@v/{}.zip", escaped(name), escaped(version)));
    let mut missing = wanted.iter().filter(|package| !archive(&package.name, &package.version).is_file());
    let Some(first) = missing.next() else { return Ok(()) };
    let count = 1 + missing.count();
    if count == wanted.len() {
        return Err(Proof::not_current(format!("none of the {count} locked modules is there")));
    }
    let why =
        format!("{count} of {} locked modules are not there, such as {} {}", wanted.len(), first.name, first.version);
    Err(Proof::unknown(format!("{why}; go downloads only what is built")))
}
