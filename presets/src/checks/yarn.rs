//! Yarn since version 2: yarn.lock against `node_modules/.yarn-state.yml`, which the linker writes when an install ends, and
//! against the archives of a cache.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::proof::{Differences, Proof, load, load_lockfile};
use crate::lockfiles::LockfileError;
use crate::lockfiles::pnpm::options;
use crate::lockfiles::yarn::{Berry, BerryEntry, berry, packages};
use crate::shared::yarn::{archive, slug};

/// Where one package was put.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Installed {
    /// Directories, relative to the lockfile.
    locations: Vec<String>,
}

type State = BTreeMap<String, Installed>;

pub(super) fn prove(tree: &Path, lockfile: &Path) -> Result<(), Proof> {
    let project = lockfile.parent().unwrap_or(Path::new(""));
    let lock = load_lockfile(lockfile, berry)?;
    if lock.values().all(BerryEntry::is_member) && !tree.exists() {
        return Ok(());
    }
    let record = project.join("node_modules/.yarn-state.yml");
    let mut state = load(&record, state)?
        .ok_or_else(|| Proof::not_current(format!("{} is missing: no install ended", record.display())))?;
    state.remove("__metadata");
    compare(&lock, &state)?;
    look(project, tree, &state)
}

fn state(text: &str) -> Result<State, LockfileError> {
    serde_saphyr::from_str_with_options(text, options()).map_err(LockfileError::malformed)
}

/// Compares by name and version: a package that Yarn patches is locked twice, and only the patched one is installed.
fn compare(lock: &Berry, state: &State) -> Result<(), Proof> {
    let by_locator: BTreeMap<_, _> = lock.values().map(|entry| (entry.resolution.as_str(), entry)).collect();
    let mut differences = Differences::default();
    let mut installed = BTreeSet::new();
    for locator in state.keys() {
        match by_locator.get(without_virtual(locator).as_str()) {
            Some(entry) => _ = installed.insert(identity(entry)),
            None => differences.add(|| format!("{locator} is installed but not locked")),
        }
    }
    let (required, complete) = required(lock);
    for (name, version) in required.difference(&installed) {
        differences.add(|| format!("{name} {version} is locked but not installed"));
    }
    differences.into_result()?;
    let all: BTreeSet<_> = lock.values().map(identity).collect();
    match all.difference(&installed).next() {
        Some((name, version)) if !complete => {
            Err(Proof::unknown(format!("{name} {version} is not installed, and who needs it is not known")))
        }
        _ => Ok(()),
    }
}

fn identity(entry: &BerryEntry) -> (&str, &str) {
    (entry.name(), &entry.version)
}

/// `name@virtual:<digest>#npm:1.0.0` is one of several installations of `name@npm:1.0.0`.
fn without_virtual(locator: &str) -> String {
    match locator.split_once("@virtual:").and_then(|(name, rest)| Some((name, rest.split_once('#')?.1))) {
        Some((name, reference)) => format!("{name}@{reference}"),
        None => locator.to_owned(),
    }
}

/// What is needed on every platform, and whether each dependency was found in the lockfile.
fn required(lock: &Berry) -> (BTreeSet<(&str, &str)>, bool) {
    let by_request: BTreeMap<&str, &BerryEntry> =
        lock.iter().flat_map(|(requests, entry)| requests.split(", ").map(move |request| (request, entry))).collect();
    let mut waiting: Vec<&BerryEntry> = lock.values().filter(|entry| entry.is_member()).collect();
    let (mut seen, mut required, mut complete) = (BTreeSet::new(), BTreeSet::new(), true);
    while let Some(entry) = waiting.pop() {
        if entry.conditions.is_some() || !seen.insert(&entry.resolution) {
            continue;
        }
        if !entry.is_member() {
            required.insert(identity(entry));
        }
        for (name, range) in &entry.dependencies {
            match by_request.get(format!("{name}@{range}").as_str()) {
                Some(needed) => waiting.push(needed),
                None => complete = false,
            }
        }
    }
    (required, complete)
}

/// Looks that what was put into this tree is there.
fn look(project: &Path, tree: &Path, state: &State) -> Result<(), Proof> {
    let mut differences = Differences::default();
    for location in state.values().flat_map(|installed| &installed.locations) {
        let place = project.join(location);
        if place.starts_with(tree) && place.symlink_metadata().is_err() {
            differences.add(|| format!("{location} was installed but is gone"));
        }
    }
    differences.into_result()
}

/// Looks that the cache has an archive for each package.
pub(super) fn prove_cache(tree: &Path, lockfile: &Path) -> Result<(), Proof> {
    let wanted: BTreeSet<String> =
        load_lockfile(lockfile, packages)?.iter().filter(|package| package.integrity.is_some()).map(slug).collect();
    let present: BTreeSet<String> = std::fs::read_dir(tree)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| archive(entry.file_name().to_str()?).map(str::to_owned))
        .collect();
    let mut missing = wanted.difference(&present);
    let Some(first) = missing.next() else { return Ok(()) };
    let count = 1 + missing.count();
    if count == wanted.len() {
        return Err(Proof::not_current(format!("none of the {count} locked archives is there")));
    }
    let why = format!("{count} of {} locked archives are not there, such as {first}", wanted.len());
    Err(Proof::unknown(format!("{why}; other platforms may need them")))
}
