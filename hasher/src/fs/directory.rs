//! The names in a directory, from the cache where that is sure to say what the directory holds.

use std::ffi::OsStr;
use std::io;
use std::ops::Range;
use std::path::Path;

use sci_sys::fd::{AsFd, BorrowedFd, OwnedFd};
use sci_sys::ffi::OsStrExt;
use sci_sys::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use sci_sys::io::Errno;

use super::cache::{Lookup, StatCache};
use super::cache_format::{EntryKind, Known};
use super::cache_update::{Listed, Names};
use super::file::{Buffer, Found};
use super::machine::names_may_turn;
use super::stamp::Stamp;

/// A directory whose names take more is listed each time: most of them are no inputs, and every plan reads the cache.
const MOST_NAMES: usize = 256 << 10;

/// How a directory is opened that will probably not be listed.
#[cfg(target_os = "linux")]
const LOOK: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const LOOK: OFlags = OFlags::RDONLY;

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Reads directories one by one, and files in them.
///
/// With a cache, a directory is not listed that looks as it did when it was, whose file system is known to show every change
/// of a directory's entries in the directory's times, while the system was not started again. Each file in it is looked at
/// all the same.
#[derive(Debug)]
pub struct DirectoryReader<'c> {
    cache: Option<&'c StatCache>,
    lookup: Lookup<'c>,
    buffer: Buffer,
    /// Devices met so far, and whether their file systems keep times.
    devices: Vec<(u64, bool)>,
    names: Vec<u8>,
    entries: Vec<(Range<usize>, EntryKind, Option<Known>)>,
}

/// A directory that is open.
#[derive(Debug)]
pub struct Opened {
    handle: Handle,
    /// What may be remembered of it.
    pub names: Names,
}

#[derive(Debug)]
enum Handle {
    Unlisted(OwnedFd),
    Listed(Dir),
}

impl Opened {
    fn fd(&self) -> Result<BorrowedFd<'_>, Errno> {
        match &self.handle {
            Handle::Unlisted(handle) => Ok(handle.as_fd()),
            Handle::Listed(directory) => directory.fd(),
        }
    }
}

impl<'c> DirectoryReader<'c> {
    /// Reads directories of the workspace that the cache belongs to.
    pub fn new(cache: Option<&'c StatCache>) -> Self {
        let (names, entries, devices) = (Vec::new(), Vec::new(), Vec::new());
        Self { cache, lookup: Lookup::new(cache), buffer: Buffer::default(), devices, names, entries }
    }

    /// Opens the directory at `path`, relative to `root`, which is the workspace. The entries are then that directory's.
    ///
    /// # Errors
    /// What the system says; `ENOTDIR` or `ELOOP` when it is no directory.
    pub fn open(&mut self, root: BorrowedFd<'_>, path: &Path) -> Result<Opened, Errno> {
        self.names.clear();
        self.entries.clear();
        let name = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let remembered = self.cache.and_then(|cache| Some((cache, cache.directory(path.as_os_str().as_bytes())?)));
        let Some((cache, directory, listed)) =
            remembered.and_then(|(cache, found)| Some((cache, found, found.listed?)))
        else {
            return self.list(sci_sys::fs::openat(root, name, OFlags::RDONLY | DIRECTORY, Mode::empty())?, path);
        };
        let handle = sci_sys::fs::openat(root, name, LOOK | DIRECTORY, Mode::empty())?;
        let stamp = Stamp::of(&sci_sys::fs::fstat(&handle)?);
        if stamp != listed || !self.keeps_times(cache, handle.as_fd(), &stamp) {
            return self.list(sci_sys::fs::openat(&handle, ".", OFlags::RDONLY | DIRECTORY, Mode::empty())?, path);
        }
        for entry in cache.entries(directory) {
            self.push(entry.name, entry.kind, entry.known);
        }
        Ok(Opened { handle: Handle::Unlisted(handle), names: Names::Unchanged })
    }

