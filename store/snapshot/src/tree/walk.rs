//! Reads a directory tree from disk: names and metadata of every entry, no contents.

mod assemble;
mod listing;
mod remembered;
mod stats;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::path::Path;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

use sci_sys::fd::AsFd as _;
use sci_sys::fs::{self, FileType};
use sci_sys::io::Errno;

use super::{Kind, Mtime, Tree};
use crate::local::{Base, Receipt, now};
use crate::{Excludes, Result, SnapshotError, dir};

use assemble::Assembly;
use listing::{Lister, Listing, Place};
use remembered::Remembered;

pub(crate) use listing::STAGE_PREFIX;
pub use stats::{Stat, Stats};

/// A tree as it was found on disk. Contents are not set.
#[derive(Debug)]
pub struct Walked {
    /// The entries.
    pub tree: Tree,
    /// One per entry; a hard link has its target's.
    pub stats: Stats,
    /// Device of the root.
    pub device: u64,
    /// Sockets, FIFOs and devices, which no snapshot holds: relative paths.
    pub skipped: Vec<Vec<u8>>,
    /// Directories that also hold what is no part of the tree: excluded entries, staging.
    pub(crate) hiding: BTreeSet<u32>,
    /// Directories, in tree order, that hold just the names they have in the tree for as long as they look as they do.
    lasting: Vec<u32>,
}

impl Walked {
    /// Whether a file that was opened is the one that was found, and has not changed since.
    pub(crate) fn is_still(&self, index: u32, now: &fs::Stat) -> bool {
        let now = facts(now);
        let (entry, stat) = (self.tree.entry(index), self.stats.get(index));
        now.size == entry.size && entry.mtime.is_kept_as(now.mtime) && now.stat.ctime == stat.ctime
    }

    /// What may be remembered of an entry as it was found: of a directory nothing, unless it holds just the names it has in the
    /// tree for as long as it looks as it does.
    pub(crate) fn receipt(&self, index: u32) -> Receipt {
        if self.tree.entry(index).kind == Kind::Dir && !self.is_lasting(index) {
            return Receipt::default();
        }
        self.stats.get(index).receipt()
    }

    fn is_lasting(&self, index: u32) -> bool {
        self.lasting.binary_search(&index).is_ok()
    }

    /// The same of every entry, in their order; and the tree.
    pub(crate) fn into_receipts(self) -> (Tree, Vec<Receipt>) {
        let Self { tree, stats, lasting, .. } = self;
        let mut receipts = stats.into_receipts();
        let mut lasting = lasting.into_iter().peekable();
        for (index, receipt) in (0..).zip(&mut receipts) {
            if lasting.next_if_eq(&index).is_none() && tree.entry(index).kind == Kind::Dir {
                *receipt = Receipt::default();
            }
        }
        (tree, receipts)
    }
}

/// Walks the tree at `root` with `threads` threads. `None` when there is nothing at `root`. Directories that `base` remembers are
/// not listed again.
///
/// # Errors
/// [`SnapshotError::Io`] for the first directory or entry that cannot be read: a tree with a gap is no state to keep.
pub fn walk(root: &Path, excludes: &Excludes, base: Option<&Base>, threads: usize) -> Result<Option<Walked>> {
    walk_at(now(), root, excludes, base, threads)
}

/// The same, begun at `started`, nanoseconds since 1970.
fn walk_at(
    started: i64,
    root: &Path,
    excludes: &Excludes,
    base: Option<&Base>,
    threads: usize,
) -> Result<Option<Walked>> {
    let stat = match fs::lstat(root) {
        Ok(stat) => stat,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        Err(error) => return Err(SnapshotError::io("read", root, error)),
    };
    let target = root_target(root, &stat)?;
    let stat = facts(&stat);
    let size = base.map(|base| base.manifest.tree.size()).unwrap_or_default();
    let assembly = Assembly::new(Listing::of_root(stat, target), stat.device, size);
    let is_dir = stat.kind == FileType::Directory;
    let remembered = match dir::open(root) {
        Ok(handle) if is_dir => Remembered::new(base, handle.as_fd(), stat.device, started),
        // The walk says why, if it is asked to list it.
        _ => Remembered::nothing(),
    };
    let state = Mutex::new(State::new(assembly));
    let walker = Walker { root, excludes, remembered, state, ready: Condvar::new() };
    if is_dir {
        walker.begin(Place::root(&stat));
    }
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(|| walker.run());
        }
        walker.run();
    });
    let state = walker.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    match (state.error, state.assembly) {
        (Some(error), _) => Err(error),
        (None, Some(mut assembly)) => {
            // Of a root that is no directory nothing is laid out yet.
            assembly.advance(&mut |_| None);
            Ok(Some(assembly.finish()))
        }
        (None, None) => unreachable!("the assembly is put back by the thread that took it"),
    }
}

