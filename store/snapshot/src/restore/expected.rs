//! What a restore expects to find where it changes something: what its walk saw there.

use serde::{Deserialize, Serialize};

use sci_sys::fs::FileType;

use crate::tree::{Facts, Kind, Mtime, Walked};

/// What is at the place of an entry that is moved in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Expected {
    /// Nothing that a snapshot could hold.
    Nothing,
    /// Perhaps something that is excluded: nobody looked.
    Unseen,
    /// This.
    Entry(Seen),
}

/// An entry as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    sort: Sort,
    /// 0 where inodes are not believed.
    inode: u64,
    /// None where the restore itself changes it.
    ctime: Option<i64>,
    pub(super) mtime: Mtime,
    /// Of a file; 0 otherwise.
    size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Sort {
    Dir,
    File,
    Link,
    Special,
}

impl Seen {
    /// An entry of a walk.
    pub(crate) fn of(walked: &Walked, index: u32) -> Self {
        let index = walked.tree.resolve(index);
        let (entry, stat) = (walked.tree.entry(index), walked.stats.get(index));
        let sort = match entry.kind {
            Kind::Dir => Sort::Dir,
            Kind::Symlink => Sort::Link,
            Kind::File | Kind::Sparse | Kind::Hardlink => Sort::File,
        };
        // Whoever replaces another name of a file changes its status.
        let ctime = (stat.links == 1).then_some(stat.ctime);
        Self { sort, inode: stat.inode, ctime, mtime: entry.mtime, size: entry.size }
    }

    /// What is there now.
    pub(crate) fn now(facts: &Facts) -> Self {
        let sort = match facts.kind {
            FileType::Directory => Sort::Dir,
            FileType::Symlink => Sort::Link,
            FileType::RegularFile => Sort::File,
            _ => Sort::Special,
        };
        let size = if sort == Sort::File { facts.size } else { 0 };
        Self { sort, inode: facts.stat.inode, ctime: Some(facts.stat.ctime), mtime: facts.mtime, size }
    }

    /// The same, once the restore has changed its status.
    pub(crate) fn to_be_changed(self) -> Self {
        Self { ctime: None, ..self }
    }

    /// Whether it is something that no snapshot holds.
    pub(crate) fn is_special(&self) -> bool {
        self.sort == Sort::Special
    }

    pub(crate) fn is_dir(&self) -> bool {
        self.sort == Sort::Dir
    }

    /// Whether `now` is the same entry, with the same length, whatever its times are.
    pub(crate) fn is_entry(&self, now: &Self) -> bool {
        self.sort == now.sort && (self.inode == 0 || self.inode == now.inode) && self.size == now.size
    }

    /// Whether `now` is the same entry, and unchanged.
    pub(crate) fn is_still(&self, now: &Self) -> bool {
        self.is_entry(now) && self.mtime == now.mtime && (self.ctime.is_none() || self.ctime == now.ctime)
    }
}
