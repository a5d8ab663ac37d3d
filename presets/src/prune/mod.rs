//! What of a tree the build no longer uses, so that state which is restored, changed and saved again does not grow for ever.
//!
//! What is found is left out of what is saved; nothing here removes a file. A tool that misses what was left out makes it
//! again, so a wrong answer costs time and never a wrong build. Where a tool's own records say too little, nothing is found.

mod cargo;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::Prune;

/// What the caller knows of the run that ends.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// When the tree was restored, and the run began: nanoseconds since 1970, by this machine's clock.
    pub since: i64,
    /// Whether it succeeded. What a run that broke off did not come to use is not taken for unused.
    pub succeeded: bool,
}

/// What need not be kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unused {
    /// Files, and directories with all that is below them, relative to the tree. None of them is below another.
    pub paths: BTreeSet<PathBuf>,
    /// How many files that is, links included.
    pub files: u64,
    /// The sum of their lengths in bytes.
    pub bytes: u64,
}

/// Finds what the build no longer uses of `tree`; `lockfiles` are relative to `workspace`.
///
/// What cannot be read is not found, so there is no error.
pub fn unused(prune: Prune, workspace: &Path, tree: &Path, lockfiles: &[PathBuf], run: Run) -> Unused {
    match prune {
        Prune::Cargo => cargo::unused(workspace, tree, lockfiles, run),
        Prune::Never => Unused::default(),
    }
}
