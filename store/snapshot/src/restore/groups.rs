//! Hard link groups of the snapshot, compared with those on disk.

use std::collections::HashMap;

use crate::tree::{Kind, NONE, Tree, Walked};

/// Which files on disk are linked to each other just as the snapshot's are.
pub(super) struct Groups {
    fit: Vec<bool>,
    foreign: Vec<bool>,
}

impl Groups {
    /// Compares the links of both trees; `found` and `known` are those of the plan.
    pub(super) fn new(tree: &Tree, walked: &Walked, found: &[u32], known: &[bool]) -> Self {
        let (names, disk_names) = (Names::of(tree), Names::of(&walked.tree));
        let mut fit = known.to_vec();
        for (index, entry) in tree.entries() {
            if entry.kind.is_file() || entry.kind == Kind::Hardlink {
                let first = tree.resolve(index);
                let (here, there) = (found[index as usize], found[first as usize]);
                let linked = here != NONE && there != NONE && walked.tree.resolve(here) == walked.tree.resolve(there);
                fit[first as usize] &= linked;
            }
        }
        let mut foreign = vec![false; fit.len()];
        for index in tree.files().filter(|index| found[*index as usize] != NONE) {
            let first = walked.tree.resolve(found[index as usize]);
            fit[index as usize] &= disk_names.count(first) == names.count(index);
            foreign[index as usize] = walked.stats.get(first).links > names.count(index);
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

/// How many names each file of a tree has. Most have one.
struct Names(HashMap<u32, u32>);

impl Names {
    fn of(tree: &Tree) -> Self {
        let mut further = HashMap::new();
        for (_, link) in tree.entries().filter(|(_, entry)| entry.kind == Kind::Hardlink) {
            *further.entry(link.content).or_default() += 1;
        }
        Self(further)
    }

    fn count(&self, first: u32) -> u32 {
        1 + self.0.get(&first).copied().unwrap_or_default()
    }
}
