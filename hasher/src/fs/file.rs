//! Hashing one file, and being sure that it did not change meanwhile.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};

use super::stamp::{Stamp, Timestamp};
use crate::Digest;

/// Larger files are hashed by all processors together, smaller ones by one each.
const LARGE: u64 = 4 << 20;

/// How much of a large file is in memory at a time.
const LARGE_BUFFER: usize = 4 << 20;

/// How much of a small file is in memory at a time.
const SMALL_BUFFER: usize = 128 << 10;

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 3;

/// What was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file: the digest is that of its content.
    File,
    /// A symbolic link: the digest is that of its target, as written.
    Symlink,
}

/// A file's digest, and what the file system said of the file while it had that content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashedFile {
    /// Plain BLAKE3 of the content ([`Digest::of`]); of the target's bytes for a link.
    pub digest: Digest,
    /// Whether the owner may execute it; never so for a link.
    pub executable: bool,
    /// Regular file or link.
    pub kind: FileKind,
    /// Size in bytes; for a link, the length of its target.
    pub size: u64,
    /// When the content last changed.
    pub mtime: Timestamp,
}

/// Why a file could not be hashed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no such file.
    #[error("{} does not exist", path.display())]
    Missing {
        /// The file, relative to the root.
        path: PathBuf,
    },
    /// It is a directory, a socket, a FIFO or a device.
    #[error("{} is neither a regular file nor a symbolic link", path.display())]
    NotAFile {
        /// The file, relative to the root.
        path: PathBuf,
    },
    /// It changed each time it was read.
    #[error("{} keeps changing while it is read", path.display())]
    Changing {
        /// The file, relative to the root.
        path: PathBuf,
    },
    /// The system refused to read it.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file, relative to the root.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl FileError {
    pub(super) fn new(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing { path },
            _ => Self::Unreadable { path, source },
        }
    }
}

/// A file or a link as it was found on disk, not yet read.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    pub(super) stamp: Stamp,
    pub(super) kind: FileKind,
    executable: bool,
}

impl Found {
    /// Looks at `path`, relative to `directory`, following no link in its last component. `None` when it is something else.
    ///
    /// # Errors
    /// What the system says.
    pub fn look(directory: BorrowedFd<'_>, path: &Path) -> io::Result<Option<Self>> {
        Ok(Self::new(&rustix::fs::statat(directory, path, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Regular file or link.
    pub const fn kind(&self) -> FileKind {
        self.kind
    }

    /// The same, where it must be a file or a link.
    pub(super) fn must(directory: BorrowedFd<'_>, path: &Path) -> Result<Self, FileError> {
        let found = Self::look(directory, path).map_err(|source| FileError::new(path, source))?;
        found.ok_or_else(|| FileError::NotAFile { path: path.to_owned() })
    }

    fn new(stat: &Stat) -> Option<Self> {
        let stamp = Stamp::of(stat);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => Some(Self { stamp, kind: FileKind::Symlink, executable: false }),
            FileType::RegularFile => {
                let executable = Mode::from_raw_mode(stat.st_mode).contains(Mode::XUSR);
                Some(Self { stamp, kind: FileKind::File, executable })
            }
            _ => None,
        }
    }

    pub(super) fn is_large(&self) -> bool {
        self.stamp.size > LARGE
    }

    pub(super) fn with_digest(&self, digest: Digest) -> HashedFile {
        let Self { stamp, kind, executable } = *self;
        HashedFile { digest, executable, kind, size: stamp.size, mtime: stamp.mtime }
    }
}

/// The memory that a thread reads files through.
#[derive(Default)]
pub(super) struct Buffer(Vec<u8>);

/// Reads and hashes `path`; `found` becomes what it looked like while it had that content.
pub(super) fn hash(
    root: BorrowedFd<'_>,
    path: &Path,
    found: &mut Found,
    buffer: &mut Buffer,
) -> Result<Digest, FileError> {
    for _ in 0..ATTEMPTS {
        let attempt = match found.kind {
            FileKind::File => hash_content(root, path, found, buffer),
            FileKind::Symlink => hash_target(root, path, found),
        };
        if let Some(digest) = attempt.map_err(|source| FileError::new(path, source))? {
            return Ok(digest);
        }
        *found = Found::must(root, path)?;
    }
    Err(FileError::Changing { path: path.to_owned() })
}

/// `None` when the file is no longer the one that was found.
fn hash_content(root: BorrowedFd<'_>, path: &Path, found: &Found, buffer: &mut Buffer) -> io::Result<Option<Digest>> {
    // NONBLOCK: should a FIFO have taken the file's place, opening it must not wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened: OwnedFd = match rustix::fs::openat(root, path, flags, Mode::empty()) {
        Err(rustix::io::Errno::LOOP) => return Ok(None),
        opened => opened?,
    };
    let mut file = File::from(opened);
    let (mut hasher, mut left) = (blake3::Hasher::new(), found.stamp.size);
    let step = if found.is_large() { LARGE_BUFFER } else { SMALL_BUFFER };
    if buffer.0.len() < step {
        buffer.0.resize(step, 0);
    }
    while left > 0 {
        let wanted = step.min(usize::try_from(left).unwrap_or(step));
        let read = fill(&mut file, &mut buffer.0[..wanted])?;
        if read == 0 {
            return Ok(None);
        }
        if found.is_large() {
            hasher.update_rayon(&buffer.0[..read]);
        } else {
            hasher.update(&buffer.0[..read]);
        }
        left -= read as u64;
    }
    let after = Stamp::of(&rustix::fs::fstat(&file)?);
    Ok((after == found.stamp).then(|| hasher.finalize().into()))
}

/// Reads until `buffer` is full or the file ends, so that blake3 gets pieces worth sharing among processors.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn hash_target(root: BorrowedFd<'_>, path: &Path, found: &Found) -> io::Result<Option<Digest>> {
    let target = match rustix::fs::readlinkat(root, path, Vec::new()) {
        // It is no link any more.
        Err(rustix::io::Errno::INVAL) => return Ok(None),
        target => target?,
    };
    let after = Stamp::of(&rustix::fs::statat(root, path, AtFlags::SYMLINK_NOFOLLOW)?);
    Ok((after == found.stamp).then(|| Digest::of(target.as_bytes())))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_file_that_changed_since_it_was_found_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "before").unwrap();
        let root = File::open(directory.path()).unwrap();
        let mut found = Found::must(root.as_fd(), Path::new("file")).unwrap();
        for content in ["a longer one", "short"] {
            std::fs::write(&path, content).unwrap();
            let digest = hash(root.as_fd(), Path::new("file"), &mut found, &mut Buffer::default()).unwrap();
            assert_eq!((digest, found.stamp.size), (Digest::of(content.as_bytes()), content.len() as u64));
        }
    }

    #[test]
    fn a_file_that_became_a_link_and_back_is_read_as_what_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "content").unwrap();
        let root = File::open(directory.path()).unwrap();
        let mut found = Found::must(root.as_fd(), Path::new("file")).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("target", &path).unwrap();
        let digest = hash(root.as_fd(), Path::new("file"), &mut found, &mut Buffer::default()).unwrap();
        assert_eq!((digest, found.kind), (Digest::of(b"target"), FileKind::Symlink));
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "content").unwrap();
        let digest = hash(root.as_fd(), Path::new("file"), &mut found, &mut Buffer::default()).unwrap();
        assert_eq!((digest, found.kind), (Digest::of(b"content"), FileKind::File));
    }
}
