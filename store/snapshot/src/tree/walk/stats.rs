//! What a walk finds of each entry besides what the tree says.

use crate::local::Receipt;

/// What identifies an unchanged file besides its size and mtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Inode number; 0 when it must not be trusted (another file system than the root's).
    pub inode: u64,
    /// Time of the last status change, nanoseconds since 1970.
    pub ctime: i64,
    /// Number of hard links of a file; 1 for everything else.
    pub links: u32,
    /// Whether it is another user's, so that this one cannot set its mode and times.
    pub foreign: bool,
}

impl Stat {
    /// What of it is remembered.
    pub(crate) const fn receipt(&self) -> Receipt {
        Receipt { inode: self.inode, ctime: self.ctime }
    }
}

/// The [`Stat`] of every entry. What is mostly the same is kept only where it is not.
#[derive(Debug, Default)]
pub struct Stats {
    all: Vec<Receipt>,
    /// Entries with several links or of another user, in order.
    odd: Vec<Odd>,
}

#[derive(Debug, Clone, Copy)]
struct Odd {
    index: u32,
    links: u32,
    foreign: bool,
}

impl Stats {
    pub(super) fn with_capacity(entries: usize) -> Self {
        Self { all: Vec::with_capacity(entries), odd: Vec::new() }
    }

    /// Of one entry.
    pub fn get(&self, index: u32) -> Stat {
        let Receipt { inode, ctime } = self.all[index as usize];
        let odd = if self.odd.is_empty() { None } else { self.find(index).ok().map(|at| self.odd[at]) };
        let (links, foreign) = odd.map_or((1, false), |odd| (odd.links, odd.foreign));
        Stat { inode, ctime, links, foreign }
    }

    /// Of all entries, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Stat> + '_ {
        (0..self.all.len() as u32).map(|index| self.get(index))
    }

    fn find(&self, index: u32) -> Result<usize, usize> {
        self.odd.binary_search_by_key(&index, |odd| odd.index)
    }

    pub(super) fn push(&mut self, stat: Stat) {
        let index = self.all.len() as u32;
        self.all.push(Receipt::default());
        self.set(index, stat);
    }

    pub(crate) fn set(&mut self, index: u32, Stat { inode, ctime, links, foreign }: Stat) {
        self.all[index as usize] = Receipt { inode, ctime };
        let odd = (links != 1 || foreign).then_some(Odd { index, links, foreign });
        let is_last = self.odd.last().is_none_or(|last| last.index < index);
        let place = if is_last { Err(self.odd.len()) } else { self.find(index) };
        match (place, odd) {
            (Ok(at), Some(odd)) => self.odd[at] = odd,
            (Ok(at), None) => drop(self.odd.remove(at)),
            (Err(at), Some(odd)) => self.odd.insert(at, odd),
            (Err(_), None) => {}
        }
    }

    /// Inode and time of every entry, in their order.
    pub(crate) fn into_receipts(self) -> Vec<Receipt> {
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stat_is_kept() {
        let stat = |number: u32| Stat {
            inode: number.into(),
            ctime: -1,
            links: [1, 2, 1, u32::MAX][number as usize % 4],
            foreign: number.is_multiple_of(3),
        };
        let mut stats = Stats::default();
        (0..20).for_each(|number| stats.push(stat(number)));
        assert!(stats.iter().eq((0..20).map(stat)));
        // Each becomes what another one was: odd ones ordinary, and the other way round.
        (0..20).for_each(|number| stats.set(number, stat(number + 7)));
        assert!(stats.iter().eq((7..27).map(stat)));
    }
}
