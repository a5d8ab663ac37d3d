//! Hashing many files at the rate at which the machine reads.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::cache::StatCache;
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
    let now = Timestamp::now();
    let job = Job { root, files, cache: cache.as_deref(), next: AtomicUsize::new(0) };
    let mut outcomes = job.run(threads);
    let mut buffer = Buffer::default();
    for (path, outcome) in files.iter().zip(&mut outcomes) {
        if let Outcome::Large(found) = outcome {
            *outcome = Outcome::hashed(root, path, found, &mut buffer);
        }
    }
    remember(cache, files, &outcomes, now);
    outcomes.into_iter().map(Outcome::into_result).collect()
}

/// What became of one file.
enum Outcome {
    Known(HashedFile),
    Read(HashedFile, Stamp),
    Large(Found),
    Failed(FileError),
}

impl Outcome {
    fn hashed(root: &Path, path: &Path, found: &mut Found, buffer: &mut Buffer) -> Self {
        match file::hash(root, path, found, buffer) {
            Ok(digest) => Self::Read(found.with_digest(digest), found.stamp),
            Err(error) => Self::Failed(error),
        }
    }

    fn into_result(self) -> Result<HashedFile, FileError> {
        match self {
            Self::Known(file) | Self::Read(file, _) => Ok(file),
            Self::Failed(error) => Err(error),
            Self::Large(_) => unreachable!("hash_files reads every large file before it answers"),
        }
    }
}

struct Job<'a> {
    root: &'a Path,
    files: &'a [PathBuf],
    cache: Option<&'a StatCache>,
    next: AtomicUsize,
}

impl Job<'_> {
    fn run(&self, threads: NonZeroUsize) -> Vec<Outcome> {
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
    fn work(&self) -> Vec<(usize, Vec<Outcome>)> {
        let (mut batches, mut buffer) = (vec![], Buffer::default());
        loop {
            let start = self.next.fetch_add(BATCH, Ordering::Relaxed);
            let Some(rest) = self.files.get(start..).filter(|rest| !rest.is_empty()) else { return batches };
            let batch = &rest[..BATCH.min(rest.len())];
            batches.push((start, batch.iter().map(|path| self.one(path, &mut buffer)).collect()));
        }
    }

    fn one(&self, path: &Path, buffer: &mut Buffer) -> Outcome {
        match Found::look(self.root, path) {
            Err(error) => Outcome::Failed(error),
            Ok(mut found) => match self.known(path, &found) {
                Some(digest) => Outcome::Known(found.with_digest(digest)),
                None if found.is_large() => Outcome::Large(found),
                None => Outcome::hashed(self.root, path, &mut found, buffer),
            },
        }
    }

    fn known(&self, path: &Path, found: &Found) -> Option<Digest> {
        self.cache?.get(path, &found.stamp)
    }
}

/// Keeps what was learned. `now` was read before the first file, so that a stamp is judged by its youngest possible age.
fn remember(cache: Option<&mut StatCache>, files: &[PathBuf], outcomes: &[Outcome], now: Timestamp) {
    let Some(cache) = cache else { return };
    for (path, outcome) in files.iter().zip(outcomes) {
        match outcome {
            Outcome::Known(_) => cache.mark_used(path),
            // Reading a link is as quick as looking it up.
            Outcome::Read(file, stamp) if file.kind == FileKind::File && stamp.is_settled(now) => {
                cache.insert(path, *stamp, file.digest);
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
        let before = path.metadata().unwrap();
        // As a run hours ago would have remembered it.
        cache.insert(&names[0], Stamp::of(&before), Digest::of(b"what only the cache knows"));
        let hash = |cache: &mut _| hash_files(tree.path(), &names, Some(cache), NonZeroUsize::MIN).remove(0).unwrap();
        assert_eq!(hash(&mut cache).digest, Digest::of(b"what only the cache knows"), "an unchanged file is not read");
        // The clock that stamps files ticks every few milliseconds.
        while Stamp::of(&path.metadata().unwrap()).ctime == Stamp::of(&before).ctime {
            let file = File::options().write(true).open(&path).unwrap();
            std::io::Write::write_all(&mut &file, b"after!").unwrap();
            file.set_times(FileTimes::new().set_modified(before.modified().unwrap())).unwrap();
        }
        let (then, now) = (Stamp::of(&before), Stamp::of(&path.metadata().unwrap()));
        assert_eq!((then.size, then.mtime, then.inode), (now.size, now.mtime, now.inode));
        assert_eq!(hash(&mut cache).digest, Digest::of(b"after!"));
    }
}
