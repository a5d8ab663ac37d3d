//! Hashing many files at the rate at which the machine reads.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sci_sys::fd::{AsFd, BorrowedFd};
use sci_sys::fs::{Mode, OFlags};

use super::cache::{Lookup, StatCache, split};
use super::file::{self, Buffer, FileError, Found, HashedFile};

/// How many files a thread takes at a time: enough that threads seldom meet, few enough that none is left with the rest.
const BATCH: usize = 64;

/// How many times a thread takes files, where they are few.
const SHARES: usize = 8;

/// Hashes `files`, paths relative to `root`; the results are in the same order.
///
/// Links are not followed in a path's last component: the digest of a link is that of its target. Up to `threads` threads
/// share the files; files above 4 MiB come last, one by one, each hashed by all processors. Memory is bounded whatever the
/// sizes. A file that changes while it is read is read again, at most three times.
///
/// With a cache, a file whose size, mtime, ctime, inode and device are those of its entry is not read. Digests of files
/// that changed less than three seconds before the cache was loaded are not remembered. The caller writes the cache back
/// ([`StatCache::save`]).
pub fn hash_files(
    root: &Path,
    files: &[PathBuf],
    cache: Option<&mut StatCache>,
    threads: NonZeroUsize,
) -> Vec<Result<HashedFile, FileError>> {
    let hashed = hash(root, files, cache.as_deref(), threads, &|file| *file);
    if let Some(cache) = cache {
        let found = hashed.iter().map(|hashed| hashed.as_ref().ok().map(|(found, _)| found));
        cache.remember(None, files.iter().map(PathBuf::as_path).zip(found));
    }
    hashed.into_iter().map(|hashed| hashed.map(|(_, file)| file)).collect()
}

/// The same for files that were found before, each as it looked while it had its content; the cache learns nothing. What
/// `make` makes of each is made in parallel, too.
pub fn hash_found<T: Send>(
    root: &Path,
    files: &[(&Path, &Found)],
    cache: Option<&StatCache>,
    threads: NonZeroUsize,
    make: impl Fn(&HashedFile) -> T + Sync,
) -> Vec<Result<(Found, T), FileError>> {
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
    cache: Option<&StatCache>,
    threads: NonZeroUsize,
    make: &(impl Fn(&HashedFile) -> T + Sync),
) -> Vec<Result<(Found, T), FileError>> {
    let directory = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let handle = match sci_sys::fs::open(root, directory, Mode::empty()) {
        Ok(handle) => handle,
        Err(error) => return files.iter().map(|file| Err(FileError::new(file.path(), error.into()))).collect(),
    };
    let batch = files.len().div_ceil(threads.get().saturating_mul(SHARES)).clamp(1, BATCH);
    let job = Job { root: handle.as_fd(), files, cache, make, batch, next: AtomicUsize::new(0) };
    let mut outcomes = job.run(threads);
    let mut buffer = Buffer::default();
    for (file, outcome) in files.iter().zip(&mut outcomes) {
        if let Outcome::Large(found) = outcome {
            *outcome = job.read(file.path(), *found, &mut buffer);
        }
    }
    outcomes.into_iter().map(Outcome::into_result).collect()
}

/// What became of one file.
enum Outcome<T> {
    Made(Found, T),
    Large(Found),
    Failed(FileError),
}

impl<T> Outcome<T> {
    fn into_result(self) -> Result<(Found, T), FileError> {
        match self {
            Self::Made(found, made) => Ok((found, made)),
            Self::Failed(error) => Err(error),
            Self::Large(_) => unreachable!("every large file is read before the answer is given"),
        }
    }
}

struct Job<'a, W, F> {
    root: BorrowedFd<'a>,
    files: &'a [W],
    cache: Option<&'a StatCache>,
    make: &'a F,
    batch: usize,
    next: AtomicUsize,
}

impl<W: Wanted, T: Send, F: Fn(&HashedFile) -> T + Sync> Job<'_, W, F> {
    fn run(&self, threads: NonZeroUsize) -> Vec<Outcome<T>> {
        let others = threads.get().min(self.files.len().div_ceil(self.batch)).saturating_sub(1);
        let mut batches: Vec<_> = thread::scope(|scope| {
            let workers: Vec<_> = (0..others).map(|_| scope.spawn(|| self.work())).collect();
            let join = |worker: thread::ScopedJoinHandle<'_, _>| match worker.join() {
                Ok(batches) => batches,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            let own = self.work();
            own.into_iter().chain(workers.into_iter().flat_map(join)).collect()
        });
        batches.sort_unstable_by_key(|(start, _)| *start);
        batches.into_iter().flat_map(|(_, outcomes)| outcomes).collect()
    }

    /// Takes batches until none is left; each comes back with the index of its first file.
    fn work(&self) -> Vec<(usize, Vec<Outcome<T>>)> {
        let (mut batches, mut buffer, mut lookup) = (vec![], Buffer::default(), Lookup::new(self.cache));
        loop {
            let start = self.next.fetch_add(self.batch, Ordering::Relaxed);
            let Some(rest) = self.files.get(start..).filter(|rest| !rest.is_empty()) else { return batches };
            let batch = &rest[..self.batch.min(rest.len())];
            batches.push((start, batch.iter().map(|file| self.one(file, &mut buffer, &mut lookup)).collect()));
        }
    }

    fn one(&self, file: &W, buffer: &mut Buffer, lookup: &mut Lookup<'_>) -> Outcome<T> {
        let path = file.path();
        let mut found = match file.found(self.root) {
            Ok(found) => found,
            Err(error) => return Outcome::Failed(error),
        };
        if found.hashed().is_none() {
            let (directory, name) = split(path);
            if let Some(digest) = lookup.digest(directory, name, &found.stamp) {
                found.remember(digest);
            }
        }
        if found.hashed().is_none() && found.is_large() {
            return Outcome::Large(found);
        }
        self.read(path, found, buffer)
    }

    /// The file with its content, which is read unless it is known.
    fn read(&self, path: &Path, mut found: Found, buffer: &mut Buffer) -> Outcome<T> {
        match file::hash(self.root, path, &mut found, buffer) {
            Ok(file) => Outcome::Made(found, (self.make)(&file)),
            Err(error) => Outcome::Failed(error),
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::{self, File, FileTimes};

    use super::super::cache::tests::later;
    use super::super::stamp::Stamp;
    use super::*;
    use crate::Digest;

    #[test]
    fn a_remembered_file_that_only_its_ctime_betrays_is_read_again() {
        let tree = tempfile::tempdir().unwrap();
        let (path, names) = (tree.path().join("file"), [PathBuf::from("file")]);
        let mut cache = StatCache::load_on(tree.path().join("cache"), later());
        fs::write(&path, "before").unwrap();
        let stamp = || Stamp::of(&sci_sys::fs::lstat(&path).unwrap());
        let (before, then) = (path.metadata().unwrap(), stamp());
        // As a run hours later would have remembered it.
        let found = Found::look(File::open(tree.path()).unwrap().as_fd(), &names[0]).unwrap().unwrap();
        let found = found.with_content(Digest::of(b"what only the cache knows"));
        cache.remember(None, [(names[0].as_path(), Some(&found))].into_iter());
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
