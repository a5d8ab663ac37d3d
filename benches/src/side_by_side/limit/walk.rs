//! Walks a tree with every thread that the machine has.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, StatxFlags, Timestamps, openat, statx};

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

/// Directories that nobody has listed yet, and how many are being listed.
#[derive(Default)]
struct Queue {
    left: Vec<PathBuf>,
    busy: usize,
}

/// Lists the tree at `root` and asks for the status of every entry.
///
/// # Errors
/// When something cannot be read.
pub(super) fn entries(root: &Path) -> Result<Vec<Entry>, Failure> {
    Ok(walk(root, false)?.0)
}

/// The same, and reads every file.
///
/// # Errors
/// When something cannot be read.
pub(super) fn read(root: &Path) -> Result<(), Failure> {
    walk(root, true).map(|_| ())
}

/// The directories below `root`, each after the one that holds it.
///
/// # Errors
/// When something cannot be read.
pub(super) fn directories(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut directories = walk(root, false)?.1;
    directories.sort();
    Ok(directories)
}

/// The tree in the order of its paths, which are relative to `root`.
fn walk(root: &Path, read: bool) -> Result<(Vec<Entry>, Vec<PathBuf>), Failure> {
    let queue = Mutex::new(Queue { left: vec![PathBuf::new()], busy: 0 });
    let ready = Condvar::new();
    let lock = || queue.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || -> Result<_, String> {
        let (mut entries, mut directories) = (Vec::new(), Vec::new());
        let mut buffer = Vec::new();
        loop {
            let mut queue = lock();
            let directory = loop {
                match queue.left.pop() {
                    Some(directory) => break directory,
                    None if queue.busy == 0 => return Ok((entries, directories)),
                    None => queue = ready.wait(queue).unwrap_or_else(PoisonError::into_inner),
                }
            };
            queue.busy += 1;
            drop(queue);
            let mut found = Vec::new();
            let listed = list(root, &directory, &mut entries, &mut found, read.then_some(&mut buffer));
            let mut queue = lock();
            queue.busy -= 1;
            queue.left.extend(found.iter().cloned());
            ready.notify_all();
            drop(queue);
            directories.append(&mut found);
            listed.map_err(|error| format!("{}: {error}", root.join(&directory).display()))?;
        }
    };
    let parts = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads()).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked".to_owned()));
        ended.map(Result::flatten).collect::<Result<Vec<_>, _>>()
    })?;
    let (entries, directories): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    Ok((entries.into_iter().flatten().collect(), directories.into_iter().flatten().collect()))
}

fn list(
    root: &Path,
    directory: &Path,
    entries: &mut Vec<Entry>,
    directories: &mut Vec<PathBuf>,
    mut buffer: Option<&mut Vec<u8>>,
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
        let path = directory.join(OsStr::from_bytes(name.to_bytes()));
        let kind = FileType::from_raw_mode(u32::from(status.stx_mode));
        if kind == FileType::Directory {
            directories.push(path);
            continue;
        }
        if let (FileType::RegularFile, Some(buffer)) = (kind, &mut buffer) {
            let file = openat(&handle, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
            read_all(file.as_fd(), status.stx_size, buffer)?;
        }
        let time = rustix::fs::Timespec { tv_sec: status.stx_mtime.tv_sec, tv_nsec: status.stx_mtime.tv_nsec.into() };
        entries.push(Entry {
            path,
            kind,
            mode: Mode::from_raw_mode(u32::from(status.stx_mode)),
            size: status.stx_size,
            times: Timestamps { last_access: time, last_modification: time },
            inode: status.stx_ino,
            links: status.stx_nlink,
        });
    }
    Ok(())
}

/// Reads a file of about `size` bytes into a buffer that is used again.
fn read_all(file: std::os::fd::BorrowedFd<'_>, size: u64, buffer: &mut Vec<u8>) -> rustix::io::Result<()> {
    /// As much as one call reads of a large file.
    const PIECE: usize = 1 << 20;
    buffer.resize(PIECE, 0);
    let mut left = size;
    while left > 0 {
        match rustix::io::read(file, &mut buffer[..])? {
            0 => break,
            read => left = left.saturating_sub(read as u64),
        }
    }
    Ok(())
}
