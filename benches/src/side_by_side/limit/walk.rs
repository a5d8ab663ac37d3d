//! Walks a tree with every thread that the machine has.

use std::ffi::{CStr, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Statx, StatxFlags, Timespec, Timestamps, openat, statx};

use super::threads;
use crate::Failure;

/// One entry that is no directory.
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) kind: FileType,
    pub(super) mode: Mode,
    pub(super) size: u64,
    pub(super) times: Timestamps,
    /// The same for two names of one file.
    pub(super) inode: u64,
    pub(super) links: u32,
}

/// What a thread does with what it finds.
trait Visitor: Default + Send {
    /// Looks at an entry that is no directory.
    fn entry(&mut self, at: &OwnedFd, directory: &Path, name: &CStr, status: &Statx) -> rustix::io::Result<()>;

    /// Looks at a directory.
    fn directory(&mut self, _: &Path) {}
}

/// Does nothing.
#[derive(Default)]
struct Bare;

impl Visitor for Bare {
    fn entry(&mut self, _: &OwnedFd, _: &Path, _: &CStr, _: &Statx) -> rustix::io::Result<()> {
        Ok(())
    }
}

/// Reads every file into a buffer that is used again.
#[derive(Default)]
struct Reader(Vec<u8>);

impl Visitor for Reader {
    fn entry(&mut self, at: &OwnedFd, _: &Path, name: &CStr, status: &Statx) -> rustix::io::Result<()> {
        /// As much as one call reads of a large file.
        const PIECE: usize = 1 << 20;
        if kind(status) != FileType::RegularFile {
            return Ok(());
        }
        self.0.resize(PIECE, 0);
        let file = openat(at, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let mut left = status.stx_size;
        while left > 0 {
            match rustix::io::read(&file, &mut self.0[..])? {
                0 => break,
                read => left = left.saturating_sub(read as u64),
            }
        }
        Ok(())
    }
}

/// Keeps everything.
#[derive(Default)]
struct Keeper {
    entries: Vec<Entry>,
    directories: Vec<PathBuf>,
}

impl Visitor for Keeper {
    fn entry(&mut self, _: &OwnedFd, directory: &Path, name: &CStr, status: &Statx) -> rustix::io::Result<()> {
        let time = Timespec { tv_sec: status.stx_mtime.tv_sec, tv_nsec: status.stx_mtime.tv_nsec.into() };
        self.entries.push(Entry {
            path: directory.join(OsStr::from_bytes(name.to_bytes())),
            kind: kind(status),
            mode: Mode::from_raw_mode(u32::from(status.stx_mode)),
            size: status.stx_size,
            times: Timestamps { last_access: time, last_modification: time },
            inode: status.stx_ino,
            links: status.stx_nlink,
        });
        Ok(())
    }

    fn directory(&mut self, path: &Path) {
        self.directories.push(path.to_path_buf());
    }
}

fn kind(status: &Statx) -> FileType {
    FileType::from_raw_mode(u32::from(status.stx_mode))
}

/// Lists the tree at `root`, asks for the status of every entry, and keeps nothing.
///
/// # Errors
/// When something cannot be read.
pub(super) fn bare(root: &Path) -> Result<(), Failure> {
    walk::<Bare>(root).map(|_| ())
}

/// The same, and reads every file.
///
/// # Errors
/// When something cannot be read.
pub(super) fn read(root: &Path) -> Result<(), Failure> {
    walk::<Reader>(root).map(|_| ())
}

/// Every entry that is no directory, in no order; paths are relative to `root`.
///
/// # Errors
/// When something cannot be read.
pub(super) fn entries(root: &Path) -> Result<Vec<Entry>, Failure> {
    Ok(walk::<Keeper>(root)?.into_iter().flat_map(|keeper| keeper.entries).collect())
}

/// The directories below `root`, each after the one that holds it.
///
/// # Errors
/// When something cannot be read.
pub(super) fn directories(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut directories: Vec<PathBuf> =
        walk::<Keeper>(root)?.into_iter().flat_map(|keeper| keeper.directories).collect();
    directories.sort();
    Ok(directories)
}

/// Directories that nobody has listed yet, and how many are being listed.
struct Queue {
    left: Vec<PathBuf>,
    busy: usize,
}

/// Walks with every thread; each has a visitor of its own.
fn walk<V: Visitor>(root: &Path) -> Result<Vec<V>, Failure> {
    let queue = Mutex::new(Queue { left: vec![PathBuf::new()], busy: 0 });
    let ready = Condvar::new();
    let lock = || queue.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || -> Result<V, String> {
        let mut visitor = V::default();
        let mut found = Vec::new();
        loop {
            let mut queue = lock();
            let directory = loop {
                match queue.left.pop() {
                    Some(directory) => break directory,
                    None if queue.busy == 0 => return Ok(visitor),
                    None => queue = ready.wait(queue).unwrap_or_else(PoisonError::into_inner),
                }
            };
            queue.busy += 1;
            drop(queue);
            let listed = list(root, &directory, &mut visitor, &mut found);
            let mut queue = lock();
            queue.busy -= 1;
            queue.left.append(&mut found);
            drop(queue);
            ready.notify_all();
            listed.map_err(|error| format!("{}: {error}", root.join(&directory).display()))?;
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads()).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked".to_owned()));
        ended.map(|result| Ok(result.flatten()?)).collect()
    })
}

fn list<V: Visitor>(
    root: &Path,
    directory: &Path,
    visitor: &mut V,
    found: &mut Vec<PathBuf>,
) -> rustix::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = openat(CWD, root.join(directory), flags, Mode::empty())?;
    for entry in Dir::read_from(&handle)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let status = statx(&handle, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS)?;
        if kind(&status) == FileType::Directory {
            let path = directory.join(OsStr::from_bytes(name.to_bytes()));
            visitor.directory(&path);
            found.push(path);
        } else {
            visitor.entry(&handle, directory, name, &status)?;
        }
    }
    Ok(())
}
