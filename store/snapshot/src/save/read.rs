//! Reads units: contents, their digests and cuts. A file that changes while it is read is found out and given back.

use std::path::Path;

use blake3::hazmat::{ChainingValue, HasherExt as _};
use fastcdc::v2020::FastCDC;
use sci_faults::Step;
use sci_hasher::Digest;
use sci_sys::buffer::spare_capacity;
use sci_sys::fd::{BorrowedFd, OwnedFd};
use sci_sys::fs::{self, AtFlags, Mode, OFlags, SeekFrom};
use sci_sys::io::Errno;

use super::references::References;
use super::units::Unit;
use crate::block::{Compressor, RawBlock, StoredBlock, compress_against};
use crate::dir::{self, Cursor, Tops};
use crate::limits::{CHUNK, STRIDE};
use crate::pool::Crew;
use crate::progress::go_on;
use crate::tree::{Kind, NONE, Stat, Tree, Walked};
use crate::{Progress, Result, SnapshotError};

/// What was read of a unit: the bytes, and what they are made of.
#[derive(Debug)]
pub(crate) struct ReadUnit {
    pub(crate) bytes: Vec<u8>,
    pub(crate) pieces: Vec<Piece>,
    /// Files that changed while they were read.
    pub(crate) torn: Vec<u32>,
}

/// A whole small file, or a part of a large one.
#[derive(Debug)]
pub(crate) enum Piece {
    /// A whole file. Its bytes follow those of the piece before.
    Whole { entry: u32, digest: Digest, length: u32 },
    /// A part of a large file: its chunks, and its share of the file's digest.
    Part { entry: u32, size: u64, chunks: Vec<Chunk>, share: Share },
}

/// A chunk; its bytes follow those of the chunk before. A hole has none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk {
    pub(crate) digest: Digest,
    pub(crate) length: u32,
    pub(crate) hole: bool,
}

/// A part's share of the file's BLAKE3.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Share {
    /// The part is the file.
    All(Digest),
    /// The chaining value of the part's subtree.
    Subtree(ChainingValue),
}

/// A block leans on another one only if that makes it so many times shorter: three quarters.
const GAIN: (usize, usize) = (3, 4);

/// One thread's directory handles and compressor.
pub(crate) struct Worker<'a> {
    cursor: Cursor<'a>,
    compressor: Compressor,
}

/// Reads files of one tree.
pub(crate) struct Reader<'a> {
    root: &'a Path,
    parent: BorrowedFd<'a>,
    name: &'a [u8],
    walked: &'a Walked,
    references: &'a References<'a>,
    progress: &'a dyn Progress,
}

impl<'a> Reader<'a> {
    /// A reader of the tree `name` in the directory `parent`; `root` is its path, for messages.
    pub(crate) fn new(
        root: &'a Path,
        (parent, name): (BorrowedFd<'a>, &'a [u8]),
        walked: &'a Walked,
        references: &'a References<'a>,
        progress: &'a dyn Progress,
    ) -> Self {
        Self { root, parent, name, walked, references, progress }
    }

    fn tree(&self) -> &Tree {
        &self.walked.tree
    }

    fn fail(&self, entry: u32, error: Errno) -> SnapshotError {
        SnapshotError::io("read", dir::display(self.root, &self.tree().path(entry)), error)
    }

