//! What a file system keeps of what a snapshot says. On Unix that is all of it; on Windows a mode is hardly anything, and a time
//! has fewer digits. What was restored must be found unchanged there, too, and be saved again as what it was.

use sci_sys::kept;

use super::{Entry, Kind, Mtime, NONE, Tree};

impl Mtime {
    /// Whether this time, once set, is read back as `found`, which may have been made exact since.
    pub(crate) fn is_kept_as(self, found: Self) -> bool {
        kept::time(self.secs, self.nanos) == kept::time(found.secs, found.nanos)
    }
}

impl Entry {
    /// Its mode as it is read back once set.
    pub(crate) fn kept_mode(&self) -> u16 {
        match self.kind {
            Kind::Symlink | Kind::Hardlink => self.mode,
            kind => kept::mode(self.mode, kind == Kind::Dir),
        }
    }

    /// Whether its mode and time, once set, are read back as those of `found`.
    pub(crate) fn is_kept_as(&self, found: &Self) -> bool {
        self.mtime.is_kept_as(found.mtime) && self.kept_mode() == found.mode
    }
}

impl Tree {
    /// Gives entries the mode and the time that `older` has at the same path, where the file system would have kept no more of
    /// them than was found.
    pub(crate) fn refine(&mut self, older: &Self, matching: &[u32]) {
        if kept::ALL {
            return;
        }
        for (index, at) in (0..self.len()).zip(matching).filter(|(_, at)| **at != NONE) {
            let (mut entry, was) = (self.entry(index), older.entry(*at));
            if (entry.kind == Kind::Dir) != (was.kind == Kind::Dir) || entry.kind.is_file() != was.kind.is_file() {
                continue;
            }
            if was.kept_mode() == entry.mode {
                entry.mode = was.mode;
            }
            if was.mtime.is_kept_as(entry.mtime) {
                entry.mtime = was.mtime;
            }
            self.entries.set(index, entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(mode: u16, nanos: u32) -> Tree {
        let mut tree = Tree::default();
        let root = tree.push(NONE, b"", Kind::Dir, 0o755, Mtime::default(), 0);
        tree.push(root, b"file", Kind::File, mode, Mtime { secs: 7, nanos }, 1);
        tree
    }

    #[test]
    fn what_the_file_system_does_not_keep_is_no_difference_and_not_lost() {
        let wanted = file(0o750, 123_456_789);
        let (secs, nanos) = kept::time(7, 123_456_789);
        let mut found = file(wanted.entry(1).kept_mode(), nanos);
        assert_eq!(secs, 7);
        assert!(wanted.entry(1).is_kept_as(&found.entry(1)));
        found.refine(&wanted, &[0, 1]);
        assert_eq!(found.entry(1), wanted.entry(1));
        assert!(wanted.entry(1).mtime.is_kept_as(found.entry(1).mtime));
    }

    #[test]
    fn a_change_is_one() {
        let wanted = file(0o644, 5_000);
        for (mode, nanos) in [(0o444, 5_000), (0o644, 6_000)] {
            let mut found = file(mode, nanos);
            assert!(!wanted.entry(1).is_kept_as(&found.entry(1)));
            found.refine(&wanted, &[0, 1]);
            assert_ne!(found.entry(1), wanted.entry(1));
        }
    }
}
