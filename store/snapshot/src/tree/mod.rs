//! A tree in memory: what a workspace path holds, in path order, without its bytes.
//!
//! Entries are in depth-first order, siblings by the bytes of their names; the root is entry 0. Names, contents and
//! extents lie in arenas of the tree, so that a million files cost about eighty bytes each.

mod compare;
mod contents;
mod digest;
mod entries;
mod kept;
mod walk;

use sci_hasher::Digest;

use entries::Entries;

pub use contents::{Content, Extent};
pub use walk::{Stat, Stats, Walked, walk};

pub(crate) use contents::{ChunkAt, Contents};
pub(crate) use walk::{Facts, STAGE_PREFIX, facts};

/// Stands for "none" where an index is expected.
pub const NONE: u32 = u32::MAX;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A directory.
    Dir,
    /// A regular file, the first of its hard link group if it has one.
    File,
    /// A regular file with holes.
    Sparse,
    /// A symbolic link.
    Symlink,
    /// Another name of a file that comes earlier in the tree.
    Hardlink,
}

impl Kind {
    /// Whether the entry has content of its own.
    pub const fn is_file(self) -> bool {
        matches!(self, Self::File | Self::Sparse)
    }
}

/// A modification time: seconds since 1970 (negative before) and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct Mtime {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub secs: i64,
    /// Nanoseconds, 0 to 999,999,999.
    pub nanos: u32,
}

impl Mtime {
    /// Nanoseconds since 1970; the nearest that can be told, for times too far away.
    pub(crate) fn nanoseconds(self) -> i64 {
        self.secs.saturating_mul(1_000_000_000).saturating_add(self.nanos.into())
    }
}

/// One entry. A hard link carries no mode, mtime or size of its own: they are its target's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The directory that holds it; [`NONE`] for the root.
    pub parent: u32,
    /// What it is.
    pub kind: Kind,
    /// Permission bits, at most 0o777; 0 for links.
    pub mode: u16,
    /// When it was last modified.
    pub mtime: Mtime,
    /// Length of a file in bytes; 0 otherwise.
    pub size: u64,
    /// File: index of its [`Content`]. Symlink: index of its target. Hardlink: the entry it is another name of.
    pub content: u32,
}

/// A tree. See the module.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    entries: Entries,
    targets: Vec<(u32, u32)>,
    target_bytes: Vec<u8>,
    contents: Contents,
}

/// How large a tree is. What grows is copied again and again, so it is worth to know before.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Size {
    pub(crate) entries: u32,
    /// Bytes of all names.
    pub(crate) names: u32,
    pub(crate) contents: u32,
}

impl Tree {
    /// An empty tree with room for one of this size. More is no error, and no more than it says is needed.
    pub(crate) fn with_room(size: Size) -> Self {
        let entries = Entries::with_capacity(size.entries as usize, size.names as usize);
        Self { entries, contents: Contents::with_capacity(size.contents as usize), ..Self::default() }
    }

    /// How large it is.
    pub(crate) fn size(&self) -> Size {
        Size { entries: self.len(), names: self.entries.names_len() as u32, contents: self.contents.len() }
    }

    /// Number of entries, the root included.
    pub fn len(&self) -> u32 {
        self.entries.len()
    }

    /// Whether there is not even a root.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One entry.
    pub fn entry(&self, index: u32) -> Entry {
        self.entries.get(index)
    }

    /// All entries in path order, with their indices.
    pub fn entries(&self) -> impl Iterator<Item = (u32, Entry)> {
        (0..self.len()).map(|index| (index, self.entry(index)))
    }