    /// Opens the file; `None` when it vanished or was replaced. Whether it is the one that was found is asked when it has been read:
    /// if so, it has not changed meanwhile.
    fn open(&self, worker: &mut Worker<'a>, entry: u32) -> Result<Option<OwnedFd>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let opened = worker
            .cursor
            .place(self.tree(), entry)
            .and_then(|(parent, name)| fs::openat(parent, name.as_slice(), flags, Mode::empty()));
        match opened {
            Ok(file) => Ok(Some(file)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => Err(self.fail(entry, error)),
        }
    }

    fn is_same(&self, file: &OwnedFd, entry: u32) -> Result<bool> {
        let stat = fs::fstat(file).map_err(|error| self.fail(entry, error))?;
        Ok(self.walked.is_still(entry, &stat))
    }

    fn whole(&self, worker: &mut Worker<'a>, entry: u32, read: &mut ReadUnit) -> Result<()> {
        let size = self.tree().entry(entry).size as usize;
        let start = read.bytes.len();
        let whole = match self.open(worker, entry)? {
            Some(file) => self.append(&file, entry, (0, size), &mut read.bytes)?,
            None => false,
        };
        if whole {
            let digest = Digest::of(&read.bytes[start..]);
            read.pieces.push(Piece::Whole { entry, digest, length: size as u32 });
            self.progress.advance(1, size as u64);
        } else {
            read.bytes.truncate(start);
            read.torn.push(entry);
        }
        Ok(())
    }

    /// Appends `length` bytes from position `at`; false when the file is not the one that was found, or has changed.
    fn append(&self, file: &OwnedFd, entry: u32, part: (u64, usize), into: &mut Vec<u8>) -> Result<bool> {
        match (append(file, part, into), self.is_same(file, entry)?) {
            // What cannot be read may have become something else.
            (_, false) => Ok(false),
            (Ok(complete), true) => Ok(complete),
            (Err(error), true) => Err(self.fail(entry, error)),
        }
    }

    fn stride(&self, worker: &mut Worker<'a>, entry: u32, at: u64, length: u64, read: &mut ReadUnit) -> Result<()> {
        let Some(file) = self.open(worker, entry)? else {
            read.torn.push(entry);
            return Ok(());
        };
        let sparse = self.tree().entry(entry).kind == Kind::Sparse;
        let is_hole = sparse && is_hole(&file, at, length);
        if is_hole {
            read.bytes.resize(length as usize, 0);
        }
        let part = (at, length as usize);
        let same =
            if is_hole { self.is_same(&file, entry)? } else { self.append(&file, entry, part, &mut read.bytes)? };
        if !same {
            read.torn.push(entry);
            read.bytes.clear();
            return Ok(());
        }
        let size = self.tree().entry(entry).size;
        let share = share(&read.bytes, at, size);
        let chunks = if is_hole { hole(&mut read.bytes) } else { cut(&mut read.bytes, sparse) };
        read.pieces.push(Piece::Part { entry, size, chunks, share });
        self.progress.advance(u64::from(at + length == size), length);
        Ok(())
    }
}

impl<'a> Crew for Reader<'a> {
    type Worker = Worker<'a>;
    type Item = Unit;
    type Read = ReadUnit;
    type Raw = RawBlock;
    type Done = StoredBlock;

    fn worker(&self) -> Result<Worker<'a>> {
        let cursor = Cursor::new(self.parent, Tops::Root(self.name));
        let compressor = Compressor::for_blocks();
        let compressor = compressor.map_err(|error| SnapshotError::io("set up compression for", self.root, error))?;
        Ok(Worker { cursor, compressor })
    }

    fn read(&self, worker: &mut Worker<'a>, unit: Unit) -> Result<ReadUnit> {
        go_on(self.progress)?;
        let mut read = ReadUnit { bytes: Vec::new(), pieces: Vec::new(), torn: Vec::new() };
        match unit {
            Unit::Files(files) => {
                let total: u64 = files.iter().map(|entry| self.tree().entry(*entry).size).sum();
                read.bytes.reserve_exact(total as usize);
                for entry in files {
                    self.whole(worker, entry, &mut read)?;
                }
            }
            Unit::Stride { entry, at, length } => self.stride(worker, entry, at, length, &mut read)?,
        }
        sci_faults::at(Step::SaveRead);
        Ok(read)
    }

    fn work(&self, worker: &mut Worker<'a>, raw: RawBlock) -> Result<StoredBlock> {
        go_on(self.progress)?;
        let failed = |error| SnapshotError::io("compress", "a block", error);
        let mut stored = worker.compressor.compress(&raw.bytes).map_err(failed)?;
        let mut reference = NONE;
        if let Some(resembled) = self.references.get(raw.resembles) {
            let leaning = compress_against(&resembled, &raw.bytes).map_err(failed)?;
            if leaning.len() <= stored.len() / GAIN.1 * GAIN.0 {
                (stored, reference) = (leaning, raw.resembles);
            }
        }
        Ok(StoredBlock { digest: Digest::of(&stored), length: raw.bytes.len() as u32, stored, reference })
    }
}

