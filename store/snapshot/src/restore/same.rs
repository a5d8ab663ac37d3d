//! Whether a tree on disk is just what this machine remembers, so that nothing needs to be planned.

use crate::local::{Base, Receipt};
use crate::tree::{Entry, Kind, Walked};

/// Whether every entry that was found is certainly the remembered one, in all that a restore would set, and whether nothing
/// more could be remembered of it.
pub(super) fn is_as_remembered(base: &Base, walked: &Walked) -> bool {
    let tree = &base.manifest.tree;
    let is_same = |index: u32, entry: Entry| {
        let found = walked.tree.entry(index);
        let same = match (entry.kind, found.kind) {
            (Kind::Hardlink, Kind::Hardlink) => found.content == entry.content,
            (Kind::Symlink, Kind::Symlink) => {
                entry.is_kept_as(&found) && walked.tree.target(index) == tree.target(index)
            }
            (Kind::Dir, Kind::Dir) => entry.is_kept_as(&found),
            (Kind::File | Kind::Sparse, Kind::File | Kind::Sparse) => {
                entry.is_kept_as(&found) && base.vouches(index, walked.device, found, walked.stats.get(index))
            }
            _ => false,
        };
        // Of a link nothing is remembered.
        let receipt = if entry.kind == Kind::Symlink { Receipt::default() } else { walked.receipt(index) };
        same && found.parent == entry.parent
            && walked.tree.name(index) == tree.name(index)
            && base.receipts[index as usize] == receipt
    };
    walked.tree.len() == tree.len() && tree.entries().all(|(index, entry)| is_same(index, entry))
}
