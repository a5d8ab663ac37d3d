//! From the listings of directories to one tree.

use std::collections::{BTreeSet, HashMap};

use sci_sys::fs::FileType;

use super::super::{Kind, NONE, Size, Tree};
use super::listing::{Found, Listing};
use super::{Stat, Stats, Walked, join};

/// A directory of which some entries are still to be laid out.
struct Open {
    index: u32,
    listing: Listing,
    next: usize,
}

/// Lays listings out in tree order, as they come.
pub(super) struct Assembly {
    walked: Walked,
    groups: Groups,
    open: Vec<Open>,
    /// The directory whose listing comes next, and the number of that.
    awaited: Option<(u32, u32)>,
}

impl Assembly {
    /// Begins with the root, of a tree that probably has this size.
    pub(super) fn new(root: Listing, device: u64, size: Size) -> Self {
        let tree = Tree::with_room(Size { contents: 0, ..size });
        let stats = Stats::with_capacity(size.entries as usize);
        Self {
            walked: Walked { tree, stats, device, skipped: Vec::new(), hiding: BTreeSet::new(), lasting: Vec::new() },
            groups: Groups::new(),
            open: vec![Open { index: NONE, listing: root, next: 0 }],
            awaited: None,
        }
    }

    /// The number of the listing without which it cannot go on.
    pub(super) fn awaits(&self) -> Option<u32> {
        self.awaited.map(|(_, number)| number)
    }

    /// Goes on until a listing is needed that `take` does not have.
    pub(super) fn advance(&mut self, take: &mut dyn FnMut(u32) -> Option<Listing>) {
        loop {
            if let Some((index, number)) = self.awaited {
                let Some(listing) = take(number) else { return };
                if listing.hides {
                    self.walked.hiding.insert(index);
                }
                // Listings come in tree order.
                self.walked.lasting.extend(listing.lasting.then_some(index));
                self.open.push(Open { index, listing, next: 0 });
                self.awaited = None;
            }
            let Some(dir) = self.open.last_mut() else { return };
            let Some(found) = dir.listing.entries.get(dir.next) else {
                self.open.pop();
                continue;
            };
            dir.next += 1;
            let added = self.walked.add(dir.index, &dir.listing, found, &mut self.groups);
            let is_dir = found.facts.kind == FileType::Directory;
            self.awaited = added.filter(|_| is_dir).map(|index| (index, found.more));
        }
    }

    /// The tree, when all listings have come.
    pub(super) fn finish(self) -> Walked {
        self.walked
    }
}

/// The first name found of each file that has several, by device and inode.
type Groups = HashMap<(u64, u64), u32>;

impl Walked {
    /// Drops the files that `select` refuses, and directories that hold nothing else.
    pub(crate) fn retain(&mut self, select: &dyn Fn(&[u8], &Stat) -> bool) {
        let old = std::mem::take(&mut self.tree);
        let mut keep = vec![false; old.len() as usize];
        for (index, entry) in old.entries().filter(|(_, entry)| entry.kind != Kind::Dir) {
            if select(&old.path(index), &self.stats.get(index)) {
                keep[index as usize] = true;
                let mut at = entry.parent;
                while at != NONE && !std::mem::replace(&mut keep[at as usize], true) {
                    at = old.entry(at).parent;
                }
            }
        }
        keep[0] = true;
        let mut lost = BTreeSet::new();
        lost.extend(old.entries().filter(|(index, _)| !keep[*index as usize]).map(|(_, entry)| entry.parent));
        let mut moved = vec![NONE; keep.len()];
        let mut stats = Stats::default();
        for (index, entry) in old.entries().filter(|(index, _)| keep[*index as usize]) {
            let parent = if entry.parent == NONE { NONE } else { moved[entry.parent as usize] };
            let at = self.tree.adopt(&old, index, parent, &moved);
            moved[index as usize] = at;
            // The first name that stays is what the others link to.
            if entry.kind == Kind::Hardlink && moved[entry.content as usize] == NONE {
                moved[entry.content as usize] = at;
            }
            stats.push(self.stats.get(index));
        }
        self.stats = stats;
        self.lasting.retain(|index| keep[*index as usize] && !lost.contains(index));
        for index in &mut self.lasting {
            *index = moved[*index as usize];
        }
    }

    fn add(&mut self, parent: u32, listing: &Listing, found: &Found, groups: &mut Groups) -> Option<u32> {
        let (facts, name) = (&found.facts, listing.name(found));
        let kind = match facts.kind {
            FileType::Directory => Kind::Dir,
            FileType::RegularFile if facts.sparse => Kind::Sparse,
            FileType::RegularFile => Kind::File,
            FileType::Symlink => Kind::Symlink,
            _ => {
                let dir = if parent == NONE { Vec::new() } else { self.tree.path(parent) };
                self.skipped.push(join(&dir, name));
                return None;
            }
        };
        let (mode, size) = match kind {
            Kind::Dir => (facts.mode, 0),
            Kind::Symlink => (0, 0),
            _ => (facts.mode, facts.size),
        };
        let index = self.tree.push(parent, name, kind, mode, facts.mtime, size);
        if let Some(target) = listing.target(found) {
            self.tree.set_target(index, target);
        }
        if kind.is_file() && facts.stat.links > 1 {
            let first = *groups.entry((facts.device, facts.stat.inode)).or_insert(index);
            if first != index {
                self.tree.set_hardlink(index, first);
            }
        }
        let inode = if facts.device == self.device { facts.stat.inode } else { 0 };
        let links = if kind.is_file() { facts.stat.links } else { 1 };
        self.stats.push(Stat { inode, links, ..facts.stat });
        Some(index)
    }
}
