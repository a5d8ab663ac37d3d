//! The files of a workspace that inputs may name, as one walk found them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sci_hasher::fs::{FileKind, Found};

use crate::config::DeclaredPath;

/// What the walk found, and what literal patterns added to it.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    /// Files and symlinks that `.gitignore` does not exclude.
    walked: Files,
    /// Directories, in byte order; the workspace itself is the empty path and comes first.
    directories: Vec<Vec<u8>>,
    /// Directories that could not be read, and why.
    unreadable: BTreeMap<Vec<u8>, String>,
    /// Ignored files that a pattern names literally, in the order of discovery.
    added: Files,
    added_ids: BTreeMap<Vec<u8>, EntryId>,
    outputs: Vec<DeclaredPath>,
}

/// A file or a symlink.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'t> {
    /// Relative to the workspace, with `/` between components.
    pub(crate) path: &'t [u8],
    /// What it looked like.
    pub(crate) found: &'t Found,
}

impl Entry<'_> {
    /// Whether it is a regular file.
    pub(crate) fn is_file(&self) -> bool {
        self.found.kind() == FileKind::File
    }
}

/// Files and symlinks; all paths in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Files {
    paths: Vec<u8>,
    /// Where each path ends, and what is there.
    files: Vec<(usize, Found)>,
}

impl Files {
    /// With room for so many files, and so many bytes of paths.
    pub(super) fn with_capacity(files: usize, bytes: usize) -> Self {
        Self { paths: Vec::with_capacity(bytes), files: Vec::with_capacity(files) }
    }

    /// Adds the file `name` in `directory`.
    pub(super) fn push(&mut self, directory: &[u8], name: &[u8], found: Found) {
        if !directory.is_empty() {
            self.paths.extend_from_slice(directory);
            self.paths.push(b'/');
        }
        self.paths.extend_from_slice(name);
        self.files.push((self.paths.len(), found));
    }

    fn len(&self) -> usize {
        self.files.len()
    }

    fn get(&self, index: usize) -> Option<Entry<'_>> {
        let (end, found) = self.files.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.files[before].0);
        Some(Entry { path: &self.paths[start..*end], found })
    }

    /// The index of the first path that is not below `path`, in files that are in byte order.
    fn lower_bound(&self, path: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle) {
                Some(entry) if entry.path < path => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }
}

/// Names an entry of one [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryId(usize);

impl Tree {
    /// Takes what a walk found, in order.
    pub(super) fn new(
        root: PathBuf,
        walked: Files,
        directories: Vec<Vec<u8>>,
        unreadable: BTreeMap<Vec<u8>, String>,
        outputs: Vec<DeclaredPath>,
    ) -> Self {
        Self { root, walked, directories, unreadable, added: Files::default(), added_ids: BTreeMap::new(), outputs }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn entry(&self, id: EntryId) -> Entry<'_> {
        let entry = self.walked.get(id.0).or_else(|| self.added.get(id.0 - self.walked.len()));
        entry.unwrap_or_else(|| unreachable!("an id is made for one tree, which only grows"))
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
    pub(crate) fn walked(&self) -> impl Iterator<Item = (EntryId, Entry<'_>)> {
        (0..self.walked.len()).filter_map(|index| Some((EntryId(index), self.walked.get(index)?)))
    }

    /// The walked entries below a directory, with their paths relative to it.
    pub(crate) fn below<'t>(&'t self, directory: &[u8]) -> impl Iterator<Item = (EntryId, &'t [u8])> + use<'t> {
        let prefix = if directory.is_empty() { Vec::new() } else { [directory, b"/"].concat() };
        let start = self.walked.lower_bound(&prefix);
        (start..self.walked.len()).map_while(move |index| {
            let below = self.walked.get(index)?.path.strip_prefix(prefix.as_slice())?;
            Some((EntryId(index), below))
        })
    }

    /// Where an entry is in a list of as many as there are.
    pub(super) const fn index(id: EntryId) -> usize {
        id.0
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.walked.len() + self.added.len()
    }

    /// The entry with exactly this path, walked or, when it is an ignored file, added now.
    ///
    /// Files inside workspace paths are outputs and are never found; nor is anything behind a symlink.
    pub(crate) fn find_literal(&mut self, path: &[u8]) -> Option<EntryId> {
        let index = self.walked.lower_bound(path);
        if self.walked.get(index).is_some_and(|entry| entry.path == path) {
            return Some(EntryId(index));
        }
        if let Some(id) = self.added_ids.get(path) {
            return Some(*id);
        }
        let found = self.find_on_disk(path)?;
        let id = EntryId(self.len());
        self.added.push(b"", path, found);
        self.added_ids.insert(path.to_vec(), id);
        Some(id)
    }

    fn find_on_disk(&self, path: &[u8]) -> Option<Found> {
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
        let root = File::open(&self.root).ok()?;
        Found::look(root.as_fd(), to_path(path)).ok()?
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
