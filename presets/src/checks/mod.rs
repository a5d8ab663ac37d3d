//! Proofs that what is on disk is current for its lockfiles, by the record that the package manager itself keeps.
//!
//! A tree that no run touched after a nearest restore is not saved under the new key unless it is proved current: a
//! skipped or failed install must not poison a key. A check reads; it runs no command, and it does not read the packages'
//! contents, which restore has verified.

mod bun;
mod bundler;
mod cargo_registry;
mod composer;
mod go_modules;
mod npm;
mod playwright;
mod pnpm;
mod proof;
mod venv;
mod yarn;
mod yarn_classic;

use std::path::{Path, PathBuf};

pub use proof::Proof;

use crate::Check;

/// Looks whether `tree` is current for `lockfiles`; of several answers the worst counts.
///
/// `tree` is the path instance (a node_modules, `~/.cargo/registry`), absolute; `lockfiles` are relative to `workspace`.
/// What cannot be read makes the answer [`Proof::Unknown`], so there is no error.
pub fn prove_current(check: Check, workspace: &Path, tree: &Path, lockfiles: &[PathBuf]) -> Proof {
    // A link is no tree either: what it leads to is not in the snapshot.
    if tree.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
        return Proof::NotCurrent { why: "it is not a directory".to_owned() };
    }
    let prove = match check {
        Check::Npm => npm::prove,
        Check::Pnpm => pnpm::prove,
        Check::Yarn => yarn::prove,
        Check::YarnClassic => yarn_classic::prove,
        Check::Bun => bun::prove,
        Check::Venv => venv::prove,
        Check::Bundler => bundler::prove,
        Check::Composer => composer::prove,
        Check::CargoRegistry => cargo_registry::prove,
        Check::YarnCache => yarn::prove_cache,
        Check::Playwright => playwright::prove,
        Check::GoModules => go_modules::prove,
    };
    let answers = lockfiles.iter().map(|lockfile| prove(tree, &workspace.join(lockfile)));
    let worst = answers.map(|answer| answer.err().unwrap_or(Proof::Current)).max_by_key(Proof::doubt);
    worst.unwrap_or_else(|| Proof::unknown("there is no lockfile"))
}
