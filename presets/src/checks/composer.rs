//! Composer: composer.lock against `vendor/composer/installed.json`, which Composer 2 writes when an install ends.

use std::path::Path;

use super::proof::{Differences, Proof, load, load_lockfile};
use crate::lockfiles::composer::{packages, parse};

pub(super) fn prove(tree: &Path, lockfile: &Path) -> Result<(), Proof> {
    let locked = load_lockfile(lockfile, packages)?;
    let record = tree.join("composer/installed.json");
    let installed = load(&record, parse)?
        .ok_or_else(|| Proof::not_current(format!("{} is missing: no install ended", record.display())))?;
    if !installed.dev {
        return Err(Proof::unknown("composer was told to leave out what only development needs"));
    }
    let installed = installed.into_packages();
    let mut differences = Differences::default();
    for package in locked.difference(&installed) {
        differences.add(|| format!("{} {} is locked but not installed", package.name, package.version));
    }
    for package in installed.difference(&locked) {
        differences.add(|| format!("{} {} is installed but not locked", package.name, package.version));
    }
    differences.into_result()
}
