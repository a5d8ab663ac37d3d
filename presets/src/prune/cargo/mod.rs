//! Cargo's build directory, by the records in `.fingerprint` that it keeps of every unit it built.
//!
//! Whatever cargo builds it names by a hash over all that goes in, and it removes nothing: another version of a package, or
//! other features, leave the old artefacts beside the new ones. [`decide`](decide::dead) says which of them are dead;
//! the other modules read what that takes. A directory that is not of the known form is left whole.

mod decide;
mod find;
mod locked;
mod profile;
mod records;

use std::path::{Path, PathBuf};

use super::{Run, Unused};
use locked::Locked;

/// What no build uses any more of every profile below `tree`.
pub(super) fn unused(workspace: &Path, tree: &Path, lockfiles: &[PathBuf], run: Run) -> Unused {
    let profiles = find::profiles(tree);
    if profiles.is_empty() {
        return Unused::default();
    }
    let locked = Locked::read(workspace, lockfiles);
    let mut unused = Unused::default();
    for directory in profiles {
        let Some(read) = profile::read(tree, &directory, run) else { continue };
        let dead = decide::dead(&read.units, locked.as_ref(), read.evidence);
        profile::add(&read, &dead, tree, &mut unused);
    }
    unused
}
