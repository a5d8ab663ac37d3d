//! Hashing many files at the rate at which the machine reads.

use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::fs::{Mode, OFlags};

use super::cache::{Known, StatCache};
use super::file::{self, Buffer, FileError, FileKind, Found, HashedFile};
use super::stamp::{Stamp, Timestamp};
use crate::Digest;

/// How many files a thread takes at a time: enough that threads seldom meet, few enough that none is left with the rest.
const BATCH: usize = 64;

/// Hashes `files`, paths relative to `root`; the results are in the same order.
///
/// Links are not followed in a path's last component: the digest of a link is that of its target. Up to `threads` threads
/// share the files; files above 4 MiB come last, one by one, each hashed by all processors. Memory is bounded whatever the
/// sizes. A file that changes while it is read is read again, at most three times.
///
/// With a cache, a file whose size, mtime, ctime, inode and device are those of its entry is not read. Digests of files
/// that changed less than three seconds ago are not remembered. The caller writes the cache back ([`StatCache::save`]).
pub fn hash_files(
    root: &Path,
    files: &[PathBuf],
    cache: Option<&mut StatCache>,
    threads: NonZeroUsize,
) -> Vec<Result<HashedFile, FileError>> {
    hash(root, files, cache, threads, &|file| *file)
}

/// The same for files that were found a moment ago, which is when they are compared with the cache. What `make` makes of
/// each is made in parallel, too.
pub fn hash_found<T: Send>(
    root: &Path,
    files: &[(&Path, &Found)],
    cache: Option<&mut StatCache>,
    threads: NonZeroUsize,
    make: impl Fn(&HashedFile) -> T + Sync,
) -> Vec<Result<T, FileError>> {
    hash(root, files, cache, threads, &make)
}

/// A file to hash.
trait Wanted: Sync {
    fn path(&self) -> &Path;
    /// What it looks like, or looked like when it was found.
    fn found(&self, root: BorrowedFd<'_>) -> Result<Found, FileError>;
}

impl Wanted for PathBuf {
    fn path(&self) -> &Path {
        self
    }

    fn found(&self, root: BorrowedFd<'_>) -> Result<Found, FileError> {
        Found::must(root, self)
    }
}

impl Wanted for (&Path, &Found) {
    fn path(&self) -> &Path {
        self.0
    }

    fn found(&self, _: BorrowedFd<'_>) -> Result<Found, FileError> {
        Ok(*self.1)
    }
}

fn hash<W: Wanted, T: Send>(
    root: &Path,
    files: &[W],
    cache: Option<&mut StatCache>,
    threads: NonZeroUsize,
    make: &(impl Fn(&HashedFile) -> T + Sync),
) -> Vec<Result<T, FileError>> {
    let now = Timestamp::now();
    let directory = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let handle = match rustix::fs::open(root, directory, Mode::empty()) {
        Ok(handle) => handle,
        Err(error) => return files.iter().map(|file| Err(FileError::new(file.path(), error.into()))).collect(),
    };
    let job = Job { root: handle.as_fd(), files, cache: cache.as_deref(), make, next: AtomicUsize::new(0) };
    let mut outcomes = job.run(threads);
    let mut buffer = Buffer::default();
    for (file, outcome) in files.iter().zip(&mut outcomes) {
        if let Outcome::Large(found) = outcome {
            *outcome = job.hashed(file.path(), found, &mut buffer);
        }
    }
    remember(cache, files, &outcomes, now);
    outcomes.into_iter().map(Outcome::into_result).collect()
}

/// What became of one file.
enum Outcome<T> {
    Known(T, Known),
    Read(T, Learned),
    Large(Found),
    Failed(FileError),
}

/// What the cache may learn of a file.
struct Learned {
    kind: FileKind,
    stamp: Stamp,
    digest: Digest,
}

impl<T> Outcome<T> {
    fn into_result(self) -> Result<T, FileError> {
        match self {
            Self::Known(made, _) | Self::Read(made, _) => Ok(made),
            Self::Failed(error) => Err(error),
            Self::Large(_) => unreachable!("hash_files reads every large file before it answers"),
        }
    }
}

struct Job<'a, W, F> {
    root: BorrowedFd<'a>,
    files: &'a [W],
    cache: Option<&'a StatCache>,
    make: &'a F,
    next: AtomicUsize,
}

