//! Writes files, links and directories into staging.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use sci_faults::Step;
use sci_hasher::Digest;
use sci_store_api::ObjectId;
use sci_sys::fd::OwnedFd;
use sci_sys::fs::{self, Mode, OFlags};
use sci_sys::io::Errno;

use super::Task;
use super::apply::set_mtime;
use super::plan::Plan;
use super::stage::Stage;
use crate::SnapshotError;
use crate::dir::{self, Cursor, Tops};
use crate::local::Receipt;
use crate::tree::{Entry, Kind, Tree};

/// Granularity at which zeros of a sparse file are left out. Bytes.
const PAGE: usize = 4096;

/// A part of a block that goes into a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) offset: u32,
    pub(crate) length: u32,
    pub(crate) entry: u32,
    /// Which of the file's extents it is.
    pub(crate) extent: u32,
    /// Where it goes in the file.
    pub(crate) at: u64,
}

/// Why a part could not be written.
pub(crate) enum WriteError {
    /// Its bytes are not what the manifest says.
    Content(String),
    /// The file system refused.
    Other(SnapshotError),
}

impl WriteError {
    pub(crate) fn in_pack(self, pack: &ObjectId) -> SnapshotError {
        match self {
            Self::Content(reason) => SnapshotError::damaged(pack, reason),
            Self::Other(error) => error,
        }
    }
}

