//! Files that say which instances there are, or what else is an input of one.

use crate::inputs::{EntryId, Tree, to_path};
use crate::packages::MAX_BYTES;

/// The content of a file that is no larger than a lockfile may be. What cannot be read says nothing, and has no digest either: a
/// path that has it among its inputs has no key, which is told.
pub(super) fn content(tree: &Tree, file: EntryId) -> Option<Vec<u8>> {
    let entry = tree.entry(file);
    let file = tree.root().join(to_path(entry.path));
    let is_small = entry.is_file() && std::fs::metadata(&file).is_ok_and(|found| found.len() <= MAX_BYTES as u64);
    if is_small { std::fs::read(&file).ok() } else { None }
}
