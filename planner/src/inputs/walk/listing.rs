//! What one directory holds.

use std::ops::Range;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use sci_hasher::fs::Found;

use super::super::tree::{is_output, to_path};
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
pub(super) struct Item {
    name: Range<usize>,
    pub(super) kind: Kind,
}

/// What it is.
pub(super) enum Kind {
    File(Found),
    /// A directory, with the number of its listing.
    Directory(usize),
}

/// What a directory holds and nothing excludes, in the order of paths.
#[derive(Default)]
pub(super) struct Listing {
    /// The directory, relative to the workspace.
    pub(super) path: Vec<u8>,
    names: Vec<u8>,
    pub(super) items: Vec<Item>,
}

impl Listing {
    /// The name of an item.
    pub(super) fn name(&self, item: &Item) -> &[u8] {
        &self.names[item.name.clone()]
    }

    /// The path of an item, relative to the workspace.
    pub(super) fn path_of(&self, item: &Item) -> Vec<u8> {
        join(&self.path, self.name(item))
    }

    /// How many bytes the paths of all items have.
    pub(super) fn length(&self) -> usize {
        self.names.len() + self.items.len() * (self.path.len() + 1)
    }

    /// Numbers the directories in it.
    pub(super) fn number_from(&mut self, mut next: usize) {
        for item in &mut self.items {
            if let Kind::Directory(number) = &mut item.kind {
                *number = next;
                next += 1;
            }
        }
    }

    fn push(&mut self, name: &[u8], kind: Kind) {
        let start = self.names.len();
        self.names.extend_from_slice(name);
        self.items.push(Item { name: start..self.names.len(), kind });
    }

    /// Puts items into the order of the paths of files: a directory stands where what is in it does.
    fn sort(&mut self) {
        let names = &self.names;
        self.items.sort_unstable_by(|left, right| {
            let (a, b) = (&names[left.name.clone()], &names[right.name.clone()]);
            let common = a.len().min(b.len());
            let next = |item: &Item, name: &[u8]| match (name.get(common), &item.kind) {
                (None, Kind::Directory(_)) => Some(b'/'),
                (next, _) => next.copied(),
            };
            a[..common].cmp(&b[..common]).then_with(|| next(left, a).cmp(&next(right, b)))
        });
    }
}

/// Lists directories.
pub(super) struct Lister<'a> {
    root: &'a Path,
    /// The workspace, unless it cannot be opened.
    handle: Option<OwnedFd>,
    outputs: &'a [DeclaredPath],
    /// What the directory holds that is being listed, and the names of it.
    found: Vec<(Range<usize>, FileType)>,
    names: Vec<u8>,
}

impl<'a> Lister<'a> {
    pub(super) fn new(root: &'a Path, outputs: &'a [DeclaredPath]) -> Self {
        // The workspace may be reached by a link; what is in it may not.
        let handle = fs::openat(CWD, root, DIRECTORY.difference(OFlags::NOFOLLOW), Mode::empty()).ok();
        Self { root, handle, outputs, found: Vec::new(), names: Vec::new() }
    }

    /// What a directory holds, and the directories in it. One that is gone, or has become something else, holds nothing.
    ///
    /// # Errors
    /// Why it cannot be read, as a sentence.
    pub(super) fn list(&mut self, place: &Place) -> Result<(Listing, Vec<Place>), String> {
        match self.read(place) {
            Ok(listed) => Ok(listed),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok((Listing::default(), Vec::new())),
            Err(error) => Err(format!("{}: {error}", self.absolute(&place.path).display())),
        }
    }

    fn absolute(&self, path: &[u8]) -> PathBuf {
        if path.is_empty() { self.root.to_owned() } else { self.root.join(to_path(path)) }
    }

    fn read(&mut self, place: &Place) -> Result<(Listing, Vec<Place>), Errno> {
        let opened = match &self.handle {
            Some(root) if place.path.is_empty() => fs::openat(root, ".", DIRECTORY, Mode::empty()),
            Some(root) => fs::openat(root, place.path.as_slice(), DIRECTORY, Mode::empty()),
            None => fs::openat(CWD, self.root, DIRECTORY.difference(OFlags::NOFOLLOW), Mode::empty()),
        };
        let mut directory = fs::Dir::new(opened?)?;
        self.names.clear();
        self.found.clear();
        while let Some(entry) = directory.read() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                let start = self.names.len();
                self.names.extend_from_slice(name);
                self.found.push((start..self.names.len(), entry.file_type()));
            }
        }
        Ok(self.kept(place, directory.fd()?))
    }

    fn kept(&mut self, place: &Place, directory: BorrowedFd<'_>) -> (Listing, Vec<Place>) {
        let named = |(name, _): &(Range<usize>, FileType)| &self.names[name.clone()] == rules::FILE;
        let prefix = if place.path.is_empty() { 0 } else { place.path.len() + 1 };
        let rules = match self.found.iter().any(named) {
            true => {
                let file = self.absolute(&join(&place.path, rules::FILE));
                Rules::read(&file, prefix, place.rules.clone())
            }
            false => place.rules.clone(),
        };
        let mut listing = Listing { path: place.path.clone(), ..Listing::default() };
        let mut path = join(&place.path, b"");
        if prefix > 0 {
            path.push(b'/');
        }
        for (name, kind) in &self.found {
            let name = &self.names[name.clone()];
            path.truncate(prefix);
            path.extend_from_slice(name);
            let Some(kind) = kind_of(directory, name, *kind) else { continue };
            let is_dir = kind == FileType::Directory;
            if rules.as_ref().is_some_and(|rules| rules.ignore(&path, is_dir)) || is_output(self.outputs, &path) {
                continue;
            }
            let kind = match kind {
                FileType::Directory => Some(Kind::Directory(0)),
                // What is gone, or something else by now, is as if it had not been listed.
                FileType::RegularFile | FileType::Symlink => {
                    Found::look(directory, to_path(name)).ok().flatten().map(Kind::File)
                }
                _ => None,
            };
            if let Some(kind) = kind {
                listing.push(name, kind);
            }
        }
        listing.sort();
        let below = listing.items.iter().filter(|item| matches!(item.kind, Kind::Directory(_)));
        let places = below.map(|item| Place { number: 0, path: listing.path_of(item), rules: rules.clone() }).collect();
        (listing, places)
    }
}

/// What an entry is, which not every file system's directories say; `None` when it is gone.
fn kind_of(directory: BorrowedFd<'_>, name: &[u8], said: FileType) -> Option<FileType> {
    if said != FileType::Unknown {
        return Some(said);
    }
    let stat = fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(FileType::from_raw_mode(stat.st_mode))
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() || name.is_empty() { [directory, name].concat() } else { [directory, b"/", name].concat() }
}