impl<W: Wanted, T: Send, F: Fn(&HashedFile) -> T + Sync> Job<'_, W, F> {
    fn run(&self, threads: NonZeroUsize) -> Vec<Outcome<T>> {
        let threads = threads.get().min(self.files.len().div_ceil(BATCH));
        if threads <= 1 {
            return self.work().into_iter().flat_map(|(_, outcomes)| outcomes).collect();
        }
        let mut batches: Vec<_> = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| self.work())).collect();
            let join = |worker: thread::ScopedJoinHandle<'_, _>| match worker.join() {
                Ok(batches) => batches,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            workers.into_iter().flat_map(join).collect()
        });
        batches.sort_unstable_by_key(|(start, _)| *start);
        batches.into_iter().flat_map(|(_, outcomes)| outcomes).collect()
    }

    /// Takes batches until none is left; each comes back with the index of its first file.
    fn work(&self) -> Vec<(usize, Vec<Outcome<T>>)> {
        let (mut batches, mut buffer, mut next) = (vec![], Buffer::default(), 0);
        loop {
            let start = self.next.fetch_add(BATCH, Ordering::Relaxed);
            let Some(rest) = self.files.get(start..).filter(|rest| !rest.is_empty()) else { return batches };
            let batch = &rest[..BATCH.min(rest.len())];
            batches.push((start, batch.iter().map(|file| self.one(file, &mut buffer, &mut next)).collect()));
        }
    }

    fn one(&self, file: &W, buffer: &mut Buffer, next: &mut usize) -> Outcome<T> {
        let path = file.path();
        let mut found = match file.found(self.root) {
            Ok(found) => found,
            Err(error) => return Outcome::Failed(error),
        };
        match self.cache.and_then(|cache| cache.get(path, &found.stamp, next)) {
            Some((digest, known)) => Outcome::Known((self.make)(&found.with_digest(digest)), known),
            None if found.is_large() => Outcome::Large(found),
            None => self.hashed(path, &mut found, buffer),
        }
    }

    fn hashed(&self, path: &Path, found: &mut Found, buffer: &mut Buffer) -> Outcome<T> {
        match file::hash(self.root, path, found, buffer) {
            Ok(digest) => {
                let learned = Learned { kind: found.kind, stamp: found.stamp, digest };
                Outcome::Read((self.make)(&found.with_digest(digest)), learned)
            }
            Err(error) => Outcome::Failed(error),
        }
    }
}

/// Keeps what was learned. `now` was read before the first file, so that a stamp is judged by its youngest possible age.
fn remember<T>(cache: Option<&mut StatCache>, files: &[impl Wanted], outcomes: &[Outcome<T>], now: Timestamp) {
    let Some(cache) = cache else { return };
    for (file, outcome) in files.iter().zip(outcomes) {
        let path = file.path();
        match outcome {
            Outcome::Known(_, known) => cache.mark_used(path, known),
            // Reading a link is as quick as looking it up.
            Outcome::Read(_, learned) if learned.kind == FileKind::File && learned.stamp.is_settled(now) => {
                cache.insert(path, learned.stamp, learned.digest);
            }
            Outcome::Read(..) | Outcome::Large(_) | Outcome::Failed(_) => cache.forget(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, FileTimes};

    use super::*;

    #[test]
    fn a_remembered_file_that_only_its_ctime_betrays_is_read_again() {
        let tree = tempfile::tempdir().unwrap();
        let (path, names) = (tree.path().join("file"), [PathBuf::from("file")]);
        let mut cache = StatCache::load(tree.path().join("cache"));
        fs::write(&path, "before").unwrap();
        let stamp = || Stamp::of(&rustix::fs::lstat(&path).unwrap());
        let (before, then) = (path.metadata().unwrap(), stamp());
        // As a run hours ago would have remembered it.
        cache.insert(&names[0], then, Digest::of(b"what only the cache knows"));
        let hash = |cache: &mut _| hash_files(tree.path(), &names, Some(cache), NonZeroUsize::MIN).remove(0).unwrap();
        assert_eq!(hash(&mut cache).digest, Digest::of(b"what only the cache knows"), "an unchanged file is not read");
        // The clock that stamps files ticks every few milliseconds.
        while stamp().ctime == then.ctime {
            let file = File::options().write(true).open(&path).unwrap();
            std::io::Write::write_all(&mut &file, b"after!").unwrap();
            file.set_times(FileTimes::new().set_modified(before.modified().unwrap())).unwrap();
        }
        let now = stamp();
        assert_eq!((then.size, then.mtime, then.inode), (now.size, now.mtime, now.inode));
        assert_eq!(hash(&mut cache).digest, Digest::of(b"after!"));
    }
}
