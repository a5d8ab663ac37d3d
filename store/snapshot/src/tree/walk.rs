//! Reads a directory tree from disk: names and metadata of every entry, no contents.

mod assemble;

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

use rustix::fs::{self, AtFlags, FileType};
use rustix::io::Errno;

use super::{Mtime, Tree};
use crate::dir::{self, DIR};
use crate::{Excludes, Result, SnapshotError};

/// Names that begin so are the engine's own staging, and belong to no tree.
pub(crate) const STAGE_PREFIX: &[u8] = b".sci-stage.";

/// What identifies an unchanged file besides its size and mtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stat {
    /// Inode number; 0 when it must not be trusted (another file system than the root's).
    pub inode: u64,
    /// Time of the last status change, nanoseconds since 1970.
    pub ctime: i64,
    /// Number of hard links.
    pub links: u32,
    /// Whether it is another user's, so that this one cannot set its mode and times.
    pub foreign: bool,
}

/// A tree as it was found on disk. Contents are not set.
#[derive(Debug)]
pub struct Walked {
    /// The entries.
    pub tree: Tree,
    /// One per entry; a hard link has its target's.
    pub stats: Vec<Stat>,
    /// Device of the root.
    pub device: u64,
    /// Sockets, FIFOs and devices, which no snapshot holds: relative paths.
    pub skipped: Vec<Vec<u8>>,
    /// Directories that also hold what is no part of the tree: excluded entries, staging.
    pub(crate) hiding: BTreeSet<u32>,
}

impl Walked {
    /// Whether a file that was opened is the one that was found, and has not changed since.
    pub(crate) fn is_still(&self, index: u32, now: &fs::Stat) -> bool {
        let now = facts(now);
        let (entry, stat) = (self.tree.entry(index), &self.stats[index as usize]);
        now.size == entry.size && now.mtime == entry.mtime && now.stat.ctime == stat.ctime
    }
}

/// Walks the tree at `root` with `threads` threads. `None` when there is nothing at `root`.
///
/// # Errors
/// [`SnapshotError::Io`] for the first directory or entry that cannot be read: a tree with a gap is no state to keep.
pub fn walk(root: &Path, excludes: &Excludes, threads: usize) -> Result<Option<Walked>> {
    let stat = match fs::lstat(root) {
        Ok(stat) => stat,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        Err(error) => return Err(SnapshotError::io("read", root, error)),
    };
    let device = stat.st_dev;
    let mut listings = Vec::new();
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        let walker = Walker { root, excludes, state: Mutex::default(), ready: Condvar::new() };
        walker.submit(Task { id: 0, parent: None, path: Vec::new() });
        std::thread::scope(|scope| {
            for _ in 1..threads.max(1) {
                scope.spawn(|| walker.run());
            }
            walker.run();
        });
        let state = walker.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.error {
            return Err(error);
        }
        listings = state.listings;
    }
    let root_entry = Raw { name: Vec::new(), stat: facts(&stat), target: root_target(root, &stat)?, listing: 0 };
    Ok(Some(assemble::assemble(root_entry, listings, device)))
}

fn root_target(root: &Path, stat: &fs::Stat) -> Result<Option<Vec<u8>>> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        return Ok(None);
    }
    let target = fs::readlink(root, Vec::new()).map_err(|error| SnapshotError::io("read", root, error))?;
    Ok(Some(target.into_bytes()))
}

struct Task {
    id: usize,
    /// The directory that holds it; `None` for the root, and for what lies so deep that handles would run out.
    parent: Option<(Arc<OwnedFd>, Vec<u8>)>,
    path: Vec<u8>,
}

struct Raw {
    name: Vec<u8>,
    stat: Facts,
    target: Option<Vec<u8>>,
    /// Of a directory: its listing.
    listing: usize,
}

/// The part of `stat` that is kept.
pub(crate) struct Facts {
    pub(crate) kind: FileType,
    pub(crate) mode: u16,
    pub(crate) size: u64,
    sparse: bool,
    pub(crate) mtime: Mtime,
    pub(crate) device: u64,
    pub(crate) stat: Stat,
}

/// This user, as the file system sees it.
static USER: LazyLock<u32> = LazyLock::new(|| rustix::process::geteuid().as_raw());

