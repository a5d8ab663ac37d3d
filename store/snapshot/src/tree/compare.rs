//! Which entry of one tree lies at the same path as which of another.

use std::cmp::Ordering;

use super::{Kind, NONE, Tree};

impl Tree {
    /// For each entry of `self`, the entry of `other` at the same path, or [`NONE`].
    ///
    /// Below a pair of which one is no directory, nothing corresponds.
    pub fn matching(&self, other: &Self) -> Vec<u32> {
        let mut found = vec![NONE; self.len() as usize];
        if self.is_empty() || other.is_empty() {
            return found;
        }
        let (ends, other_ends) = (Ends::of(self), Ends::of(other));
        let mut open = vec![(0, 0)];
        while let Some((left, right)) = open.pop() {
            found[left as usize] = right;
            if self.entry(left).kind != Kind::Dir || other.entry(right).kind != Kind::Dir {
                continue;
            }
            let (mut a, mut b) = (left + 1, right + 1);
            let (end, other_end) = (ends.after(left), other_ends.after(right));
            while a < end && b < other_end {
                match self.name(a).cmp(other.name(b)) {
                    Ordering::Less => a = ends.after(a),
                    Ordering::Greater => b = other_ends.after(b),
                    Ordering::Equal => {
                        open.push((a, b));
                        (a, b) = (ends.after(a), other_ends.after(b));
                    }
                }
            }
        }
        found
    }
}

/// Where what lies below each directory ends.
pub(super) struct Ends<'a> {
    tree: &'a Tree,
    dirs: Vec<(u32, u32)>,
}

impl<'a> Ends<'a> {
    pub(super) fn of(tree: &'a Tree) -> Self {
        let mut ends: Vec<(u32, u32)> = Vec::new();
        // The directories that lead to an entry, by their place among all.
        let mut open: Vec<usize> = Vec::new();
        for (index, entry) in tree.entries() {
            while let Some(place) = open.pop_if(|place| ends[*place].0 != entry.parent) {
                ends[place].1 = index;
            }
            if entry.kind == Kind::Dir {
                open.push(ends.len());
                ends.push((index, tree.len()));
            }
        }
        Self { tree, dirs: ends }
    }

    /// The entries in directory `dir`, in order; none for what is no entry.
    pub(super) fn children(&self, dir: u32) -> impl Iterator<Item = u32> {
        let (first, end) = if dir == NONE { (0, 0) } else { (dir + 1, self.after(dir)) };
        std::iter::successors((first < end).then_some(first), move |index| {
            Some(self.after(*index)).filter(|next| *next < end)
        })
    }

    /// The index after the last entry below `index`.
    fn after(&self, index: u32) -> u32 {
        if self.tree.entry(index).kind != Kind::Dir {
            return index + 1;
        }
        self.dirs.binary_search_by_key(&index, |(dir, _)| *dir).map_or(index + 1, |place| self.dirs[place].1)
    }
}
