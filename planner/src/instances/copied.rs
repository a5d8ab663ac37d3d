//! Directories from which a lockfile has packages copied: what is in them is an input, since the lockfile does not tell.

use std::collections::BTreeMap;

use sci_presets::lockfiles::{directories, may_name_directories};

use crate::inputs::{EntryId, Tree, resolve, to_path};
use crate::packages::MAX_BYTES;

/// What each lockfile names, relative to the workspace: in a monorepo one lockfile serves every instance.
#[derive(Debug, Default)]
pub(super) struct Copied(BTreeMap<EntryId, Vec<Vec<u8>>>);

impl Copied {
    /// The directories that a lockfile names, as far as they are inside the workspace, which is the empty path.
    pub(super) fn of(&mut self, tree: &Tree, lockfile: EntryId) -> &[Vec<u8>] {
        self.0.entry(lockfile).or_insert_with(|| read(tree, lockfile))
    }
}

/// A lockfile that cannot be read has no digest either, so that the path has no key.
fn read(tree: &Tree, lockfile: EntryId) -> Vec<Vec<u8>> {
    let entry = tree.entry(lockfile);
    let name = to_path(entry.path);
    if !entry.is_file() || !may_name_directories(name) {
        return Vec::new();
    }
    let file = tree.root().join(name);
    let is_small = std::fs::metadata(&file).is_ok_and(|found| found.len() <= MAX_BYTES as u64);
    let content = if is_small { std::fs::read(&file).unwrap_or_default() } else { Vec::new() };
    let own = entry.directory();
    directories(name, &content).iter().filter_map(|directory| resolve(own, directory.as_bytes())).collect()
}
