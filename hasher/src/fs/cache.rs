//! The stat cache: digests remembered between runs.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
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
    entries: HashMap<Box<[u8]>, Entry>,
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
}

impl StatCache {
    /// Reads the cache that is kept in `file`.
    pub fn load(file: impl Into<PathBuf>) -> Self {
        let file = file.into();
        let entries = std::fs::read(&file).ok().and_then(|bytes| cache_format::decode(&bytes)).unwrap_or_default();
        Self { file, entries, changed: false }
    }

    /// Writes the cache back, when it learned something; whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written; what it held before then still stands.
    pub fn save(&mut self) -> io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        for entry in self.entries.values_mut() {
            entry.idle = if entry.used { 0 } else { entry.idle.saturating_add(1) };
        }
        self.entries.retain(|_, entry| entry.idle < MAX_IDLE);
        let parent = self.file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent)?;
        let mut partial = self.file.clone().into_os_string();
        partial.push(".partial");
        let written = File::create(&partial)
            .and_then(|mut file| file.write_all(&cache_format::encode(&self.entries)))
            .and_then(|()| std::fs::rename(&partial, &self.file));
        if written.is_err() {
            let _ = std::fs::remove_file(&partial);
        }
        self.changed &= written.is_err();
        written
    }

    /// Number of files remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The digest of `path`, if it still has the stamp that it had when it was hashed.
    pub(super) fn get(&self, path: &Path, stamp: &Stamp) -> Option<Digest> {
        self.entries.get(key(path)).filter(|entry| entry.stamp == *stamp).map(|entry| entry.digest)
    }

    pub(super) fn mark_used(&mut self, path: &Path) {
        if let Some(entry) = self.entries.get_mut(key(path)) {
            entry.used = true;
        }
    }

    pub(super) fn insert(&mut self, path: &Path, stamp: Stamp, digest: Digest) {
        self.entries.insert(key(path).into(), Entry { stamp, digest, idle: 0, used: true });
        self.changed = true;
    }

    pub(super) fn forget(&mut self, path: &Path) {
        self.changed |= self.entries.remove(key(path)).is_some();
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
        let stamp = Stamp::of(&fs::metadata(directory.path()).unwrap());
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
        let stamp = Stamp::of(&fs::metadata(directory.path()).unwrap());
        let file = directory.path().join("cache");
        let mut cache = StatCache::load(&file);
        for path in ["unused", "used"] {
            cache.insert(Path::new(path), stamp, Digest::of(b""));
        }
        cache.save().unwrap();
        for rewrite in 1..=MAX_IDLE {
            let mut cache = StatCache::load(&file);
            assert!(cache.get(Path::new("unused"), &stamp).is_some(), "rewrite {rewrite}");
            cache.mark_used(Path::new("used"));
            cache.insert(Path::new("another"), stamp, Digest::of(&[rewrite]));
            cache.save().unwrap();
        }
        let cache = StatCache::load(&file);
        assert!(cache.get(Path::new("unused"), &stamp).is_none());
        assert!(cache.get(Path::new("used"), &stamp).is_some());
    }
}
