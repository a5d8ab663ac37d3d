//! The files of a workspace that inputs may name, as one walk found them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::config::DeclaredPath;

/// What the walk found, and what literal patterns added to it.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    /// Files and symlinks that `.gitignore` does not exclude, in byte order of their paths.
    walked: Vec<Entry>,
    /// Directories, in byte order; the workspace itself is the empty path and comes first.
    directories: Vec<Vec<u8>>,
    /// Directories that could not be read, and why.
    unreadable: BTreeMap<Vec<u8>, String>,
    /// Ignored files that a pattern names literally, in the order of discovery.
    added: Vec<Entry>,
    added_ids: BTreeMap<Vec<u8>, EntryId>,
    outputs: Vec<DeclaredPath>,
}

/// A file or a symlink.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// Relative to the workspace, with `/` between components.
    pub(crate) path: Vec<u8>,
    pub(crate) kind: EntryKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EntryKind {
    File,
    Symlink,
}

/// Names an entry of one [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryId(usize);

impl Tree {
    /// Takes what a walk found, in order.
    pub(super) fn new(
        root: PathBuf,
        walked: Vec<Entry>,
        directories: Vec<Vec<u8>>,
        unreadable: BTreeMap<Vec<u8>, String>,
        outputs: Vec<DeclaredPath>,
    ) -> Self {
        Self { root, walked, directories, unreadable, added: Vec::new(), added_ids: BTreeMap::new(), outputs }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn entry(&self, id: EntryId) -> &Entry {
        self.walked.get(id.0).unwrap_or_else(|| &self.added[id.0 - self.walked.len()])
    }

    pub(crate) fn directories(&self) -> &[Vec<u8>] {
        &self.directories
    }

    pub(super) const fn unreadable(&self) -> &BTreeMap<Vec<u8>, String> {
        &self.unreadable
    }

    pub(crate) fn has_directory(&self, path: &[u8]) -> bool {
        self.directories.binary_search_by(|directory| directory.as_slice().cmp(path)).is_ok()
    }

    /// The workspace path that `path` is, or lies in, as it was declared.
    pub(crate) fn output_around(&self, path: &[u8]) -> Option<&str> {
        let path = std::str::from_utf8(path).ok()?;
        let around = path.match_indices('/').map(|(slash, _)| &path[..slash]).chain([path]);
        let mut covering = around.filter_map(|part| self.outputs.iter().find(|output| output.covers(part)));
        covering.next().map(DeclaredPath::text)
    }

    /// Every entry that the walk found.
    pub(crate) fn walked(&self) -> impl Iterator<Item = (EntryId, &Entry)> {
        self.walked.iter().enumerate().map(|(index, entry)| (EntryId(index), entry))
    }

    /// The walked entries below a directory, with their paths relative to it.
    pub(crate) fn below<'t>(&'t self, directory: &[u8]) -> impl Iterator<Item = (EntryId, &'t [u8])> + use<'t> {
        let prefix = if directory.is_empty() { Vec::new() } else { [directory, b"/"].concat() };
        let start = self.walked.partition_point(|entry| entry.path.as_slice() < prefix.as_slice());
        let length = prefix.len();
        self.walked[start..]
            .iter()
            .enumerate()
            .take_while(move |(_, entry)| entry.path.starts_with(&prefix))
            .map(move |(offset, entry)| (EntryId(start + offset), &entry.path[length..]))
    }

    /// The entry with exactly this path, walked or, when it is an ignored file, added now.
    ///
    /// Files inside workspace paths are outputs and are never found; nor is anything behind a symlink.
    pub(crate) fn find_literal(&mut self, path: &[u8]) -> Option<EntryId> {
        if let Ok(index) = self.walked.binary_search_by(|entry| entry.path.as_slice().cmp(path)) {
            return Some(EntryId(index));
        }
        if let Some(id) = self.added_ids.get(path) {
            return Some(*id);
        }
        let kind = self.kind_on_disk(path)?;
        let id = EntryId(self.walked.len() + self.added.len());
        self.added.push(Entry { path: path.to_vec(), kind });
        self.added_ids.insert(path.to_vec(), id);
        Some(id)
    }

    fn kind_on_disk(&self, path: &[u8]) -> Option<EntryKind> {
        let above = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(slash, _)| &path[..slash]);
        for directory in above {
            let plain = std::fs::symlink_metadata(self.root.join(to_path(directory))).ok()?.is_dir();
            if !plain || is_output(&self.outputs, directory) {
                return None;
            }
        }
        if is_output(&self.outputs, path) {
            return None;
        }
        let kind = std::fs::symlink_metadata(self.root.join(to_path(path))).ok()?.file_type();
        match (kind.is_file(), kind.is_symlink()) {
            (true, _) => Some(EntryKind::File),
            (_, true) => Some(EntryKind::Symlink),
            _ => None,
        }
    }
}

/// Whether the entry at `path` is a workspace path, or sci's own.
pub(super) fn is_output(outputs: &[DeclaredPath], path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    if name.eq_ignore_ascii_case(b".git") || name.starts_with(b".sci-") {
        return true;
    }
    std::str::from_utf8(path).is_ok_and(|path| outputs.iter().any(|output| output.covers(path)))
}

/// A path of a [`Tree`] as the operating system's.
pub(crate) fn to_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}