    /// The entries that have a content of their own, in path order.
    pub(crate) fn files(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len()).filter(|index| self.entry(*index).kind.is_file())
    }

    /// The last component of the entry's path; empty for the root.
    pub fn name(&self, index: u32) -> &[u8] {
        self.entries.name(index)
    }

    /// The entry's path relative to the root; empty for the root itself.
    pub fn path(&self, index: u32) -> Vec<u8> {
        self.components(index).join(&b'/')
    }

    /// The components of that path, which compare as paths stand in the tree.
    pub(crate) fn components(&self, index: u32) -> Vec<&[u8]> {
        let mut components = Vec::new();
        let mut at = index;
        while self.entries.parent(at) != NONE {
            components.push(self.name(at));
            at = self.entries.parent(at);
        }
        components.reverse();
        components
    }

    /// The target of a symbolic link.
    pub fn target(&self, index: u32) -> &[u8] {
        let (at, len) = self.targets[self.entry(index).content as usize];
        &self.target_bytes[at as usize..][..len as usize]
    }

    /// The content of a file, once it is known; `None` for other kinds.
    pub fn content(&self, index: u32) -> Option<&Content> {
        let entry = self.entry(index);
        if entry.kind.is_file() { self.contents.get(entry.content) } else { None }
    }

    /// The extents of a content, in order.
    pub fn extents<'a>(&'a self, content: &'a Content) -> &'a [Extent] {
        self.contents.extents(content)
    }

    /// The digest of each extent's bytes, in order.
    pub fn chunk_digests<'a>(&'a self, content: &'a Content) -> &'a [Digest] {
        self.contents.chunk_digests(content)
    }

    /// Sum of the files' lengths in bytes, each hard link group once.
    pub fn total_bytes(&self) -> u64 {
        self.entries().map(|(_, entry)| entry.size).sum()
    }

    /// Number of entries that are neither directories nor the root's own.
    pub fn file_count(&self) -> u64 {
        self.entries().filter(|(_, entry)| entry.kind != Kind::Dir).count() as u64
    }

    /// Appends an entry; the caller keeps the order.
    pub(crate) fn push(&mut self, parent: u32, name: &[u8], kind: Kind, mode: u16, mtime: Mtime, size: u64) -> u32 {
        self.entries.push(Entry { parent, kind, mode, mtime, size, content: NONE }, name)
    }

    /// Appends entry `index` of `other`, a tree without contents; `moved` says where earlier entries went.
    fn adopt(&mut self, other: &Self, index: u32, parent: u32, moved: &[u32]) -> u32 {
        let entry = other.entry(index);
        let first = if entry.kind == Kind::Hardlink { entry.content } else { index };
        let kept_first = if first == index { NONE } else { moved[first as usize] };
        // Where the first name of a file is left out, another one takes its place.
        let own = other.entry(first);
        let at = self.push(parent, other.name(index), own.kind, own.mode, own.mtime, own.size);
        if own.kind == Kind::Symlink {
            self.set_target(at, other.target(index));
        } else if kept_first != NONE {
            self.set_hardlink(at, kept_first);
        }
        at
    }

    /// Sets the target of a symbolic link.
    pub(crate) fn set_target(&mut self, index: u32, target: &[u8]) {
        let at = self.target_bytes.len() as u32;
        self.target_bytes.extend_from_slice(target);
        self.entries.set_content(index, self.targets.len() as u32);
        self.targets.push((at, target.len() as u32));
    }

    /// Makes an entry another name of `first`.
    pub(crate) fn set_hardlink(&mut self, index: u32, first: u32) {
        let parent = self.entries.parent(index);
        let (kind, mtime) = (Kind::Hardlink, Mtime::default());
        self.entries.set(index, Entry { parent, kind, mode: 0, mtime, size: 0, content: first });
    }

    /// Sets a file's content; `chunks` are the extents' digests, needed when there are several.
    pub(crate) fn set_content(&mut self, index: u32, digest: Digest, extents: &[Extent], chunks: &[Digest]) {
        let content = self.contents.push(digest, extents, chunks);
        self.entries.set_content(index, content);
    }

    /// Takes the contents out, to be added to and given back by [`Tree::give_contents`].
    pub(crate) fn take_contents(&mut self) -> Contents {
        std::mem::take(&mut self.contents)
    }

    /// Takes contents back, with those of them that became known as the content of an entry.
    pub(crate) fn give_contents(&mut self, contents: Contents, of: impl Iterator<Item = (u32, u32)>) {
        self.contents = contents;
        for (entry, content) in of {
            self.entries.set_content(entry, content);
        }
    }

    /// The contents of all files.
    pub(crate) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Replaces mode, size and mtime of a file that is read again.
    pub(crate) fn set_stat(&mut self, index: u32, mode: u16, size: u64, mtime: Mtime) {
        self.entries.set(index, Entry { mode, size, mtime, ..self.entry(index) });
    }

    /// Takes the contents of `older`: each file but those `unknown`, which are in tree order, has the content of the file of
    /// `older` that it is `matching`.
    pub(crate) fn take_over(&mut self, older: &mut Self, matching: &[u32], unknown: &[u32]) {
        self.contents = older.take_contents();
        let mut unknown = unknown.iter().peekable();
        for (index, at) in (0..self.len()).zip(matching) {
            let entry = self.entry(index);
            if !entry.kind.is_file() || unknown.next_if(|unknown| **unknown == index).is_some() {
                continue;
            }
            let from = older.entry(older.resolve(*at));
            // Whether a file has holes is seen by its room on disk, and that may come later than its content.
            let kind = if from.kind == Kind::Sparse { from.kind } else { entry.kind };
            self.entries.set(index, Entry { kind, content: from.content, ..entry });
        }
    }

    /// Whether `older`, whose contents were taken over, has the same digest.
    pub(crate) fn is_same_state(&self, older: &Self) -> bool {
        self.may_be_same_state(older, &[])
    }

    /// The same, as far as it can be told while the contents of the files `unknown`, which are in tree order, are not known.
    pub(crate) fn may_be_same_state(&self, older: &Self, unknown: &[u32]) -> bool {
        let digest = |entry: Entry| self.contents.get(entry.content).map(|content| content.digest);
        let mut unknown = unknown.iter().peekable();
        let mut same = |index: u32, a: Entry, b: Entry| {
            let is_unknown = unknown.next_if(|unknown| **unknown == index).is_some();
            let same_content = match (a.kind, b.kind) {
                (Kind::File | Kind::Sparse, Kind::File | Kind::Sparse) => {
                    a.size == b.size && (is_unknown || digest(a) == digest(b))
                }
                (Kind::Symlink, Kind::Symlink) => self.target(index) == older.target(index),
                (Kind::Hardlink, Kind::Hardlink) => a.content == b.content,
                (a, b) => a == b,
            };
            same_content && a.parent == b.parent && a.mode == b.mode && self.name(index) == older.name(index)
        };
        self.len() == older.len() && self.entries().all(|(index, entry)| same(index, entry, older.entry(index)))
    }

    /// Renumbers the block of every file's extents, in tree order. No two files share a content.
    pub(crate) fn map_blocks(&mut self, mut map: impl FnMut(u32) -> u32) {
        for index in 0..self.len() {
            let entry = self.entry(index);
            if !entry.kind.is_file() {
                continue;
            }
            for extent in self.contents.extents_mut(entry.content).iter_mut().filter(|extent| !extent.is_hole()) {
                extent.block = map(extent.block);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_with_holes_makes_its_file_sparse() {
        // Whether a file looks sparse depends on when the file system makes room for it; its content does not.
        let file = |kind| {
            let mut tree = Tree::default();
            tree.push(NONE, b"", kind, 0o644, Mtime::default(), 9);
            tree
        };
        let (mut before, mut after) = (file(Kind::Sparse), file(Kind::File));
        before.set_content(0, Digest::of(&[0; 9]), &[Extent { block: NONE, offset: 0, length: 9 }], &[]);
        after.take_over(&mut before, &[0], &[]);
        assert_eq!(after.entry(0).kind, Kind::Sparse);
    }
}
