//! From the path that a program gave to the file of the directory that it is, and how old that file is.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags, openat, openat2, statx};
use rustix::io::Errno;
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::{Age, Reads, Scope};

/// How many paths are known again when they are asked for once more. It saves time only.
const REMEMBERED: usize = 1 << 20;
/// How often the clock is looked at until it has ticked.
const TICK_TRIES: u32 = 50;

/// The directory that is looked at, and what was read of it so far.
pub(super) struct Place {
    scope: Scope,
    root: OwnedFd,
    /// When the command began, by the clock that file systems use.
    began: Timespec,
    /// Digests of the paths that need no second look.
    known: HashSet<u64>,
    hasher: RandomState,
    /// What was read.
    pub(super) reads: Reads,
}

impl Place {
    /// Nothing was read yet, and the command begins now.
    ///
    /// # Errors
    /// The system's answer when the directory cannot be opened.
    pub(super) fn new(scope: Scope) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(rustix::fs::CWD, &scope.root, flags, Mode::empty())?;
        let (known, hasher, reads) = (HashSet::new(), RandomState::new(), Reads::default());
        Ok(Self { scope, root, began: next_tick(), known, hasher, reads })
    }

    /// Notes that the file at an absolute path is about to be read, if it is a file of the directory.
    pub(super) fn note(&mut self, path: &[u8]) {
        let Some(path) = self.below(path) else { return };
        let digest = self.hasher.hash_one(&path);
        if !self.known.contains(&digest) && self.note_below(&path) && self.known.len() < REMEMBERED {
            self.known.insert(digest);
        }
    }

    /// The path relative to the directory, without `.` and `..`; `None` when it is not beneath it.
    fn below(&self, path: &[u8]) -> Option<Vec<u8>> {
        let path = normal(path);
        let roots = [Some(&self.scope.root), self.scope.alias.as_ref()].into_iter().flatten();
        let mut below = roots.filter_map(|root| strip(&path, root.as_os_str().as_bytes()));
        below.next().map(<[u8]>::to_vec)
    }

    /// Whether the same path need not be looked at again.
    fn note_below(&mut self, path: &[u8]) -> bool {
        let Some((real, file)) = self.resolve(path) else { return false };
        let wanted = StatxFlags::TYPE | StatxFlags::NLINK | StatxFlags::BTIME | StatxFlags::MTIME | StatxFlags::CTIME;
        let Ok(found) = statx(&file, "", AtFlags::EMPTY_PATH, wanted) else { return false };
        let is_file = FileType::from_raw_mode(found.stx_mode.into()) == FileType::RegularFile;
        if !is_file || !(self.scope.counts)(&real) {
            return true;
        }
        self.reads.file(&real, age(&found, self.began));
        if real != path {
            self.reads.through(path);
        }
        true
    }

    /// The path without links, and what is there. A link to elsewhere leads out of what is looked at.
    ///
    /// File systems that are mounted below the directory are left alone: a process of the command may be the one that
    /// serves them, and it must not wait for us while we wait for it.
    fn resolve(&self, path: &[u8]) -> Option<(Vec<u8>, OwnedFd)> {
        let open = |resolve: ResolveFlags| {
            let resolve = resolve | ResolveFlags::NO_XDEV | ResolveFlags::NO_MAGICLINKS;
            openat2(&self.root, OsStr::from_bytes(path), OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)
        };
        match open(ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH) {
            Ok(file) => Some((path.to_vec(), file)),
            Err(Errno::LOOP) => {
                let file = open(ResolveFlags::empty()).ok()?;
                let link = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
                let real = std::fs::read_link(Path::new(&link)).ok()?;
                let below = strip(real.as_os_str().as_bytes(), self.scope.root.as_os_str().as_bytes())?;
                Some((below.to_vec(), file))
            }
            Err(_) => None,
        }
    }
}

/// Waits until the clock of file systems, which goes by ticks, is past what has been stamped so far; says what it shows.
///
/// A stamp may be finer than a tick (Linux has that since 6.13), so it can be ahead of that clock, but not of the other one.
fn next_tick() -> Timespec {
    let now = clock_gettime(ClockId::Realtime);
    let mut shown = clock_gettime(ClockId::RealtimeCoarse);
    // A tick takes ten milliseconds at most. Somebody may set the clock back meanwhile.
    for _ in 0..TICK_TRIES {
        if shown > now {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
        shown = clock_gettime(ClockId::RealtimeCoarse);
    }
    shown
}

/// The path without `.`, `..` and doubled slashes, as if there were no links.
fn normal(path: &[u8]) -> Vec<u8> {
    let mut normal: Vec<&[u8]> = Vec::new();
    for component in path.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                normal.pop();
            }
            name => normal.push(name),
        }
    }
    [&b"/"[..], &normal.join(&b'/')].concat()
}

/// What follows the directory in a path beneath it.
fn strip<'p>(path: &'p [u8], directory: &[u8]) -> Option<&'p [u8]> {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    path.strip_prefix(directory)?.strip_prefix(b"/").filter(|below| !below.is_empty())
}

/// How old a file is, by what its file system says. One that keeps no time of birth shows a new file by its other times.
fn age(found: &Statx, began: Timespec) -> Age {
    let since = |seconds: i64, nanos: u32| (seconds, i64::from(nanos)) >= (began.tv_sec, began.tv_nsec);
    let knows_birth = found.stx_mask & StatxFlags::BTIME.bits() != 0;
    let born = knows_birth && since(found.stx_btime.tv_sec, found.stx_btime.tv_nsec);
    let touched = since(found.stx_ctime.tv_sec, found.stx_ctime.tv_nsec);
    // The time of writing alone can be set to anything.
    let written = touched && since(found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec);
    match (born || written, touched) {
        (true, _) => Age::New,
        (false, true) => Age::Moved,
        (false, false) => Age::Old,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_without_detours() {
        for (path, expected) in [
            (&b"/a/./b//c/../d"[..], &b"/a/b/d"[..]),
            (b"/../../a", b"/a"),
            (b"/", b"/"),
            (b"/a/..", b"/"),
            (b"/a/\xff\n", b"/a/\xff\n"),
        ] {
            assert_eq!(normal(path), expected);
        }
    }

    #[test]
    fn only_what_is_beneath_the_directory_is_stripped() {
        assert_eq!(strip(b"/ws/a", b"/ws"), Some(&b"a"[..]));
        assert_eq!(strip(b"/a", b"/"), Some(&b"a"[..]));
        for outside in [&b"/ws"[..], b"/ws/", b"/wsx/a", b"/"] {
            assert_eq!(strip(outside, b"/ws"), None);
        }
    }
}
