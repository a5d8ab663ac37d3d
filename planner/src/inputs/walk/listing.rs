//! What one directory holds.

use std::cmp::Ordering;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::super::tree::{Entry, EntryKind, is_output, to_path};
use super::rules::{self, Rules};
use crate::config::DeclaredPath;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A directory that is to be listed.
pub(super) struct Place {
    /// The number of its listing.
    pub(super) number: usize,
    /// Relative to the workspace.
    pub(super) path: Vec<u8>,
    /// What is ignored in it by the directories above.
    rules: Option<Arc<Rules>>,
}

impl Place {
    /// The workspace itself.
    pub(super) fn root() -> Self {
        Self { number: 0, path: Vec::new(), rules: None }
    }
}

/// One thing in a directory.
pub(super) enum Item {
    Entry(Entry),
    Directory { path: Vec<u8>, number: usize },
}

impl Item {
    fn path(&self) -> &[u8] {
        match self {
            Self::Entry(entry) => &entry.path,
            Self::Directory { path, .. } => path,
        }
    }

    /// The order of the paths of files: a directory stands where what is in it does.
    fn compare(&self, other: &Self) -> Ordering {
        let (left, right) = (self.path(), other.path());
        let common = left.len().min(right.len());
        let next = |item: &Self, path: &[u8]| match (path.get(common), item) {
            (None, Self::Directory { .. }) => Some(b'/'),
            (next, _) => next.copied(),
        };
        left[..common].cmp(&right[..common]).then_with(|| next(self, left).cmp(&next(other, right)))
    }
}

/// What a directory holds and nothing excludes, in the order of paths.
pub(super) struct Listing {
    pub(super) items: Vec<Item>,
}

impl Listing {
    /// Numbers the directories in it.
    pub(super) fn number_from(&mut self, mut next: usize) {
        for item in &mut self.items {
            if let Item::Directory { number, .. } = item {
                *number = next;
                next += 1;
            }
        }
    }
}

/// Lists directories.
pub(super) struct Lister<'a> {
    root: &'a Path,
    /// The workspace, unless it cannot be opened.
    handle: Option<OwnedFd>,
    outputs: &'a [DeclaredPath],
}

impl<'a> Lister<'a> {
    pub(super) fn new(root: &'a Path, outputs: &'a [DeclaredPath]) -> Self {
        // The workspace may be reached by a link; what is in it may not.
        let handle = fs::openat(CWD, root, DIRECTORY.difference(OFlags::NOFOLLOW), Mode::empty()).ok();
        Self { root, handle, outputs }
    }

    /// What a directory holds, and the directories in it. One that is gone, or has become something else, holds nothing.
    ///
    /// # Errors
    /// Why it cannot be read, as a sentence.
    pub(super) fn list(&self, place: &Place) -> Result<(Listing, Vec<Place>), String> {
        match self.found(&place.path) {
            Ok(found) => Ok(self.kept(place, found)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok((Listing { items: Vec::new() }, Vec::new())),
            Err(error) => Err(format!("{}: {error}", self.absolute(&place.path).display())),
        }
    }

    fn absolute(&self, path: &[u8]) -> std::path::PathBuf {
        if path.is_empty() { self.root.to_owned() } else { self.root.join(to_path(path)) }
    }

    fn found(&self, path: &[u8]) -> Result<Vec<(Vec<u8>, FileType)>, Errno> {
        let opened = match &self.handle {
            Some(root) if path.is_empty() => fs::openat(root, ".", DIRECTORY, Mode::empty()),
            Some(root) => fs::openat(root, path, DIRECTORY, Mode::empty()),
            None => fs::openat(CWD, self.root, DIRECTORY.difference(OFlags::NOFOLLOW), Mode::empty()),
        };
        let mut directory = fs::Dir::new(opened?)?;
        let mut found = Vec::new();
        while let Some(entry) = directory.read() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => kind(directory.fd()?.as_fd(), name),
                kind => Some(kind),
            };
            found.extend(kind.map(|kind| (join(path, name), kind)));
        }
        Ok(found)
    }

    fn kept(&self, place: &Place, found: Vec<(Vec<u8>, FileType)>) -> (Listing, Vec<Place>) {
        let prefix = if place.path.is_empty() { 0 } else { place.path.len() + 1 };
        let rules = match found.iter().find(|(path, _)| &path[prefix..] == rules::FILE) {
            Some((path, _)) => Rules::read(&self.absolute(path), prefix, place.rules.clone()),
            None => place.rules.clone(),
        };
        let mut items = Vec::with_capacity(found.len());
        for (path, kind) in found {
            let is_dir = kind == FileType::Directory;
            if rules.as_ref().is_some_and(|rules| rules.ignore(&path, is_dir)) || is_output(self.outputs, &path) {
                continue;
            }
            items.extend(match kind {
                FileType::Directory => Some(Item::Directory { path, number: 0 }),
                FileType::RegularFile => Some(Item::Entry(Entry { path, kind: EntryKind::File })),
                FileType::Symlink => Some(Item::Entry(Entry { path, kind: EntryKind::Symlink })),
                _ => None,
            });
        }
        items.sort_unstable_by(Item::compare);
        let places = items.iter().filter_map(|item| match item {
            Item::Directory { path, .. } => Some(Place { number: 0, path: path.clone(), rules: rules.clone() }),
            Item::Entry(_) => None,
        });
        let places = places.collect();
        (Listing { items }, places)
    }
}

/// What an entry is, where the directory does not say; `None` when it is gone.
fn kind(directory: BorrowedFd<'_>, name: &[u8]) -> Option<FileType> {
    let stat = fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(FileType::from_raw_mode(stat.st_mode))
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() }
}
