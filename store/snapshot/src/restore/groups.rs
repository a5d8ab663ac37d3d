//! Hard link groups of the snapshot, compared with those on disk.

use crate::tree::{Kind, NONE, Tree, Walked};

/// Which files on disk are linked to each other just as the snapshot's are.
pub(super) struct Groups {
    fit: Vec<bool>,
    foreign: Vec<bool>,
}

impl Groups {
    /// Compares the links of both trees; `found` and `known` are those of the plan.
    pub(super) fn new(tree: &Tree, walked: &Walked, found: &[u32], known: &[bool]) -> Self {
        let mut names = vec![0u32; tree.len() as usize];
        let mut fit = known.to_vec();
        let mut disk_names = vec![0u32; walked.tree.len() as usize];
        for (index, entry) in walked.tree.entries() {
            if entry.kind.is_file() || entry.kind == Kind::Hardlink {
                disk_names[walked.tree.resolve(index) as usize] += 1;
            }
        }
        for (index, entry) in tree.entries() {
            if entry.kind.is_file() || entry.kind == Kind::Hardlink {
                let first = tree.resolve(index);
                names[first as usize] += 1;
                let (here, there) = (found[index as usize], found[first as usize]);
                let linked = here != NONE && there != NONE && walked.tree.resolve(here) == walked.tree.resolve(there);
                fit[first as usize] &= linked;
            }
        }
        let mut foreign = vec![false; names.len()];
        for (index, entry) in tree.entries().filter(|(_, entry)| entry.kind.is_file()) {
            let there = found[index as usize];
            if there == NONE || entry.kind == Kind::Dir {
                continue;
            }
            let first = walked.tree.resolve(there);
            fit[index as usize] &= disk_names[first as usize] == names[index as usize];
            foreign[index as usize] = walked.stats[first as usize].links > names[index as usize];
        }
        Self { fit, foreign }
    }

    /// Whether a file is on disk under all its names, and under no other of the tree.
    pub(super) fn fit(&self, first: u32) -> bool {
        self.fit[first as usize]
    }

    /// Whether a file on disk has names outside the tree.
    pub(super) fn has_foreign_names(&self, first: u32) -> bool {
        self.foreign[first as usize]
    }
}
