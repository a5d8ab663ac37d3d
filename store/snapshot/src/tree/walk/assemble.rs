//! From the listings of directories to one tree.

use std::collections::{BTreeSet, HashMap};

use rustix::fs::FileType;

use super::super::{Kind, NONE, Tree};
use super::{Listing, Raw, Stat, Walked, join};

/// Lays the listings out in tree order.
pub(super) fn assemble(root: Raw, listings: Vec<Listing>, device: u64) -> Walked {
    let mut walked =
        Walked { tree: Tree::default(), stats: Vec::new(), device, skipped: Vec::new(), hiding: BTreeSet::new() };
    let mut groups = HashMap::new();
    let mut listings: Vec<_> =
        listings.into_iter().map(|listing| (listing.entries.into_iter(), listing.hides)).collect();
    let mut open = Vec::new();
    walked.enter(NONE, &root, &mut groups, &mut open);
    while let Some(&(parent, listing)) = open.last() {
        let (entries, hides) = &mut listings[listing];
        if std::mem::take(hides) {
            walked.hiding.insert(parent);
        }
        match entries.next() {
            Some(raw) => walked.enter(parent, &raw, &mut groups, &mut open),
            None => drop(open.pop()),
        }
    }
    walked
}

/// The first name found of each file that has several, by device and inode.
type Groups = HashMap<(u64, u64), u32>;

impl Walked {
    /// Drops the files that `select` refuses, and directories that hold nothing else.
    pub(crate) fn retain(&mut self, select: &dyn Fn(&[u8], &Stat) -> bool) {
        let old = std::mem::take(&mut self.tree);
        let mut keep = vec![false; old.len() as usize];
        for (index, entry) in old.entries().filter(|(_, entry)| entry.kind != Kind::Dir) {
            if select(&old.path(index), &self.stats[index as usize]) {
                keep[index as usize] = true;
                let mut at = entry.parent;
                while at != NONE && !std::mem::replace(&mut keep[at as usize], true) {
                    at = old.entry(at).parent;
                }
            }
        }
        keep[0] = true;
        let mut moved = vec![NONE; keep.len()];
        let mut stats = Vec::new();
        for (index, entry) in old.entries().filter(|(index, _)| keep[*index as usize]) {
            let parent = if entry.parent == NONE { NONE } else { moved[entry.parent as usize] };
            let at = self.tree.adopt(&old, index, parent, &moved);
            moved[index as usize] = at;
            // The first name that stays is what the others link to.
            if entry.kind == Kind::Hardlink && moved[entry.content as usize] == NONE {
                moved[entry.content as usize] = at;
            }
            stats.push(self.stats[index as usize]);
        }
        self.stats = stats;
    }

    fn enter(&mut self, parent: u32, raw: &Raw, groups: &mut Groups, open: &mut Vec<(u32, usize)>) {
        if let Some(index) = self.add(parent, raw, groups)
            && raw.stat.kind == FileType::Directory
        {
            open.push((index, raw.listing));
        }
    }

    fn add(&mut self, parent: u32, raw: &Raw, groups: &mut Groups) -> Option<u32> {
        let facts = &raw.stat;
        let kind = match facts.kind {
            FileType::Directory => Kind::Dir,
            FileType::RegularFile if facts.sparse => Kind::Sparse,
            FileType::RegularFile => Kind::File,
            FileType::Symlink => Kind::Symlink,
            _ => {
                let dir = if parent == NONE { Vec::new() } else { self.tree.path(parent) };
                self.skipped.push(join(&dir, &raw.name));
                return None;
            }
        };
        let (mode, size) = match kind {
            Kind::Dir => (facts.mode, 0),
            Kind::Symlink => (0, 0),
            _ => (facts.mode, facts.size),
        };
        let index = self.tree.push(parent, &raw.name, kind, mode, facts.mtime, size);
        if let Some(target) = &raw.target {
            self.tree.set_target(index, target);
        }
        if kind.is_file() && facts.stat.links > 1 {
            let first = *groups.entry((facts.device, facts.stat.inode)).or_insert(index);
            if first != index {
                self.tree.set_hardlink(index, first);
            }
        }
        let inode = if facts.device == self.device { facts.stat.inode } else { 0 };
        self.stats.push(Stat { inode, ..facts.stat });
        Some(index)
    }
}
