//! Unpacks groups that are in memory: decompress, create, write, set the times. Nothing is verified.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, futimens, linkat, mkdirat, openat, symlinkat};

use super::compress::{Group, Piece};
use super::share;
use crate::Failure;

/// Writes the tree to `out`, which is not there.
///
/// Symlinks have no targets in the groups; each is made with its own path for a target.
///
/// # Errors
/// When something cannot be written.
pub(super) fn tree(groups: &[Group], directories: &[PathBuf], out: &Path) -> Result<(), Failure> {
    fs::create_dir(out)?;
    let out = openat(CWD, out, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    for directory in directories {
        mkdirat(&out, directory, Mode::RWXU | Mode::RWXG | Mode::RWXO)?;
    }
    let (linked, left) = (links(groups), pieces(groups));
    let linked = &linked;
    share(groups.len(), |tasks| {
        let mut decompressor = zstd::bulk::Decompressor::new()?;
        let mut bytes = Vec::new();
        let mut directory = Directory::default();
        for group in tasks.map(|task| &groups[task]) {
            bytes.clear();
            bytes.reserve(group.pieces.iter().map(|piece| piece.length).sum());
            decompressor.decompress_to_buffer(&group.frame, &mut bytes)?;
            let mut rest = bytes.as_slice();
            for piece in &group.pieces {
                let (content, after) = rest.split_at(piece.length);
                rest = after;
                if linked.get(&piece.entry.inode).is_none_or(|first| *first == piece.entry.path) {
                    write(&out, &mut directory, piece, content, left.get(&piece.entry.inode))?;
                }
            }
        }
        Ok(())
    })?;
    for entry in
        groups.iter().flat_map(|group| &group.pieces).filter(|piece| piece.offset == 0).map(|piece| &piece.entry)
    {
        if let Some(first) = linked.get(&entry.inode).filter(|first| **first != entry.path) {
            linkat(&out, *first, &out, &entry.path, AtFlags::empty())?;
        }
    }
    Ok(())
}

/// The first name of each file that has several in the tree.
fn links(groups: &[Group]) -> HashMap<u64, &Path> {
    let mut names: HashMap<u64, &Path> = HashMap::new();
    for piece in groups.iter().flat_map(|group| &group.pieces).filter(|piece| piece.entry.links > 1) {
        names.entry(piece.entry.inode).or_insert(&piece.entry.path);
    }
    names
}

/// How many pieces each file has that is in several.
fn pieces(groups: &[Group]) -> HashMap<u64, AtomicUsize> {
    let mut counts: HashMap<u64, usize> = HashMap::new();
    for piece in groups.iter().flat_map(|group| &group.pieces) {
        if piece.length > 0 && piece.length as u64 != piece.entry.size {
            *counts.entry(piece.entry.inode).or_default() += 1;
        }
    }
    counts.into_iter().map(|(inode, count)| (inode, AtomicUsize::new(count))).collect()
}

/// The directory that a thread wrote to last: files come in the order of their paths.
#[derive(Default)]
struct Directory {
    path: PathBuf,
    handle: Option<OwnedFd>,
}

impl Directory {
    fn open(&mut self, out: &OwnedFd, path: &Path) -> rustix::io::Result<&OwnedFd> {
        if self.path != path {
            self.handle = None;
            self.path = path.to_path_buf();
        }
        match &mut self.handle {
            Some(handle) => Ok(handle),
            handle => {
                let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
                let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
                Ok(handle.insert(openat(out, path, flags, Mode::empty())?))
            }
        }
    }
}

/// Writes a piece; `left` counts the pieces of its file that are still to be written, where there are several.
fn write(
    out: &OwnedFd,
    directory: &mut Directory,
    piece: &Piece,
    content: &[u8],
    left: Option<&AtomicUsize>,
) -> Result<(), Failure> {
    let entry = &piece.entry;
    let handle = directory.open(out, entry.path.parent().unwrap_or(Path::new("")))?;
    let name: &OsStr = entry.path.file_name().ok_or("an entry without a name")?;
    match entry.kind {
        FileType::Symlink => symlinkat(entry.path.as_path(), handle, name)?,
        FileType::RegularFile => {
            let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = openat(handle, name, flags, entry.mode)?;
            let mut done = 0;
            while done < content.len() {
                done += rustix::io::pwrite(&file, &content[done..], piece.offset + done as u64)?;
            }
            // Only now: another thread must not set the times before this piece is written.
            if left.is_none_or(|left| left.fetch_sub(1, Ordering::AcqRel) == 1) {
                futimens(&file, &entry.times)?;
            }
        }
        _ => {}
    }
    Ok(())
}
