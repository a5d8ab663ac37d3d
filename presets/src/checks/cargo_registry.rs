//! Cargo's registry: an archive below `cache/` for each registry package of Cargo.lock.

use std::collections::BTreeSet;
use std::path::Path;

use super::proof::{Proof, load_lockfile};
use crate::lockfiles::cargo::{archive, is_from_registry, packages};

pub(super) fn prove(tree: &Path, lockfile: &Path) -> Result<(), Proof> {
    let packages = load_lockfile(lockfile, packages)?;
    let wanted: Vec<_> = packages.iter().filter(|package| is_from_registry(package)).map(archive).collect();
    let present = archives(tree);
    let mut missing = wanted.iter().filter(|archive| !present.contains(*archive));
    let Some(first) = missing.next() else { return Ok(()) };
    let count = 1 + missing.count();
    if count == wanted.len() {
        return Err(Proof::not_current(format!("none of the {count} locked archives is there")));
    }
    // Cargo.lock is for all platforms, and cargo downloads what this one needs.
    let why = format!("{count} of {} locked archives are not there, such as {first}", wanted.len());
    Err(Proof::unknown(format!("{why}; other platforms may need them, or nothing does")))
}

/// The file names below `cache`, whichever the registry.
fn archives(tree: &Path) -> BTreeSet<String> {
    let registries = std::fs::read_dir(tree.join("cache")).into_iter().flatten().flatten();
    let files = registries.filter_map(|registry| std::fs::read_dir(registry.path()).ok()).flatten().flatten();
    files.filter_map(|file| file.file_name().into_string().ok()).collect()
}
