//! What of a tree is known before any file is read: whatever the base vouches for.
//!
//! The tree takes over the base's contents as they are, so that those of a million files are there once; contents that
//! nothing needs any more stay among them until the next time they are read from disk.

use std::sync::Arc;

use super::ancestors::Ancestors;
use super::compact::{self, Stale};
use crate::local::{Base, Receipt};
use crate::manifest::Manifest;
use crate::tree::{Content, Kind, NONE, Tree, Walked};

/// What was taken over, and what was not.
#[derive(Debug, Default)]
pub(super) struct Adopted {
    /// Files that must be read.
    pub(super) unknown: Vec<u32>,
    /// What of the base is not cited any more.
    pub(super) stale: Stale,
    /// What they were probably made from.
    pub(super) ancestors: Ancestors,
    /// The base's manifest; the contents of its tree are the other tree's now. An empty one where there is no base.
    pub(super) base: Manifest,
    /// What else the base said, its device and its receipts, where no file must be read.
    pub(super) given: Option<(u64, Vec<Receipt>)>,
}

/// Takes over the content of every file that the base vouches for.
pub(super) fn adopt(walked: &mut Walked, base: Option<Base>) -> Adopted {
    let Some(base) = base else {
        let unknown = walked.tree.files().collect();
        return Adopted { unknown, ..Adopted::default() };
    };
    let known = &base.manifest.tree;
    let matching = walked.tree.matching(known);
    walked.tree.refine(known, &matching);
    let stale = stale(walked, &matching, &base.manifest);
    let lasting = |content: &Content| !known.extents(content).iter().any(|extent| stale.holds(extent));
    // Whether it is known to equal the one of the base.
    let is_same = |index: u32| {
        let at = matching[index as usize];
        base.vouches(at, walked.device, walked.tree.entry(index), walked.stats.get(index))
            && known.content(known.resolve(at)).is_some_and(lasting)
    };
    let unknown: Vec<u32> = walked.tree.files().filter(|index| !is_same(*index)).collect();
    let ancestors = Ancestors::guess(&walked.tree, &unknown, &matching, &base.manifest, &stale);
    let Base { manifest, receipts, device } = base;
    let mut manifest = Arc::unwrap_or_clone(manifest);
    walked.tree.take_over(&mut manifest.tree, &matching, &unknown);
    // Where something is read again, there is mostly something else to remember.
    let given = unknown.is_empty().then_some((device, receipts));
    Adopted { unknown, stale, ancestors, base: manifest, given }
}

/// Makes `receipts` of `found` those of `base`, which is the same state: only what is on disk just as that says has one.
pub(super) fn keep_receipts_of_unchanged(base: &Tree, found: &Tree, receipts: &mut [Receipt]) {
    for (index, receipt) in (0..).zip(receipts) {
        let entry = base.entry(index);
        // Only contents are vouched for, as in what a restore remembers.
        if entry.kind == Kind::Symlink || entry.mtime != found.entry(index).mtime {
            *receipt = Receipt::default();
        }
    }
}

/// What of the base to give up. That does not depend on what this machine can vouch for: a file of the same size is
/// probably the same, and of a file that is cut by content most chunks are, whatever its size.
fn stale(walked: &Walked, matching: &[u32], base: &Manifest) -> Stale {
    let mut needed = vec![false; base.tree.len() as usize];
    let (mut files, mut same) = (0, 0);
    for index in walked.tree.files() {
        let entry = walked.tree.entry(index);
        files += 1;
        let at = matching[index as usize];
        if at == NONE {
            continue;
        }
        let from = base.tree.resolve(at);
        let was = base.tree.entry(from);
        let is_cut = |content: &Content| base.tree.extents(content).len() > 1;
        needed[from as usize] |= was.size == entry.size || base.tree.content(from).is_some_and(is_cut);
        same += usize::from(was.size == entry.size && was.mtime == entry.mtime);
    }
    // Of a tree that is the base's own nothing is packed anew.
    let known = base.tree.files().count();
    if same == files && files == known { Stale::default() } else { compact::stale(base, &needed) }
}
