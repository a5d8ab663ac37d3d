//! The files of a workspace that inputs may name, as one walk found them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use sci_hasher::Digest;
use sci_hasher::fs::{FileKind, Found, Names};
use sci_sys::fd::AsFd;
use sci_sys::ffi::OsStrExt;
use sci_sys::fs::{CWD, Mode, OFlags};

use crate::config::{Config, DeclaredPath};

/// What the walk found, and what literal patterns added to it.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    /// Files and symlinks that `.gitignore` does not exclude.
    walked: Files,
    /// Directories, in byte order; the workspace itself is the empty path and comes first.
    directories: Vec<Vec<u8>>,
    /// What may be remembered of those that could be read, in byte order.
    memories: Vec<(Vec<u8>, Names)>,
    /// Directories that could not be read, and why.
    unreadable: BTreeMap<Vec<u8>, String>,
    /// Ignored files that a pattern names literally, in the order of discovery.
    added: Files,
    added_ids: BTreeMap<Vec<u8>, EntryId>,
    outputs: Vec<DeclaredPath>,
    matches: Matches,
}

/// What globs match from directories that many instances look into, by glob and directory.
#[derive(Debug, Default)]
pub(super) struct Matches(BTreeMap<String, BTreeMap<Vec<u8>, Vec<EntryId>>>);

impl Matches {
    /// What was found before.
    pub(super) fn get(&self, glob: &str, directory: &[u8]) -> Option<Vec<EntryId>> {
        self.0.get(glob)?.get(directory).cloned()
    }

    /// Remembers it.
    pub(super) fn insert(&mut self, glob: &str, directory: &[u8], found: &[EntryId]) {
        self.0.entry(glob.to_owned()).or_default().insert(directory.to_owned(), found.to_vec());
    }
}

/// A file or a symlink.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'t> {
    /// Relative to the workspace, with `/` between components.
    pub(crate) path: &'t [u8],
    /// What is known of it.
    pub(crate) seen: &'t Seen,
}

/// What the walk knows of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// What it looked like, with its content if that is known.
    pub(crate) found: Found,
    /// The digest under which it enters a derivation, if it was made.
    pub(crate) input: Option<Digest>,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) files: Files,
    pub(super) directories: Vec<Vec<u8>>,
    pub(super) memories: Vec<(Vec<u8>, Names)>,
}

impl<'t> Entry<'t> {
    /// The directory that it lies in, relative to the workspace, which is the empty path.
    pub(crate) fn directory(&self) -> &'t [u8] {
        directory_of(self.path)
    }

    /// Whether it is a regular file.
    pub(crate) fn is_file(&self) -> bool {
        self.seen.found.kind() == FileKind::File
    }
}

/// Files and symlinks; all paths in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Files {
    paths: Vec<u8>,
    /// Where each path ends, and what is there.
    files: Vec<(usize, Seen)>,
}

impl Files {
    /// With room for so many files, and so many bytes of paths.
    pub(super) fn with_capacity(files: usize, bytes: usize) -> Self {
        Self { paths: Vec::with_capacity(bytes), files: Vec::with_capacity(files) }
    }

    /// Adds the file `name` in `directory`.
    pub(super) fn push(&mut self, directory: &[u8], name: &[u8], seen: Seen) {
        if !directory.is_empty() {
            self.paths.extend_from_slice(directory);
            self.paths.push(b'/');
        }
        self.paths.extend_from_slice(name);
        self.files.push((self.paths.len(), seen));
    }

    fn len(&self) -> usize {
        self.files.len()
    }

