//! The stat cache: digests and listings remembered between runs.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sci_sys::ffi::OsStrExt;

use super::cache_format::{self, Content, Directory, Entries, Known};
use super::cache_update::{self, Fact, Names, Walked};
use super::file::Found;
use super::machine::Machine;
use super::stamp::Stamp;
use crate::Digest;

/// What is remembered of a workspace, by what the file system says: digests of its files, which hold while size, mtime,
/// ctime, inode and device stay; and names in its directories, which hold while the directory's own stay, too.
///
/// The cache is one file that belongs to one workspace. It only ever saves work: a file that is missing, cut off, damaged
/// or of another version is an empty cache, and the next [`save`](Self::save) replaces it. Two processes that save at
/// once may spoil each other's file, which then is a damaged one; what a killed one left is written over.
#[derive(Debug)]
pub struct StatCache {
    file: PathBuf,
    /// The file's content, in which everything of `directories` is.
    pub(super) bytes: Vec<u8>,
    pub(super) directories: Vec<Directory>,
    machine: Machine,
    changed: bool,
}

impl StatCache {
    /// Reads the cache that is kept in `file`.
    pub fn load(file: impl Into<PathBuf>) -> Self {
        Self::load_on(file, Machine::detect())
    }

    /// The same, where the machine is another one than this, or the time another than now.
    pub fn load_on(file: impl Into<PathBuf>, machine: Machine) -> Self {
        let file = file.into();
        let bytes = std::fs::read(&file).unwrap_or_default();
        let mut directories = Vec::new();
        if let Some(content) = cache_format::decode(&bytes) {
            directories = content.directories;
            if machine.boot != Some(content.boot) {
                directories.iter_mut().for_each(|directory| directory.listed = None);
            }
        }
        Self { file, bytes, directories, machine, changed: false }
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
            .and_then(|mut file| file.write_all(&self.bytes))
            .and_then(|()| std::fs::rename(&partial, &self.file));
        if written.is_err() {
            let _ = std::fs::remove_file(&partial);
        }
        self.changed &= written.is_err();
        written
    }

    /// Number of files whose digest is remembered.
    pub fn len(&self) -> usize {
        let known = |directory: &Directory| self.entries(directory).filter(|entry| entry.known.is_some()).count();
        self.directories.iter().map(known).sum()
    }

    /// Whether no digest is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of directories whose names are remembered.
    pub fn listings(&self) -> usize {
        self.directories.iter().filter(|directory| directory.listed.is_some()).count()
    }

    /// Remembers what a run found: the directories that a walk of the whole workspace came through, if there was one, in byte
    /// order of their paths, and files; `None` where it could not be found out what a file holds.
    pub fn remember<'f>(
        &mut self,
        walked: Option<&[Walked<'_>]>,
        files: impl Iterator<Item = (&'f Path, Option<&'f Found>)>,
    ) {
        let now = self.machine.now;
        let fact = |(path, found): (&'f Path, Option<&Found>)| {
            let (directory, name) = split(path);
            let unknown = Fact { directory, name, content: None, is_known: false };
            found.map_or(unknown, |found| found.fact(directory, name, now))
        };
        let mut facts: Vec<Fact<'_>> = files.map(fact).collect();
        if self.says(walked, &facts) {
            return;
        }
        facts.sort_unstable_by_key(|fact| (fact.directory, fact.name));
        let boot = self.machine.boot.unwrap_or(Digest::from_bytes([0; Digest::LEN]));
        let (bytes, Content { directories, .. }) = cache_update::merge(self, boot, walked, &facts);
        (self.bytes, self.directories, self.changed) = (bytes, directories, true);
    }

    /// Whether nothing that was found differs from what is remembered.
    fn says(&self, walked: Option<&[Walked<'_>]>, facts: &[Fact<'_>]) -> bool {
        let mut lookup = Lookup::new(Some(self));
        let same = |fact: &Fact<'_>| {
            let mut known = || lookup.known(fact.directory, fact.name).map(|known| (known.stamp, known.digest));
            fact.is_known || known() == fact.content
        };
        let confirmed = |walked: &[Walked<'_>]| {
            let unchanged = walked.iter().filter(|walk| matches!(walk.names, Names::Unchanged)).count();
            unchanged == self.listings() && !walked.iter().any(|walk| matches!(walk.names, Names::Listed(_)))
        };
        walked.is_none_or(confirmed) && facts.iter().all(same)
    }

    pub(super) const fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(super) fn directory(&self, path: &[u8]) -> Option<&Directory> {
        let place = self.directories.binary_search_by(|directory| self.path(directory).cmp(path)).ok()?;
        self.directories.get(place)
    }

    pub(super) fn path(&self, directory: &Directory) -> &[u8] {
        &self.bytes[directory.path.clone()]
    }

    pub(super) fn entries(&self, directory: &Directory) -> Entries<'_> {
        Entries::of(&self.bytes[directory.entries.clone()])
    }
}