/// One thread's writer.
pub(crate) struct Writer<'a> {
    tree: &'a Tree,
    task: &'a Task<'a>,
    cursor: Cursor<'a>,
    pending: &'a HashMap<u32, AtomicU32>,
    pub(crate) receipts: Vec<(u32, Receipt)>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(
        task: &'a Task<'_>,
        plan: &'a Plan,
        stage: &'a Stage,
        pending: &'a HashMap<u32, AtomicU32>,
    ) -> Self {
        Self {
            tree: &task.manifest.tree,
            task,
            cursor: Cursor::creating(stage.new_dir(), Tops::Staged(&plan.tops)),
            pending,
            receipts: Vec::new(),
        }
    }

    /// What is to be written: of a hard link, the file that it is another name of.
    fn entry(&self, index: u32) -> Entry {
        self.tree.entry(self.tree.resolve(index))
    }

    fn fail(&self, index: u32, error: Errno) -> SnapshotError {
        let path = dir::display(self.task.root, &self.tree.path(index));
        match error {
            Errno::EXIST => {
                let reason = "another entry of the snapshot has the same name on this file system";
                SnapshotError::io("create", path, std::io::Error::other(reason))
            }
            error => SnapshotError::io("write", path, error),
        }
    }

    /// Makes a link, a directory, an empty file, or one that is nothing but a hole.
    pub(crate) fn light(&mut self, index: u32) -> crate::Result<()> {
        self.try_light(index).map_err(|error| self.fail(index, error))?;
        sci_faults::at(Step::EntryStaged);
        self.task.progress.advance(1, 0);
        Ok(())
    }

    fn try_light(&mut self, index: u32) -> Result<(), Errno> {
        let entry = self.entry(index);
        match entry.kind {
            Kind::Dir => self.cursor.dir(self.tree, index).map(drop),
            Kind::Symlink => {
                let (parent, name) = self.cursor.place(self.tree, index)?;
                let to_directory = || self.task.leads.to_directory(self.tree, self.task.root, index);
                sci_sys::symlink(self.tree.target(index), parent, &name, to_directory)?;
                fs::utimensat(parent, name.as_slice(), &set_mtime(entry.mtime), fs::AtFlags::SYMLINK_NOFOLLOW)
            }
            Kind::File | Kind::Sparse => {
                let file = self.open(index, true)?;
                self.complete(index, &file)
            }
            Kind::Hardlink => Ok(()),
        }
    }

    /// Opens the file to write; `whole` says that it is written by this one handle alone.
    fn open(&mut self, index: u32, whole: bool) -> Result<OwnedFd, Errno> {
        let mode = self.entry(index).mode;
        let (parent, name) = self.cursor.place(self.tree, index)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match whole {
            // It mostly needs no chmod then. Nobody else can reach it yet, whatever its mode.
            true => fs::openat(parent, name.as_slice(), flags | OFlags::EXCL, Mode::from_raw_mode(mode.into())),
            false => fs::openat(parent, name.as_slice(), flags, Mode::RUSR | Mode::WUSR),
        }
    }

    /// Sets length, time and mode of a file whose content is written.
    fn complete(&mut self, index: u32, file: &OwnedFd) -> Result<(), Errno> {
        let entry = self.entry(index);
        if entry.kind == Kind::Sparse {
            fs::ftruncate(file, entry.size)?;
        }
        fs::futimens(file, &set_mtime(entry.mtime))?;
        let mut found = crate::tree::facts(&fs::fstat(file)?);
        // Written by several handles, or under a umask that takes some of its bits.
        if found.mode != entry.kept_mode() {
            fs::fchmod(file, Mode::from_raw_mode(entry.mode.into()))?;
            found = crate::tree::facts(&fs::fstat(file)?);
        }
        self.receipts.push((index, Receipt { inode: found.stat.inode, ctime: found.stat.ctime }));
        Ok(())
    }

    /// Writes parts of one block, whose unpacked bytes are `raw`.
    pub(crate) fn write(&mut self, parts: &[Part], raw: &[u8]) -> Result<(), WriteError> {
        let together = |a: &Part, b: &Part| a.entry == b.entry;
        parts.chunk_by(together).try_for_each(|parts| self.file(parts, raw))
    }

    fn file(&mut self, parts: &[Part], raw: &[u8]) -> Result<(), WriteError> {
        let index = parts[0].entry;
        let bytes: u64 = parts.iter().map(|part| u64::from(part.length)).sum();
        self.check(index, parts, raw)?;
        self.try_file(index, parts, raw).map_err(|error| WriteError::Other(self.fail(index, error)))?;
        self.task.progress.advance(0, bytes);
        Ok(())
    }

    /// Checks every part's digest before a byte of it is written.
    fn check(&self, index: u32, parts: &[Part], raw: &[u8]) -> Result<(), WriteError> {
        let damaged = || {
            let path = dir::display(self.task.root, &self.tree.path(index));
            WriteError::Content(format!("the content of {} does not have its digest", path.display()))
        };
        let content = self.tree.content(self.tree.resolve(index)).ok_or_else(damaged)?;
        let digests = self.tree.chunk_digests(content);
        let right = |part: &Part| Digest::of(slice(raw, part)) == digests[part.extent as usize];
        if parts.iter().all(right) { Ok(()) } else { Err(damaged()) }
    }

    fn try_file(&mut self, index: u32, parts: &[Part], raw: &[u8]) -> Result<(), Errno> {
        let entry = self.entry(index);
        let content = self.tree.content(self.tree.resolve(index));
        let extents = content.map(|content| self.tree.extents(content)).unwrap_or_default();
        let only = extents.iter().filter(|extent| !extent.is_hole()).count() == parts.len();
        let file = self.open(index, only)?;
        let mut rest = parts;
        while let Some(first) = rest.first() {
            // Chunks that follow each other in block and file are written by one call.
            let run = rest.windows(2).take_while(|pair| follows(&pair[0], &pair[1])).count() + 1;
            let length: u32 = rest[..run].iter().map(|part| part.length).sum();
            let bytes = &raw[first.offset as usize..][..length as usize];
            if entry.kind == Kind::Sparse {
                write_sparse(&file, bytes, first.at)?
            } else {
                write(&file, bytes, first.at)?
            }
            rest = &rest[run..];
        }
        sci_faults::at(Step::FilePartial);
        // Whoever writes the last part of a file completes it.
        let written = parts.len() as u32;
        let pending = self.pending.get(&index);
        if pending.is_none_or(|pending| pending.fetch_sub(written, Ordering::AcqRel) == written) {
            self.complete(index, &file)?;
            sci_faults::at(Step::FileStaged);
            self.task.progress.advance(1, 0);
        }
        Ok(())
    }
}

fn slice<'r>(raw: &'r [u8], part: &Part) -> &'r [u8] {
    &raw[part.offset as usize..][..part.length as usize]
}

fn follows(a: &Part, b: &Part) -> bool {
    b.offset == a.offset + a.length && b.at == a.at + u64::from(a.length)
}

fn write(file: &OwnedFd, mut bytes: &[u8], mut at: u64) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match sci_sys::io::pwrite(file, bytes, at) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => {
                bytes = &bytes[count..];
                at += count as u64;
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes all but pages of zeros, and the pages between these by one call; the file's length is set at the end.
fn write_sparse(file: &OwnedFd, bytes: &[u8], at: u64) -> Result<(), Errno> {
    let mut data: Option<usize> = None;
    let mut position = 0;
    while position < bytes.len() {
        let end = (position + PAGE - (at as usize + position) % PAGE).min(bytes.len());
        let is_hole = bytes[position..end].iter().all(|byte| *byte == 0);
        if !is_hole {
            data.get_or_insert(position);
        } else if let Some(start) = data.take() {
            write(file, &bytes[start..position], at + start as u64)?;
        }
        position = end;
    }
    data.map_or(Ok(()), |start| write(file, &bytes[start..], at + start as u64))
}