    /// How many entries the directory has.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// An entry's name, and what it is.
    pub fn entry(&self, index: usize) -> (&[u8], EntryKind) {
        let (name, kind, _) = &self.entries[index];
        (&self.names[name.clone()], *kind)
    }

    /// Looks at a file or a link, and tells its digest where that is remembered, or, with `read`, quickly found out. `None`
    /// when it is something else.
    ///
    /// # Errors
    /// What the system says.
    pub fn look(&mut self, directory: &Opened, index: usize, read: bool) -> io::Result<Option<Found>> {
        let (name, kind, known) = &self.entries[index];
        let name = Path::new(OsStr::from_bytes(&self.names[name.clone()]));
        let directory = directory.fd()?;
        if let Some(known) = known {
            let Some(mut found) = Found::look(directory, name)? else { return Ok(None) };
            if found.stamp == known.stamp {
                found.remember(known.digest);
                return Ok(Some(found));
            }
        }
        if read && *kind == EntryKind::File {
            Found::read(directory, name, &mut self.buffer)
        } else {
            Found::look(directory, name)
        }
    }

    fn list(&mut self, handle: OwnedFd, path: &Path) -> Result<Opened, Errno> {
        // Before anything is read, so that what changes meanwhile shows.
        let stamp = if self.cache.is_some() { Some(Stamp::of(&sci_sys::fs::fstat(&handle)?)) } else { None };
        let (mut directory, mut all_said) = (Dir::new(handle)?, true);
        while let Some(entry) = directory.read() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let mut kind = entry.file_type();
            if kind == FileType::Unknown {
                // Not every file system's directories say.
                all_said = false;
                kind = match sci_sys::fs::statat(directory.fd()?, name, AtFlags::SYMLINK_NOFOLLOW) {
                    // What is gone is as if it had not been listed.
                    Err(Errno::NOENT) => continue,
                    stat => FileType::from_raw_mode(stat?.st_mode),
                };
            }
            let kind = match kind {
                FileType::RegularFile => EntryKind::File,
                FileType::Symlink => EntryKind::Symlink,
                FileType::Directory => EntryKind::Directory,
                _ => EntryKind::Other,
            };
            let known = self.lookup.known(path.as_os_str().as_bytes(), name);
            self.push(name, kind, known);
        }
        let names = match (self.cache, stamp) {
            (Some(cache), Some(stamp)) if all_said => self.memorable(cache, directory.fd()?, stamp),
            _ => Names::Unknown,
        };
        Ok(Opened { handle: Handle::Listed(directory), names })
    }

    fn push(&mut self, name: &[u8], kind: EntryKind, known: Option<Known>) {
        let start = self.names.len();
        self.names.extend_from_slice(name);
        self.entries.push((start..self.names.len(), kind, known));
    }

    fn memorable(&mut self, cache: &StatCache, directory: BorrowedFd<'_>, stamp: Stamp) -> Names {
        let machine = cache.machine();
        let lasts = machine.boot.is_some()
            && stamp.is_settled(machine.now)
            && self.names.len() <= MOST_NAMES
            && self.keeps_times(cache, directory, &stamp)
            && !names_may_turn(directory);
        if !lasts {
            return Names::Unknown;
        }
        let entries = self.entries.iter().map(|(name, kind, _)| (name.clone(), *kind)).collect();
        Names::Listed(Listed { stamp, names: self.names.clone(), entries })
    }

    fn keeps_times(&mut self, cache: &StatCache, directory: BorrowedFd<'_>, stamp: &Stamp) -> bool {
        if let Some((_, keeps)) = self.devices.iter().find(|(device, _)| *device == stamp.device) {
            return *keeps;
        }
        let keeps = (cache.machine().keeps_times)(directory);
        self.devices.push((stamp.device, keeps));
        keeps
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::{self, File};

    use tempfile::TempDir;

    use super::super::cache::tests::later;
    use super::super::{Machine, Walked};
    use super::*;
    use crate::Digest;

    /// A directory with one file, and what a cache was told of it: another name, so that it shows who is asked.
    struct Fixture {
        directory: TempDir,
        state: TempDir,
    }

    impl Fixture {
        fn new() -> Self {
            let fixture = Self { directory: tempfile::tempdir().unwrap(), state: tempfile::tempdir().unwrap() };
            fs::write(fixture.directory.path().join("real"), "").unwrap();
            let stamp = Stamp::of(&sci_sys::fs::stat(fixture.directory.path()).unwrap());
            let listed = Listed { stamp, names: b"told".to_vec(), entries: vec![(0..4, EntryKind::File)] };
            let mut cache = fixture.cache(later());
            cache.remember(Some(&[Walked { path: b"", names: &Names::Listed(listed) }]), [].into_iter());
            cache.save().unwrap();
            fixture
        }

        fn cache(&self, machine: Machine) -> StatCache {
            StatCache::load_on(self.state.path().join("cache"), machine)
        }

        /// The names in the directory, and whether they are remembered.
        fn names(&self, cache: Option<&StatCache>) -> (Vec<String>, Names) {
            let mut reader = DirectoryReader::new(cache);
            let opened = reader.open(File::open(self.directory.path()).unwrap().as_fd(), Path::new("")).unwrap();
            let name = |index| String::from_utf8_lossy(reader.entry(index).0).into_owned();
            ((0..reader.len()).map(name).collect(), opened.names)
        }

        fn on(&self, machine: Machine) -> (Vec<String>, Names) {
            self.names(Some(&self.cache(machine)))
        }
    }

    #[test]
    fn an_unchanged_directory_is_not_listed() {
        let (names, memory) = Fixture::new().on(later());
        assert_eq!(names, ["told"]);
        assert!(matches!(memory, Names::Unchanged));
    }

    #[test]
    fn without_a_cache_a_directory_is_listed() {
        let (names, memory) = Fixture::new().names(None);
        assert_eq!(names, ["real"]);
        assert!(matches!(memory, Names::Unknown));
    }

    #[test]
    fn a_file_system_that_does_not_keep_times_is_listed_and_not_remembered() {
        let (names, memory) = Fixture::new().on(Machine { keeps_times: |_| false, ..later() });
        assert_eq!(names, ["real"]);
        assert!(matches!(memory, Names::Unknown));
    }

    #[test]
    fn after_another_start_of_the_system_a_directory_is_listed() {
        let fixture = Fixture::new();
        let (names, memory) = fixture.on(Machine { boot: Some(Digest::of(b"another")), ..later() });
        assert_eq!(names, ["real"]);
        assert!(matches!(memory, Names::Listed(_)));
        let (names, memory) = fixture.on(Machine { boot: None, ..later() });
        assert_eq!(names, ["real"]);
        assert!(matches!(memory, Names::Unknown));
    }

    #[test]
    fn a_directory_that_changed_a_moment_ago_is_not_remembered() {
        let fixture = Fixture::new();
        fs::write(fixture.directory.path().join("new"), "").unwrap();
        fs::remove_file(fixture.directory.path().join("real")).unwrap();
        let (names, memory) = fixture.on(Machine { now: Machine::detect().now, ..later() });
        assert_eq!(names, ["new"]);
        assert!(matches!(memory, Names::Unknown));
    }

    #[test]
    fn another_directory_in_the_place_of_one_is_listed() {
        let mut fixture = Fixture::new();
        fixture.directory = tempfile::tempdir().unwrap();
        fs::write(fixture.directory.path().join("other"), "").unwrap();
        assert_eq!(fixture.on(later()).0, ["other"]);
    }

    #[test]
    fn a_directory_with_very_many_names_is_listed_each_time() {
        let fixture = Fixture::new();
        for number in 0..MOST_NAMES / 250 + 1 {
            fs::write(fixture.directory.path().join(format!("{number:0250}")), "").unwrap();
        }
        assert!(matches!(fixture.on(later()).1, Names::Unknown));
    }
}
