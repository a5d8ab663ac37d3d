//! What was read, in bounded memory.

use std::collections::{BTreeMap, BTreeSet};

/// The bytes that all names together may take, with what it takes to keep one.
const ROOM: usize = 64 << 20;
/// What keeping one name takes beside its bytes, about.
const OVERHEAD: usize = 64;

/// How old a file was when it was first asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It was there before the command, and as it was.
    Old,
    /// It was moved, linked or given another mode since the command began; the content is older.
    Moved,
    /// It was made or written since the command began.
    New,
}

/// What a command has read of the directory.
#[derive(Debug)]
pub struct Reads {
    /// Regular files that were opened for reading, or executed: relative to the directory, with links resolved.
    pub files: BTreeMap<Vec<u8>, Age>,
    /// The paths by which some of them were asked for that have links in them.
    pub through: BTreeSet<Vec<u8>>,
    /// Requests that could not be looked at.
    pub unseen: u64,
    /// Why the first of them could not.
    pub why: Option<String>,
    /// Files that there was no room to remember.
    pub dropped: u64,
    room: usize,
}

impl Default for Reads {
    fn default() -> Self {
        Self::with_room(ROOM)
    }
}

impl Reads {
    /// Keeps names up to so many bytes.
    pub(crate) fn with_room(room: usize) -> Self {
        let (files, through) = (BTreeMap::new(), BTreeSet::new());
        Self { files, through, unseen: 0, why: None, dropped: 0, room }
    }

    /// Notes a file. What it was at first is what counts.
    pub(crate) fn file(&mut self, path: &[u8], age: Age) {
        if self.files.contains_key(path) {
            return;
        }
        if self.takes(path) {
            self.files.insert(path.to_vec(), age);
        } else {
            self.dropped += 1;
        }
    }

    /// Notes by what path one was asked for that has links in it.
    pub(crate) fn through(&mut self, path: &[u8]) {
        if !self.through.contains(path) && self.takes(path) {
            self.through.insert(path.to_vec());
        }
    }

    /// Notes a request that could not be looked at.
    pub(crate) fn unseen(&mut self, why: impl FnOnce() -> String) {
        self.unseen += 1;
        self.why.get_or_insert_with(why);
    }

    fn takes(&mut self, path: &[u8]) -> bool {
        let left = self.room.checked_sub(path.len() + OVERHEAD);
        self.room = left.unwrap_or(self.room);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_age_of_a_file_counts() {
        let mut reads = Reads::default();
        reads.file(b"a", Age::Old);
        reads.file(b"a", Age::New);
        assert_eq!(reads.files, [(b"a".to_vec(), Age::Old)].into());
    }

    #[test]
    fn names_beyond_the_room_are_counted_and_not_kept() {
        let mut reads = Reads::with_room(2 * (OVERHEAD + 1));
        for name in [b"a", b"b", b"c", b"d", b"a"] {
            reads.file(name, Age::Old);
        }
        assert_eq!((reads.files.len(), reads.dropped), (2, 2));
        reads.through(b"l");
        assert!(reads.through.is_empty());
    }

    #[test]
    fn the_first_reason_is_kept() {
        let mut reads = Reads::default();
        reads.unseen(|| "one".to_owned());
        reads.unseen(|| "two".to_owned());
        assert_eq!((reads.unseen, reads.why.as_deref()), (2, Some("one")));
    }
}
