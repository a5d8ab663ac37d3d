//! Bundler: Gemfile.lock against the specification that each installed gem leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::proof::{Proof, load_lockfile};
use crate::lockfiles::bundler::packages;

pub(super) fn prove(tree: &Path, lockfile: &Path) -> Result<(), Proof> {
    let packages = load_lockfile(lockfile, packages)?;
    // A gem that is locked for several platforms is installed for one of them. Those of git repositories leave no specification.
    let mut locked: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for package in packages.iter().filter(|package| package.source.is_none()) {
        locked.entry(&package.name).or_default().insert(format!("{}-{}", package.name, package.version));
    }
    let installed = installed(tree);
    let missing: Vec<_> =
        locked.iter().filter(|(_, gems)| gems.is_disjoint(&installed)).map(|(name, _)| *name).collect();
    let Some(first) = missing.first() else {
        let known: BTreeSet<_> = locked.values().flatten().collect();
        return match installed.iter().find(|gem| !known.contains(gem)) {
            Some(gem) => Err(Proof::unknown(format!("{gem} is installed but not locked"))),
            None => Ok(()),
        };
    };
    if missing.len() == locked.len() {
        return Err(Proof::not_current(format!("none of the {} locked gems is installed", missing.len())));
    }
    let why = format!("{} of {} locked gems are not installed, such as {first}", missing.len(), locked.len());
    Err(Proof::unknown(format!("{why}; other groups may need them")))
}

/// Names with versions, for whichever Ruby.
fn installed(tree: &Path) -> BTreeSet<String> {
    let rubies = std::fs::read_dir(tree.join("ruby")).into_iter().flatten().flatten();
    let files =
        rubies.filter_map(|ruby| std::fs::read_dir(ruby.path().join("specifications")).ok()).flatten().flatten();
    files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".gemspec")?.to_owned())).collect()
}
