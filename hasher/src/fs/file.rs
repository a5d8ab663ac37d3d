//! Hashing one file, and being sure that it did not change meanwhile.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sci_sys::fd::{BorrowedFd, OwnedFd};
use sci_sys::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use sci_sys::io::Errno;

use super::cache_update::Fact;
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

/// A file or a link as it was found on disk.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    pub(super) stamp: Stamp,
    pub(super) kind: FileKind,
    executable: bool,
    content: Option<Content>,
}

/// What is known of a content.
#[derive(Debug, Clone, Copy)]
struct Content {
    digest: Digest,
    /// Whether it was not read, but remembered.
    remembered: bool,
}

impl Found {
    /// Looks at `path`, relative to `directory`, following no link in its last component. `None` when it is something else.
    ///
    /// # Errors
    /// What the system says.
    pub fn look(directory: BorrowedFd<'_>, path: &Path) -> io::Result<Option<Self>> {
        Ok(Self::new(&sci_sys::fs::statat(directory, path, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Looks at `name` in `directory` and reads it at once, where it is small and holds still; else its content stays unknown.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(directory: BorrowedFd<'_>, name: &Path, buffer: &mut Buffer) -> io::Result<Option<Self>> {
        // What cannot be opened can often be looked at: a link, by now, or a file of somebody else's.
        let Ok(opened) = open(directory, name) else { return Self::look(directory, name) };
        let mut found = match Self::new(&sci_sys::fs::fstat(&opened)?) {
            Some(found) if found.stamp.size <= SMALL_BUFFER as u64 => found,
            found => return Ok(found),
        };
        found.content = hash_opened(opened, &found, buffer).ok().flatten().map(Content::read);
        Ok(Some(found))
    }

    /// Regular file or link.
    pub const fn kind(&self) -> FileKind {
        self.kind
    }

    /// The file with its digest, once that is known.
    pub fn hashed(&self) -> Option<HashedFile> {
        let Self { stamp, kind, executable, content } = *self;
        content.map(|Content { digest, .. }| HashedFile {
            digest,
            executable,
            kind,
            size: stamp.size,
            mtime: stamp.mtime,
        })
    }

    /// Takes a digest for that of the content.
    pub(super) fn remember(&mut self, digest: Digest) {
        self.content = Some(Content { digest, remembered: true });
    }

    /// The same with a content that was read.
    #[cfg(test)]
    #[cfg(unix)]
    pub(super) fn with_content(self, digest: Digest) -> Self {
        Self { content: Some(Content::read(digest)), ..self }
    }

    pub(super) fn fact<'f>(&self, directory: &'f [u8], name: &'f [u8], now: Timestamp) -> Fact<'f> {
        let is_known = self.content.is_some_and(|content| content.remembered);
        // Reading a link is as quick as looking it up.
        let lasts = is_known || self.kind == FileKind::File && self.stamp.is_settled(now);
        let content = self.content.filter(|_| lasts).map(|content| (self.stamp, content.digest));
        Fact { directory, name, content, is_known }
    }

    /// The same, where it must be a file or a link.
    pub(super) fn must(directory: BorrowedFd<'_>, path: &Path) -> Result<Self, FileError> {
        let found = Self::look(directory, path).map_err(|source| FileError::new(path, source))?;
        found.ok_or_else(|| FileError::NotAFile { path: path.to_owned() })
    }

    fn new(stat: &Stat) -> Option<Self> {
        let stamp = Stamp::of(stat);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => Some(Self { stamp, kind: FileKind::Symlink, executable: false, content: None }),
            FileType::RegularFile => {
                let executable = Mode::from_raw_mode(stat.st_mode).contains(Mode::XUSR);
                Some(Self { stamp, kind: FileKind::File, executable, content: None })
            }
            _ => None,
        }
    }

    pub(super) fn is_large(&self) -> bool {
        self.stamp.size > LARGE
    }
}

impl Content {
    fn read(digest: Digest) -> Self {
        Self { digest, remembered: false }
    }
}

/// The memory that a thread reads files through.
#[derive(Debug, Default)]
pub struct Buffer(Vec<u8>);

/// Reads and hashes `path` unless that was done; `found` becomes what it looked like while it had that content.
pub(super) fn hash(
    root: BorrowedFd<'_>,
    path: &Path,
    found: &mut Found,
    buffer: &mut Buffer,
) -> Result<HashedFile, FileError> {
    for _ in 0..ATTEMPTS {
        if let Some(hashed) = found.hashed() {
            return Ok(hashed);
        }
        let attempt = match found.kind {
            FileKind::File => hash_content(root, path, found, buffer),
            FileKind::Symlink => hash_target(root, path, found),
        };
        match attempt.map_err(|source| FileError::new(path, source))? {
            Some(digest) => found.content = Some(Content::read(digest)),
            None => *found = Found::must(root, path)?,
        }
    }
    found.hashed().ok_or_else(|| FileError::Changing { path: path.to_owned() })
}

/// `None` when the file is no longer the one that was found.
fn hash_content(root: BorrowedFd<'_>, path: &Path, found: &Found, buffer: &mut Buffer) -> io::Result<Option<Digest>> {
    match open(root, path) {
        Err(Errno::LOOP) => Ok(None),
        opened => hash_opened(opened?, found, buffer),
    }
}

fn open(directory: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, Errno> {
    // NONBLOCK: should a FIFO have taken the file's place, opening it must not wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    sci_sys::fs::openat(directory, path, flags, Mode::empty())
}

/// `None` when the file is not the one that was found, or changed meanwhile.
fn hash_opened(opened: OwnedFd, found: &Found, buffer: &mut Buffer) -> io::Result<Option<Digest>> {
    let mut file = File::from(opened);
    let step = if found.is_large() { LARGE_BUFFER } else { SMALL_BUFFER };
    if buffer.0.len() < step {
        buffer.0.resize(step, 0);
    }
    let digest = match usize::try_from(found.stamp.size) {
        // In one piece BLAKE3 takes more of a small file at a time.
        Ok(size) if size <= step => {
            let read = fill(&mut file, &mut buffer.0[..size])?;
            (read == size).then(|| Digest::of(&buffer.0[..size]))
        }
        _ => hash_pieces(&mut file, found, &mut buffer.0[..step])?,
    };
    let after = Stamp::of(&sci_sys::fs::fstat(&file)?);
    Ok(digest.filter(|_| after == found.stamp))
}

fn hash_pieces(file: &mut File, found: &Found, buffer: &mut [u8]) -> io::Result<Option<Digest>> {
    let (mut hasher, mut left) = (blake3::Hasher::new(), found.stamp.size);
    while left > 0 {
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = fill(file, &mut buffer[..wanted])?;
        if read == 0 {
            return Ok(None);
        }
        if found.is_large() {
            hasher.update_rayon(&buffer[..read]);
        } else {
            hasher.update(&buffer[..read]);
        }
        left -= read as u64;
    }
    Ok(Some(hasher.finalize().into()))
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
    let target = match sci_sys::fs::readlinkat(root, path, Vec::new()) {
        // It is no link any more.
        Err(Errno::INVAL) => return Ok(None),
        target => target?,
    };
    let after = Stamp::of(&sci_sys::fs::statat(root, path, AtFlags::SYMLINK_NOFOLLOW)?);
    Ok((after == found.stamp).then(|| Digest::of(target.as_bytes())))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use sci_sys::fd::AsFd;

    use super::*;

    fn again(root: &File, found: &mut Found) -> HashedFile {
        found.content = None;
        hash(root.as_fd(), Path::new("file"), found, &mut Buffer::default()).unwrap()
    }

    #[test]
    fn a_small_file_is_read_when_it_is_found_and_what_is_none_is_looked_at() {
        let directory = tempfile::tempdir().unwrap();
        let root = File::open(directory.path()).unwrap();
        std::fs::write(directory.path().join("small"), "content").unwrap();
        std::fs::write(directory.path().join("larger"), vec![0; SMALL_BUFFER + 1]).unwrap();
        std::os::unix::fs::symlink("small", directory.path().join("link")).unwrap();
        let mut buffer = Buffer::default();
        let mut read = |name: &str| Found::read(root.as_fd(), Path::new(name), &mut buffer);
        let small = read("small").unwrap().unwrap();
        assert_eq!(small.hashed().unwrap().digest, Digest::of(b"content"));
        for (name, kind) in [("larger", FileKind::File), ("link", FileKind::Symlink)] {
            let found = read(name).unwrap().unwrap();
            assert_eq!((found.kind(), found.hashed()), (kind, None), "{name}");
        }
        assert_eq!(read("missing").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(read(".").unwrap().is_none());
    }

    #[test]
    fn a_file_that_changed_since_it_was_found_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "before").unwrap();
        let root = File::open(directory.path()).unwrap();
        let mut found = Found::must(root.as_fd(), Path::new("file")).unwrap();
        for content in ["a longer one", "short"] {
            std::fs::write(&path, content).unwrap();
            let hashed = again(&root, &mut found);
            assert_eq!((hashed.digest, hashed.size), (Digest::of(content.as_bytes()), content.len() as u64));
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
        assert_eq!((again(&root, &mut found).digest, found.kind), (Digest::of(b"target"), FileKind::Symlink));
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "content").unwrap();
        assert_eq!((again(&root, &mut found).digest, found.kind), (Digest::of(b"content"), FileKind::File));
    }
}
