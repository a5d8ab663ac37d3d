//! Which entry of one tree lies at the same path as which of another.

use std::cmp::Ordering;

use super::{Kind, NONE, Tree};

impl Tree {
    /// For each entry of `self`, the entry of `other` at the same path, or [`NONE`].
    ///
    /// Below a pair of which one is no directory, nothing corresponds.
    pub fn matching(&self, other: &Self) -> Vec<u32> {
        let mut found = vec![NONE; self.entries.len()];
        if self.is_empty() || other.is_empty() {
            return found;
        }
        let (ends, other_ends) = (self.ends(), other.ends());
        let mut open = vec![(0, 0)];
        while let Some((left, right)) = open.pop() {
            found[left as usize] = right;
            if self.entry(left).kind != Kind::Dir || other.entry(right).kind != Kind::Dir {
                continue;
            }
            let (mut a, mut b) = (left + 1, right + 1);
            while a < ends[left as usize] && b < other_ends[right as usize] {
                match self.name(a).cmp(other.name(b)) {
                    Ordering::Less => a = ends[a as usize],
                    Ordering::Greater => b = other_ends[b as usize],
                    Ordering::Equal => {
                        open.push((a, b));
                        (a, b) = (ends[a as usize], other_ends[b as usize]);
                    }
                }
            }
        }
        found
    }
}
