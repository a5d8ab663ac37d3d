//! Compresses a tree in groups, with nothing around them.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FileType;

use super::share;
use super::walk::{Entry, entries};
use crate::Failure;

/// What a group holds at least, as long as there are files; a larger file is cut into pieces of this length.
const GROUP: u64 = 1 << 20;
/// The level that the peers use too.
const LEVEL: i32 = 3;

/// Neighbouring files, or a piece of a large one.
pub(super) struct Group {
    pub(super) pieces: Vec<Piece>,
    /// Their bytes, one after the other, compressed.
    pub(super) frame: Vec<u8>,
}

/// A part of one entry.
pub(super) struct Piece {
    pub(super) entry: Arc<Entry>,
    pub(super) offset: u64,
    pub(super) length: usize,
}

/// Reads and compresses every file of the tree. Links are pieces without bytes.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn tree(root: &Path) -> Result<Vec<Group>, Failure> {
    let mut found = entries(root)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let groups = grouped(found);
    let parts = share(groups.len(), |tasks| {
        let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
        let mut bytes = Vec::new();
        let mut done = Vec::new();
        for task in tasks {
            bytes.clear();
            for piece in &groups[task] {
                read(root, piece, &mut bytes)?;
            }
            done.push((task, compressor.compress(&bytes)?));
        }
        Ok(done)
    })?;
    let mut frames: Vec<(usize, Vec<u8>)> = parts.into_iter().flatten().collect();
    frames.sort_by_key(|(task, _)| *task);
    let groups = groups.into_iter().zip(frames);
    Ok(groups.map(|(pieces, (_, frame))| Group { pieces, frame }).collect())
}

fn grouped(entries: Vec<Entry>) -> Vec<Vec<Piece>> {
    let mut groups = Vec::new();
    let mut group: Vec<Piece> = Vec::new();
    let mut length = 0;
    let mut seen = HashSet::new();
    for entry in entries {
        let entry = Arc::new(entry);
        // Another name of a file that is there already has no bytes of its own.
        let new = entry.links == 1 || seen.insert(entry.inode);
        let size = if entry.kind == FileType::RegularFile && new { entry.size } else { 0 };
        let mut offset = 0;
        loop {
            let piece = (size - offset).min(GROUP);
            group.push(Piece { entry: entry.clone(), offset, length: piece as usize });
            offset += piece;
            length += piece;
            if length >= GROUP {
                groups.push(std::mem::take(&mut group));
                length = 0;
            }
            if offset == size {
                break;
            }
        }
    }
    groups.push(group);
    groups
}

fn read(root: &Path, piece: &Piece, bytes: &mut Vec<u8>) -> Result<(), Failure> {
    if piece.length == 0 {
        return Ok(());
    }
    let path = root.join(&piece.entry.path);
    let start = bytes.len();
    bytes.resize(start + piece.length, 0);
    let read = File::open(&path).and_then(|file| file.read_exact_at(&mut bytes[start..], piece.offset));
    read.map_err(|error| format!("{}: {error}", path.display()).into())
}