#[allow(clippy::unnecessary_cast, reason = "the fields' types differ between platforms")]
pub(crate) fn facts(stat: &fs::Stat) -> Facts {
    Facts {
        kind: FileType::from_raw_mode(stat.st_mode),
        mode: (stat.st_mode & 0o777) as u16,
        size: stat.st_size as u64,
        sparse: stat.st_size > 0 && (stat.st_blocks as u64) * 512 < stat.st_size as u64,
        mtime: Mtime { secs: stat.st_mtime as i64, nanos: stat.st_mtime_nsec as u32 },
        device: stat.st_dev as u64,
        stat: Stat {
            inode: stat.st_ino as u64,
            ctime: (stat.st_ctime as i64).saturating_mul(1_000_000_000).saturating_add(stat.st_ctime_nsec as i64),
            links: stat.st_nlink as u32,
            foreign: stat.st_uid != *USER && *USER != 0,
        },
    }
}

#[derive(Default)]
struct State {
    tasks: Vec<Task>,
    outstanding: usize,
    listings: Vec<Listing>,
    error: Option<SnapshotError>,
}

struct Walker<'a> {
    root: &'a Path,
    excludes: &'a Excludes,
    state: Mutex<State>,
    ready: Condvar,
}

impl Walker<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(&self, task: Task) {
        let mut state = self.lock();
        state.outstanding += 1;
        state.listings.push(Listing::default());
        state.tasks.push(task);
    }

    fn run(&self) {
        let mut state = self.lock();
        loop {
            // Last in, first out: the number of directories held open stays near the depth of the tree.
            if let Some(task) = state.tasks.pop() {
                drop(state);
                let id = task.id;
                let result = self.list(task);
                state = self.lock();
                self.finish(&mut state, id, result);
            } else if state.outstanding == 0 {
                self.ready.notify_all();
                return;
            } else {
                state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn finish(&self, state: &mut State, id: usize, result: Result<Listed>) {
        match result {
            Ok(mut listed) => {
                for (at, name, path) in listed.dirs {
                    let deep = path.iter().filter(|byte| **byte == b'/').count() > dir::KEPT;
                    let parent = (!deep).then(|| (listed.handle.clone(), name));
                    let child = state.listings.len();
                    listed.listing.entries[at].listing = child;
                    state.listings.push(Listing::default());
                    state.outstanding += 1;
                    state.tasks.push(Task { id: child, parent, path });
                }
                state.listings[id] = listed.listing;
            }
            Err(error) => {
                state.error.get_or_insert(error);
                state.outstanding -= state.tasks.len();
                state.tasks.clear();
            }
        }
        state.outstanding -= 1;
        self.ready.notify_all();
    }

    fn list(&self, task: Task) -> Result<Listed> {
        let fail = |action, path: PathBuf| move |error: Errno| SnapshotError::io(action, path, error);
        let here = dir::display(self.root, &task.path);
        let handle = match &task.parent {
            None => dir::open(self.root).and_then(|root| dir::open_below(root, &task.path)),
            Some((parent, name)) => fs::openat(parent, name.as_slice(), DIR, fs::Mode::empty()),
        }
        .map_err(fail("open", here.clone()))?;
        let (mut entries, mut hides) = (Vec::new(), false);
        for entry in fs::Dir::read_from(&handle).map_err(fail("read", here.clone()))? {
            let entry = entry.map_err(fail("read", here.clone()))?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if name.starts_with(STAGE_PREFIX) || self.excludes.matches(|| join(&task.path, name)) {
                hides = true;
                continue;
            }
            match read_entry(&handle, name) {
                Ok(raw) => entries.push(raw),
                // It was removed since its name was read: a moment later it would not have been found.
                Err(Errno::NOENT) => {}
                Err(error) => return Err(SnapshotError::io("read", here.join(dir::os(name)), error)),
            }
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let dirs = entries
            .iter()
            .enumerate()
            .filter(|(_, raw)| raw.stat.kind == FileType::Directory)
            .map(|(at, raw)| (at, raw.name.clone(), join(&task.path, &raw.name)))
            .collect();
        Ok(Listed { handle: Arc::new(handle), listing: Listing { entries, hides }, dirs })
    }
}

/// What a directory holds.
#[derive(Default)]
struct Listing {
    entries: Vec<Raw>,
    /// Whether there is more in it that is no part of the tree.
    hides: bool,
}

struct Listed {
    handle: Arc<OwnedFd>,
    listing: Listing,
    /// Child directories: position in `entries`, name, relative path.
    dirs: Vec<(usize, Vec<u8>, Vec<u8>)>,
}

fn read_entry(parent: &OwnedFd, name: &[u8]) -> std::result::Result<Raw, Errno> {
    let stat = facts(&fs::statat(parent.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)?);
    let target = match stat.kind {
        FileType::Symlink => Some(fs::readlinkat(parent, name, Vec::new())?.into_bytes()),
        _ => None,
    };
    Ok(Raw { name: name.to_vec(), stat, target, listing: 0 })
}

fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}