fn root_target(root: &Path, stat: &fs::Stat) -> Result<Option<Vec<u8>>> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        return Ok(None);
    }
    let target = fs::readlink(root, Vec::new()).map_err(|error| SnapshotError::io("read", root, error))?;
    Ok(Some(target.into_bytes()))
}

/// The part of `stat` that is kept.
#[derive(Debug, Clone, Copy)]
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
static USER: LazyLock<u32> = LazyLock::new(|| sci_sys::process::geteuid().as_raw());

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
            ctime: Mtime { secs: stat.st_ctime as i64, nanos: stat.st_ctime_nsec as u32 }.nanoseconds(),
            links: stat.st_nlink as u32,
            foreign: stat.st_uid != *USER && *USER != 0,
        },
    }
}

struct State {
    /// Directories that are to be listed; the first in tree order comes first. So what is held open, and what waits to be
    /// laid out, stays near the depth of the tree.
    places: BinaryHeap<Reverse<Place>>,
    /// Directories whose listing is not there yet.
    outstanding: usize,
    /// Directories found so far: the number of the next listing.
    found: u32,
    /// Threads that wait for a place.
    waiting: usize,
    /// Listings that are not laid out yet, by number.
    listings: HashMap<u32, Listing>,
    /// Taken out by the thread that lays out what has come.
    assembly: Option<Assembly>,
    error: Option<SnapshotError>,
}

impl State {
    fn new(assembly: Assembly) -> Self {
        Self {
            places: BinaryHeap::new(),
            outstanding: 0,
            found: 0,
            waiting: 0,
            listings: HashMap::new(),
            assembly: Some(assembly),
            error: None,
        }
    }
}

struct Walker<'a> {
    root: &'a Path,
    excludes: &'a Excludes,
    remembered: Remembered<'a>,
    state: Mutex<State>,
    ready: Condvar,
}

impl Walker<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, root: Place) {
        let mut state = self.lock();
        (state.outstanding, state.found) = (1, 1);
        state.places.push(Reverse(root));
    }

    fn run(&self) {
        let mut lister = Lister::new(self.root, self.excludes, &self.remembered);
        let mut state = self.lock();
        loop {
            if let Some(Reverse(place)) = state.places.pop() {
                drop(state);
                let result = lister.list(&place);
                state = self.lock();
                self.finish(&mut state, place, result);
                state = self.assemble(state);
            } else if state.outstanding == 0 {
                self.ready.notify_all();
                return;
            } else {
                state.waiting += 1;
                state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.waiting -= 1;
            }
        }
    }

    fn finish(&self, state: &mut State, place: Place, result: Result<(Arc<fs::Dir>, Listing)>) {
        match result {
            Ok((handle, mut listing)) => {
                let places = listing.directories(state.found, &handle, &place, &self.remembered);
                state.outstanding += places.len();
                state.found += places.len() as u32;
                state.places.extend(places.into_iter().map(Reverse));
                state.listings.insert(place.listing, listing);
            }
            Err(error) => {
                state.error.get_or_insert(error);
                state.outstanding -= state.places.len();
                state.places.clear();
            }
        }
        state.outstanding -= 1;
        if state.waiting > 0 && (!state.places.is_empty() || state.outstanding == 0) {
            self.ready.notify_all();
        }
    }

    /// Lays out what has come, unless another thread is at it, or what comes next is not there yet.
    fn assemble<'s>(&'s self, mut state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        while let Some(mut assembly) = state.assembly.take() {
            if assembly.awaits().is_some_and(|number| !state.listings.contains_key(&number)) {
                state.assembly = Some(assembly);
                break;
            }
            drop(state);
            assembly.advance(&mut |number| self.lock().listings.remove(&number));
            state = self.lock();
            let is_done = assembly.awaits().is_none();
            // What was awaited may have come meanwhile, and whoever brought it found nothing to lay it out with.
            state.assembly = Some(assembly);
            if is_done {
                break;
            }
        }
        state
    }
}

fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}
