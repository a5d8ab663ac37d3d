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
                found.mtime == entry.mtime && walked.tree.target(index) == tree.target(index)
            }
            (Kind::Dir, Kind::Dir) => found.mtime == entry.mtime && found.mode == entry.mode,
            (Kind::File | Kind::Sparse, Kind::File | Kind::Sparse) => {
                base.vouches(index, walked.device, found, walked.stats.get(index)) && found.mode == entry.mode
            }
            _ => false,
        };
        same && found.parent == entry.parent
            && walked.tree.name(index) == tree.name(index)
            && base.receipts[index as usize] == lasting_receipt(walked, index, entry.kind)
    };
    walked.tree.len() == tree.len() && tree.entries().all(|(index, entry)| is_same(index, entry))
}

/// What a restore that has nothing to do would remember of an entry.
fn lasting_receipt(walked: &Walked, index: u32, kind: Kind) -> Receipt {
    match kind {
        Kind::Symlink => Receipt::default(),
        Kind::Dir if !walked.is_lasting(index) => Receipt::default(),
        _ => walked.stats.get(index).receipt(),
    }
}
