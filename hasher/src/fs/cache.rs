//! The stat cache: digests remembered between runs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::cache_format;
use super::stamp::Stamp;
use crate::Digest;

/// An entry that so many rewrites in a row did not use is dropped: the file is gone, or no pattern matches it any more.
const MAX_IDLE: u8 = 16;

/// Digests of a workspace's files, by what the file system says of each: size, mtime, ctime, inode, device.
///
/// The cache is one file that belongs to one workspace. It only ever saves work: a file that is missing, cut off, damaged
/// or of another version is an empty cache, and the next [`save`](Self::save) replaces it. Two processes that save at
/// once may spoil each other's file, which then is a damaged one; what a killed one left is written over.
#[derive(Debug)]
pub struct StatCache {
    file: PathBuf,
    /// The file's content, in which the paths of `entries` are.
    bytes: Vec<u8>,
    /// What the file says, in byte order of the paths. One that was forgotten stays until the file is rewritten.
    entries: Vec<(Range<usize>, Entry)>,
    /// What it does not say.
    learned: BTreeMap<Box<[u8]>, Entry>,
    changed: bool,
}

/// What is remembered of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) stamp: Stamp,
    pub(super) digest: Digest,
    /// How many rewrites in a row did not use the entry.
    pub(super) idle: u8,
    /// Whether this process used the entry.
    pub(super) used: bool,
    /// Whether it does not count any more.
    pub(super) forgotten: bool,
}

impl Entry {
    /// An entry that nothing has used yet.
    pub(super) const fn new(stamp: Stamp, digest: Digest, idle: u8) -> Self {
        Self { stamp, digest, idle, used: false, forgotten: false }
    }
}

/// The place of an entry among what the file says, if it is one of those: marking it needs no other search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known(Option<usize>);

impl StatCache {
    /// Reads the cache that is kept in `file`.
    pub fn load(file: impl Into<PathBuf>) -> Self {
        let file = file.into();
        let bytes = std::fs::read(&file).unwrap_or_default();
        let entries = cache_format::decode(&bytes).unwrap_or_default();
        Self { file, bytes, entries, learned: BTreeMap::new(), changed: false }
    }

    /// Writes the cache back, when it learned something; whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written; what it held before then still stands.
    pub fn save(&mut self) -> io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        let parent = self.file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent)?;
        let mut partial = self.file.clone().into_os_string();
        partial.push(".partial");
        let written = File::create(&partial)
            .and_then(|mut file| file.write_all(&self.encode()))
            .and_then(|()| std::fs::rename(&partial, &self.file));
        if written.is_err() {
            let _ = std::fs::remove_file(&partial);
        }
        self.changed &= written.is_err();
        written
    }

    /// Everything that is remembered and was used not too long ago.
    fn encode(&self) -> Vec<u8> {
        let idle = |entry: &Entry| Entry { idle: if entry.used { 0 } else { entry.idle.saturating_add(1) }, ..*entry };
        let old = self.entries.iter().filter(|(_, entry)| !entry.forgotten);
        let old = old.map(|(path, entry)| (&self.bytes[path.clone()], idle(entry)));
        let new = self.learned.iter().map(|(path, entry)| (&path[..], idle(entry)));
        let mut all: Vec<(&[u8], Entry)> = old.chain(new).filter(|(_, entry)| entry.idle < MAX_IDLE).collect();
        all.sort_by_key(|(path, _)| *path);
        cache_format::encode(all.iter().map(|(path, entry)| (*path, entry)))
    }

    /// Number of files remembered.
    pub fn len(&self) -> usize {
        self.entries.iter().filter(|(_, entry)| !entry.forgotten).count() + self.learned.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is remembered of `path`, if it still has the stamp that it had when it was hashed.
    ///
    /// `next` is where the search begins, and then where the entry after it is: paths are best asked for in their order.
    pub(super) fn get(&self, path: &Path, stamp: &Stamp, next: &mut usize) -> Option<(Digest, Known)> {
        let (place, entry) = match self.search(path, *next) {
            Some(place) => {
                *next = place + 1;
                (Some(place), &self.entries[place].1)
            }
            None => (None, self.learned.get(key(path))?),
        };
        (entry.stamp == *stamp && !entry.forgotten).then_some((entry.digest, Known(place)))
    }

    pub(super) fn mark_used(&mut self, path: &Path, known: &Known) {
        let entry = match known.0 {
            Some(place) => self.entries.get_mut(place).map(|(_, entry)| entry),
            None => self.learned.get_mut(key(path)),
        };
        if let Some(entry) = entry {
            entry.used = true;
        }
    }

    pub(super) fn insert(&mut self, path: &Path, stamp: Stamp, digest: Digest) {
        let entry = Entry { used: true, ..Entry::new(stamp, digest, 0) };
        match self.search(path, self.entries.len()) {
            Some(place) => self.entries[place].1 = entry,
            None => {
                self.learned.insert(key(path).into(), entry);
            }
        }
        self.changed = true;
    }

    pub(super) fn forget(&mut self, path: &Path) {
        let known = self.search(path, self.entries.len()).map(|place| &mut self.entries[place].1);
        self.changed |= match known {
            Some(entry) => !std::mem::replace(&mut entry.forgotten, true),
            None => self.learned.remove(key(path)).is_some(),
        };
    }

    /// The place of a path among what the file says; `guess` is looked at first.
    fn search(&self, path: &Path, guess: usize) -> Option<usize> {
        let path = key(path);
        let at = |place: &Range<usize>| &self.bytes[place.clone()];
        if self.entries.get(guess).is_some_and(|(place, _)| at(place) == path) {
            return Some(guess);
        }
        self.entries.binary_search_by(|(place, _)| at(place).cmp(path)).ok()
    }
}

fn key(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_a_killed_process_left_is_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let stamp = Stamp::of(&rustix::fs::stat(directory.path()).unwrap());
        let file = directory.path().join("cache");
        fs::write(directory.path().join("cache.partial"), vec![1; 10_000]).unwrap();
        let mut cache = StatCache::load(&file);
        cache.insert(Path::new("some"), stamp, Digest::of(b""));
        cache.save().unwrap();
        assert_eq!(StatCache::load(&file).len(), 1);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_entry_that_nothing_uses_is_dropped_in_time_and_one_in_use_stays() {
        let directory = tempfile::tempdir().unwrap();
        let stamp = Stamp::of(&rustix::fs::stat(directory.path()).unwrap());
        let file = directory.path().join("cache");
        let mut cache = StatCache::load(&file);
        for path in ["unused", "used"] {
            cache.insert(Path::new(path), stamp, Digest::of(b""));
        }
        cache.save().unwrap();
        for rewrite in 1..=MAX_IDLE {
            let mut cache = StatCache::load(&file);
            assert!(cache.get(Path::new("unused"), &stamp, &mut 0).is_some(), "rewrite {rewrite}");
            let (_, used) = cache.get(Path::new("used"), &stamp, &mut 0).unwrap();
            cache.mark_used(Path::new("used"), &used);
            cache.insert(Path::new("another"), stamp, Digest::of(&[rewrite]));
            cache.save().unwrap();
        }
        let cache = StatCache::load(&file);
        assert!(cache.get(Path::new("unused"), &stamp, &mut 0).is_none());
        assert!(cache.get(Path::new("used"), &stamp, &mut 0).is_some());
    }
}
