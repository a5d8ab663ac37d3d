//! Directories from which a lockfile has packages copied: what is in them is an input, since the lockfile does not tell.

use std::collections::{BTreeMap, BTreeSet};

use sci_presets::lockfiles::{directories, is_relative_to_its_user, may_name_directories};

use super::content::content;
use crate::inputs::{EntryId, Tree, resolve, to_path};

/// What each lockfile names, as it is written: in a monorepo one lockfile serves every instance.
#[derive(Debug, Default)]
pub(super) struct Copied(BTreeMap<EntryId, BTreeSet<String>>);

impl Copied {
    /// The directories that a lockfile of an instance in `directory` names, as far as they are inside the workspace, which is
    /// the empty path. That directory is the one that holds the instance: the tool is run there.
    pub(super) fn of(&mut self, tree: &Tree, directory: &str, lockfile: EntryId) -> Vec<Vec<u8>> {
        let named = self.0.entry(lockfile).or_insert_with(|| read(tree, lockfile));
        let entry = tree.entry(lockfile);
        let from = if is_relative_to_its_user(to_path(entry.path)) { directory.as_bytes() } else { entry.directory() };
        named.iter().filter_map(|path| resolve(from, path.as_bytes())).collect()
    }
}

fn read(tree: &Tree, lockfile: EntryId) -> BTreeSet<String> {
    let name = to_path(tree.entry(lockfile).path);
    let content = if may_name_directories(name) { content(tree, lockfile) } else { None };
    content.map(|content| directories(name, &content)).unwrap_or_default()
}
