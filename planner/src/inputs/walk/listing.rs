//! What one directory holds.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sci_hasher::fs::{DirectoryReader, EntryKind, Names, Opened};
use sci_sys::fd::{AsFd, OwnedFd};
use sci_sys::fs::{CWD, Mode, OFlags};
use sci_sys::io::Errno;

use super::super::hashes::input_digest;
use super::super::tree::{Seen, is_output, to_path};
use super::Search;
use super::rules::{self, Rules};

/// So many files of a directory are read where they are found. The others wait, so that threads can share them.
const READ_AT_ONCE: usize = 64;

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
    File(Seen),
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
    /// What may be remembered of the directory.
    pub(super) memory: Names,
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
    search: &'a Search<'a>,
    /// The workspace, unless it cannot be opened.
    root: Result<OwnedFd, Errno>,
    reader: DirectoryReader<'a>,
}

impl<'a> Lister<'a> {
    pub(super) fn new(search: &'a Search<'a>) -> Self {
        // The workspace may be reached by a link; what is in it may not.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = sci_sys::fs::openat(CWD, search.root, flags, Mode::empty());
        Self { search, root, reader: DirectoryReader::new(search.cache) }
    }

    /// What a directory holds, and the directories in it. One that is gone, or has become something else, holds nothing.
    ///
    /// # Errors
    /// Why it cannot be read, as a sentence.
    pub(super) fn list(&mut self, place: &Place) -> Result<(Listing, Vec<Place>), String> {
        match self.read(place) {
            Ok(listed) => Ok(listed),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {
                Ok((Listing { path: place.path.clone(), ..Listing::default() }, Vec::new()))
            }
            Err(error) => Err(format!("{}: {error}", self.absolute(&place.path).display())),
        }
    }

    fn absolute(&self, path: &[u8]) -> PathBuf {
        let root: &Path = self.search.root;
        if path.is_empty() { root.to_owned() } else { root.join(to_path(path)) }
    }

    fn read(&mut self, place: &Place) -> Result<(Listing, Vec<Place>), Errno> {
        let root = self.root.as_ref().map_err(|error| *error)?;
        let directory = self.reader.open(root.as_fd(), to_path(&place.path))?;
        let prefix = if place.path.is_empty() { 0 } else { place.path.len() + 1 };
        let above = if self.holds(rules::REPOSITORY) { None } else { place.rules.clone() };
        let rules = match self.holds(rules::FILE) {
            true => Rules::read(&self.absolute(&join(&place.path, rules::FILE)), prefix, above),
            false => above,
        };
        let mut listing = self.kept(place, &directory, rules.as_deref())?;
        listing.memory = directory.names;
        let below = listing.items.iter().filter(|item| matches!(item.kind, Kind::Directory(_)));
        let places = below.map(|item| Place { number: 0, path: listing.path_of(item), rules: rules.clone() }).collect();
        Ok((listing, places))
    }

    /// Whether the directory that was read last has an entry of this name.
    fn holds(&self, name: &[u8]) -> bool {
        (0..self.reader.len()).any(|index| self.reader.entry(index).0 == name)
    }

    fn kept(&mut self, place: &Place, directory: &Opened, rules: Option<&Rules>) -> Result<Listing, Errno> {
        let items = Vec::with_capacity(self.reader.len());
        let mut listing = Listing { path: place.path.clone(), items, ..Listing::default() };
        let mut path = place.path.clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        let (prefix, mut read) = (path.len(), 0);
        for index in 0..self.reader.len() {
            let (name, kind) = self.reader.entry(index);
            path.truncate(prefix);
            path.extend_from_slice(name);
            let is_dir = kind == EntryKind::Directory;
            if rules.is_some_and(|rules| rules.ignore(&path, is_dir)) || is_output(self.search.outputs, &path) {
                continue;
            }
            let kind = match kind {
                EntryKind::Directory => Some(Kind::Directory(0)),
                EntryKind::File | EntryKind::Symlink => {
                    let likely = (self.search.likely)(&path);
                    read += usize::from(likely);
                    self.look(directory, index, likely, read <= READ_AT_ONCE)?.map(Kind::File)
                }
                EntryKind::Other => None,
            };
            if let Some(kind) = kind {
                listing.push(&path[prefix..], kind);
            }
        }
        listing.sort();
        Ok(listing)
    }

    /// What is gone, or something else by now, is as if it had not been listed.
    fn look(&mut self, directory: &Opened, index: usize, likely: bool, read: bool) -> Result<Option<Seen>, Errno> {
        match self.reader.look(directory, index, likely && read) {
            Ok(found) => Ok(found.map(|found| {
                let hashed = found.hashed().filter(|_| likely);
                Seen { found, input: hashed.map(|hashed| input_digest(&hashed)) }
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
        }
    }
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() || name.is_empty() { [directory, name].concat() } else { [directory, b"/", name].concat() }
}