/// Looks files up; quickest when those of a directory come one after the other.
#[derive(Debug, Default)]
pub(super) struct Lookup<'c> {
    cache: Option<&'c StatCache>,
    /// The directory of which `files` are.
    directory: Option<Box<[u8]>>,
    files: Vec<(&'c [u8], Known)>,
}

impl<'c> Lookup<'c> {
    pub(super) fn new(cache: Option<&'c StatCache>) -> Self {
        Self { cache, directory: None, files: Vec::new() }
    }

    /// The digest of a file, if it still has the stamp that it had when it was hashed.
    pub(super) fn digest(&mut self, directory: &[u8], name: &[u8], stamp: &Stamp) -> Option<Digest> {
        self.known(directory, name).filter(|known| known.stamp == *stamp).map(|known| known.digest)
    }

    pub(super) fn known(&mut self, directory: &[u8], name: &[u8]) -> Option<Known> {
        let cache = self.cache?;
        if self.directory.as_deref() != Some(directory) {
            self.directory = Some(directory.into());
            self.files.clear();
            if let Some(directory) = cache.directory(directory) {
                self.files.extend(cache.entries(directory).filter_map(|entry| Some((entry.name, entry.known?))));
            }
        }
        let place = self.files.binary_search_by_key(&name, |(name, _)| name).ok()?;
        self.files.get(place).map(|(_, known)| *known)
    }
}

/// A path as its directory and its name in it.
pub(super) fn split(path: &Path) -> (&[u8], &[u8]) {
    let path = path.as_os_str().as_bytes();
    let slash = path.iter().rposition(|byte| *byte == b'/');
    slash.map_or((&path[..0], path), |slash| (&path[..slash], &path[slash + 1..]))
}

#[cfg(test)]
#[cfg(unix)]
pub(super) mod tests {
    use std::fs;

    use sci_sys::fd::AsFd;

    use super::super::{Buffer, Timestamp};
    use super::*;

    /// A machine on which every file is settled.
    pub(in super::super) fn later() -> Machine {
        Machine {
            now: Timestamp { seconds: 1 << 40, nanos: 0 },
            boot: Some(Digest::of(b"boot")),
            keeps_times: |_| true,
        }
    }

    fn found(directory: &Path, name: &str) -> Found {
        fs::write(directory.join(name), name).unwrap();
        let handle = File::open(directory).unwrap();
        Found::read(handle.as_fd(), Path::new(name), &mut Buffer::default()).unwrap().unwrap()
    }

    fn remember(cache: &mut StatCache, files: &[(&str, &Found)]) {
        cache.remember(None, files.iter().map(|(path, found)| (Path::new(*path), Some(*found))));
    }

    #[test]
    fn what_a_killed_process_left_is_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let some = found(directory.path(), "some");
        let file = directory.path().join("state/cache");
        fs::create_dir(file.parent().unwrap()).unwrap();
        fs::write(file.with_extension("partial"), vec![1; 10_000]).unwrap();
        let mut cache = StatCache::load_on(&file, later());
        remember(&mut cache, &[("some", &some)]);
        cache.save().unwrap();
        assert_eq!(StatCache::load(&file).len(), 1);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn an_entry_that_nothing_uses_is_dropped_in_time_and_one_in_use_stays() {
        let directory = tempfile::tempdir().unwrap();
        let [unused, used] = ["unused", "used"].map(|name| found(directory.path(), name));
        let file = directory.path().join("cache");
        let mut cache = StatCache::load_on(&file, later());
        remember(&mut cache, &[("a/unused", &unused), ("a/used", &used)]);
        cache.save().unwrap();
        let known = |cache: &StatCache, name: &[u8]| Lookup::new(Some(cache)).known(b"a", name).is_some();
        for rewrite in 1..=16 {
            let mut cache = StatCache::load_on(&file, later());
            assert!(known(&cache, b"unused"), "rewrite {rewrite}");
            let another = found(directory.path(), &format!("another-{rewrite}"));
            remember(&mut cache, &[("a/used", &used), ("b/another", &another)]);
            cache.save().unwrap();
        }
        let cache = StatCache::load_on(&file, later());
        assert!(!known(&cache, b"unused"));
        assert!(known(&cache, b"used"));
    }
}
