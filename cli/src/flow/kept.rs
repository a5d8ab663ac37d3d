//! Whether anything of a restored tree is left when the run is over. A command that begins by deleting the tree, as `npm ci`
//! does, makes nothing of the restore, and nothing else would tell: what it makes anew is equal.
//!
//! A few files are looked at, by when they were made; where a file system does not say that, nothing is concluded. It is asked only
//! of paths with a check: those are what a tool installs, and an installer that knows what is there leaves most of it.

use std::path::Path;
use std::time::UNIX_EPOCH;

use sci_presets::Check;
use sci_snapshot::Manifest;

use crate::state::before::Sample;

/// How many files are looked at. Of a tree with fewer, a build may well replace all.
const SAMPLES: usize = 8;

/// Looks at files here and there in a tree that was restored just now.
pub fn sample(manifest: &Manifest, root: &Path) -> Vec<Sample> {
    let tree = &manifest.tree;
    // Gone through twice, for a list of all of them may be long.
    let files = || (0..tree.len()).filter(|index| tree.content(*index).is_some());
    let step = (files().count() / SAMPLES).max(1);
    let sample = |file| {
        let path = String::from_utf8(tree.path(file)).ok()?;
        Some(Sample { made: made(&root.join(&path))?, path })
    };
    files().step_by(step).take(SAMPLES).filter_map(sample).collect()
}

/// Whether every file that was looked at is gone, or is another one.
pub fn is_made_anew(samples: &[Sample], root: &Path) -> bool {
    let is_left = |sample: &Sample| made(&root.join(&sample.path)) == Some(sample.made);
    samples.len() == SAMPLES && !samples.iter().any(is_left)
}

/// What is said of a path of which nothing is left.
pub fn sentence(instance: &str, check: Check) -> String {
    let why = match check {
        Check::Npm => {
            "as `npm ci` does, which deletes it first; `npm install` changes only what has changed in the lockfile"
        }
        _ => "a command deleted it first, or made all of it anew",
    };
    format!("{instance}: nothing of what was restored is left, so that the restore may have been of no use: {why}")
}

fn made(file: &Path) -> Option<u64> {
    let made = file.symlink_metadata().ok()?.created().ok()?;
    u64::try_from(made.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
}