/// Appends `length` bytes from position `at`; false when the file ends too early.
fn append(file: &OwnedFd, (at, length): (u64, usize), into: &mut Vec<u8>) -> Result<bool, Errno> {
    let start = into.len();
    let end = start + length;
    into.reserve_exact(length);
    while into.len() < end {
        let position = at + (into.len() - start) as u64;
        // Not cleared before: all of it is overwritten.
        match sci_sys::io::pread(file, spare_capacity(into), position) {
            Ok(0) => return Ok(false),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    // There may have been room for more than was asked for.
    into.truncate(end);
    Ok(true)
}

fn is_hole(file: &OwnedFd, at: u64, length: u64) -> bool {
    match fs::seek(file, SeekFrom::Data(at)) {
        Ok(data) => data >= at + length,
        // There is no data up to the end of the file.
        Err(Errno::NXIO) => true,
        Err(_) => false,
    }
}

fn share(bytes: &[u8], at: u64, size: u64) -> Share {
    if size <= STRIDE {
        return Share::All(Digest::of(bytes));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(at);
    hasher.update(bytes);
    Share::Subtree(hasher.finalize_non_root())
}

/// One chunk that stands for a part of nothing but zeros; its bytes are dropped.
fn hole(bytes: &mut Vec<u8>) -> Vec<Chunk> {
    let length = bytes.len() as u32;
    bytes.clear();
    vec![Chunk { digest: HOLE, length, hole: true }]
}

/// What is written as the digest of a hole: it has no bytes to digest.
pub(crate) const HOLE: Digest = Digest::from_bytes([0; 32]);

/// Cuts by content. Of a sparse file, chunks of zeros become holes, and their bytes are dropped.
fn cut(bytes: &mut Vec<u8>, sparse: bool) -> Vec<Chunk> {
    let (min, average, max) = CHUNK;
    let mut chunks = Vec::with_capacity(bytes.len() / average + 1);
    let mut dropped = Vec::new();
    for chunk in FastCDC::new(bytes, min, average, max) {
        let content = &bytes[chunk.offset..chunk.offset + chunk.length];
        let hole = sparse && content.iter().all(|byte| *byte == 0);
        if hole {
            dropped.push(chunk.offset..chunk.offset + chunk.length);
        }
        let digest = if hole { HOLE } else { Digest::of(content) };
        chunks.push(Chunk { digest, length: chunk.length as u32, hole });
    }
    for range in dropped.into_iter().rev() {
        bytes.drain(range);
    }
    chunks
}

/// Looks again at files that changed while they were read.
///
/// # Errors
/// [`SnapshotError::Changing`] for one that is no longer there, or no longer a file.
pub(crate) fn stat_again(
    root: &Path,
    (parent, name): (BorrowedFd<'_>, &[u8]),
    walked: &mut Walked,
    torn: &[u32],
) -> Result<()> {
    for &entry in torn {
        let mut cursor = Cursor::new(parent, Tops::Root(name));
        let stat = cursor
            .place(&walked.tree, entry)
            .and_then(|(parent, name)| fs::statat(parent, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW));
        let found = stat.ok().map(|stat| crate::tree::facts(&stat));
        let found = found.filter(|found| found.kind == sci_sys::fs::FileType::RegularFile);
        // Of a file with several names, one may have been replaced: then they are not names of one file any more.
        let was = walked.stats.get(entry);
        let found = found.filter(|found| was.links == 1 || found.stat.inode == was.inode);
        let Some(found) = found else {
            return Err(SnapshotError::Changing { path: dir::display(root, &walked.tree.path(entry)) });
        };
        walked.tree.set_stat(entry, found.mode, found.size, found.mtime);
        let inode = if found.device == walked.device { found.stat.inode } else { 0 };
        walked.stats.set(entry, Stat { inode, ..found.stat });
    }
    Ok(())
}