    fn get(&self, index: usize) -> Option<Entry<'_>> {
        let (end, seen) = self.files.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.files[before].0);
        Some(Entry { path: &self.paths[start..*end], seen })
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
        Walk { files: walked, directories, memories }: Walk,
        unreadable: BTreeMap<Vec<u8>, String>,
        outputs: Vec<DeclaredPath>,
    ) -> Self {
        let (added, added_ids, matches) = (Files::default(), BTreeMap::new(), Matches::default());
        Self { root, walked, directories, memories, unreadable, added, added_ids, outputs, matches }
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

    pub(super) fn memories(&self) -> &[(Vec<u8>, Names)] {
        &self.memories
    }

    pub(super) const fn unreadable(&self) -> &BTreeMap<Vec<u8>, String> {
        &self.unreadable
    }

    /// What was matched so far.
    pub(super) const fn matches(&mut self) -> &mut Matches {
        &mut self.matches
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

    /// Every entry.
    pub(super) fn entries(&self) -> impl Iterator<Item = (EntryId, Entry<'_>)> {
        (0..self.len()).map(|index| (EntryId(index), self.entry(EntryId(index))))
    }

    /// The entry with exactly this path, if the walk found it.
    pub(super) fn walked_at(&self, path: &[u8]) -> Option<Entry<'_>> {
        self.walked.get(self.walked.lower_bound(path)).filter(|entry| entry.path == path)
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

    /// How many entries there are.
    fn len(&self) -> usize {
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
        self.added.push(b"", path, Seen { found, input: None });
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
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = sci_sys::fs::openat(CWD, &self.root, flags, Mode::empty()).ok()?;
        Found::look(root.as_fd(), to_path(path)).ok()?
    }
}

/// What of a workspace is no input: workspace paths, and what git and sci keep in it.
#[derive(Debug, Clone)]
pub struct Outputs(Vec<DeclaredPath>);

impl Outputs {
    /// Those of a workspace.
    pub fn of(config: &Config) -> Self {
        Self(config.paths.iter().map(|declaration| declaration.path.value.clone()).collect())
    }

    /// The workspace paths as they are declared.
    pub(crate) fn declared(&self) -> &[DeclaredPath] {
        &self.0
    }

    /// Whether the file at `path`, relative to the workspace, lies in one of them.
    pub fn hold(&self, path: &[u8]) -> bool {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(slash, _)| slash);
        ends.chain([path.len()]).any(|end| is_output(&self.0, &path[..end]))
    }
}

/// What the names of all begin with that sci makes in a workspace: a restore's staging, and what `sci doctor` tries out.
const OWN: [&[u8]; 2] = [b".sci-stage.", b".sci-doctor."];

/// Whether the entry at `path` is a workspace path, or git's or sci's own.
pub(super) fn is_output(outputs: &[DeclaredPath], path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    if name.eq_ignore_ascii_case(b".git") || OWN.iter().any(|prefix| name.starts_with(prefix)) {
        return true;
    }
    std::str::from_utf8(path).is_ok_and(|path| outputs.iter().any(|output| output.covers(path)))
}

/// The directory that a path lies in, relative to the workspace, which is the empty path.
pub(crate) fn directory_of(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(&[], |slash| &path[..slash])
}

/// What is called `name` in a directory.
pub(crate) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() }
}

/// A relative path from a directory of the workspace, by its letters alone; `None` when it leaves the workspace.
pub(crate) fn resolve(directory: &[u8], path: &[u8]) -> Option<Vec<u8>> {
    if path.starts_with(b"/") {
        return None;
    }
    let slash = |byte: &u8| *byte == b'/';
    let mut components: Vec<&[u8]> = directory.split(slash).filter(|component| !component.is_empty()).collect();
    for component in path.split(slash) {
        match component {
            b"" | b"." => {}
            b".." => drop(components.pop()?),
            _ => components.push(component),
        }
    }
    Some(components.join(&b'/'))
}

/// A path of a [`Tree`] as the operating system's.
pub(crate) fn to_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_stays_in_the_workspace() {
        assert_eq!(resolve(b"", b"vendor//v/").as_deref(), Some(&b"vendor/v"[..]));
        assert_eq!(resolve(b"web/app", b"./../v").as_deref(), Some(&b"web/v"[..]));
        assert_eq!(resolve(b"web", b"..").as_deref(), Some(&b""[..]));
        assert_eq!(resolve(b"web", b".").as_deref(), Some(&b"web"[..]));
        assert_eq!(resolve(b"web", b"../../v"), None);
        assert_eq!(resolve(b"web", b"/v"), None);
    }
}
