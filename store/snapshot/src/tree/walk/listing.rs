//! What one directory holds. Knows nothing of the tree around it but where it is.

use std::cmp::Ordering;
use std::path::Path;
use std::sync::Arc;

use sci_sys::fd::BorrowedFd;
use sci_sys::fs::{self, AtFlags, FileType};
use sci_sys::io::Errno;

use super::remembered::{Names, Remembered};
use super::{Facts, facts, join};
use crate::dir::{self, DIR};
use crate::local::Receipt;
use crate::tree::NONE;
use crate::{Excludes, Result, SnapshotError};

/// Names that begin so are the engine's own staging, and belong to no tree.
pub(crate) const STAGE_PREFIX: &[u8] = b".sci-stage.";

/// A directory that is to be listed; ordered as in the tree.
pub(super) struct Place {
    /// The number of its listing.
    pub(super) listing: u32,
    /// The directory that holds it, and its name there; `None` for the root, and for what lies so deep that handles would
    /// run out.
    parent: Option<(Arc<fs::Dir>, Vec<u8>)>,
    /// Relative to the root.
    pub(super) path: Vec<u8>,
    /// How it looked in the directory that holds it.
    found: Receipt,
    /// Which entry of the remembered tree it is; [`NONE`] for one that is not remembered.
    known: u32,
}

impl Place {
    pub(super) fn root(found: &Facts) -> Self {
        Self { listing: 0, parent: None, path: Vec::new(), found: found.stat.receipt(), known: 0 }
    }

    /// How a byte of a path counts, so that components are compared: no name holds a zero.
    fn weight(byte: u8) -> u8 {
        if byte == b'/' { 0 } else { byte }
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.path.iter().zip(&other.path).find(|(left, right)| left != right) {
            Some((left, right)) => Self::weight(*left).cmp(&Self::weight(*right)),
            None => self.path.len().cmp(&other.path.len()),
        }
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Place {}

/// An entry of a directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) facts: Facts,
    /// Of a directory: its listing. Of a link: its target's number.
    pub(super) more: u32,
    name_at: u32,
    name_len: u8,
}

impl Found {
    /// Its name, among those of its listing.
    fn name<'n>(&self, names: &'n [u8]) -> &'n [u8] {
        &names[self.name_at as usize..][..self.name_len as usize]
    }
}

/// What a directory holds, in the order of names. Takes no more room than it needs.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) entries: Box<[Found]>,
    names: Box<[u8]>,
    targets: Box<[Vec<u8>]>,
    /// Whether there is more in it that is no part of the tree.
    pub(super) hides: bool,
    /// Whether it holds just these names for as long as it looks as it was found.
    pub(super) lasting: bool,
}

impl Listing {
    /// A listing of nothing but the root itself, which has no name.
    pub(super) fn of_root(facts: Facts, target: Option<Vec<u8>>) -> Self {
        let root = Found { facts, more: 0, name_at: 0, name_len: 0 };
        Self { entries: Box::new([root]), targets: target.into_iter().collect(), ..Self::default() }
    }

    pub(super) fn name(&self, found: &Found) -> &[u8] {
        found.name(&self.names)
    }

    pub(super) fn target(&self, found: &Found) -> Option<&[u8]> {
        let is_link = found.facts.kind == FileType::Symlink;
        is_link.then(|| self.targets.get(found.more as usize)).flatten().map(Vec::as_slice)
    }

    /// The directories in it, which is at `place`, whose listings are numbered from `first` on.
    pub(super) fn directories(
        &mut self,
        first: u32,
        handle: &Arc<fs::Dir>,
        place: &Place,
        remembered: &Remembered<'_>,
    ) -> Vec<Place> {
        let mut places = Vec::new();
        let mut known = remembered.children(place.known).peekable();
        for entry in self.entries.iter_mut().filter(|found| found.facts.kind == FileType::Directory) {
            let name = entry.name(&self.names);
            let (listing, path) = (first + places.len() as u32, join(&place.path, name));
            entry.more = listing;
            let deep = path.iter().filter(|byte| **byte == b'/').count() > dir::KEPT;
            let parent = (!deep).then(|| (Arc::clone(handle), name.to_vec()));
            while known.next_if(|(_, other)| *other < name).is_some() {}
            let known = known.next_if(|(_, other)| *other == name).map_or(NONE, |(index, _)| index);
            places.push(Place { listing, parent, path, found: entry.facts.stat.receipt(), known });
        }
        places
    }
}

/// Lists directories; keeps its buffers.
pub(super) struct Lister<'a> {
    root: &'a Path,
    excludes: &'a Excludes,
    remembered: &'a Remembered<'a>,
    entries: Vec<Found>,
    names: Vec<u8>,
    targets: Vec<Vec<u8>>,
}

impl<'a> Lister<'a> {
    pub(super) fn new(root: &'a Path, excludes: &'a Excludes, remembered: &'a Remembered<'a>) -> Self {
        Self { root, excludes, remembered, entries: Vec::new(), names: Vec::new(), targets: Vec::new() }
    }

    pub(super) fn list(&mut self, place: &Place) -> Result<(Arc<fs::Dir>, Listing)> {
        let fail = |action, error: Errno| SnapshotError::io(action, dir::display(self.root, &place.path), error);
        let opened = match &place.parent {
            None => dir::open(self.root).and_then(|root| dir::open_below(root, &place.path)),
            Some((parent, name)) => {
                fs::openat(parent.fd().map_err(|error| fail("open", error))?, name.as_slice(), DIR, fs::Mode::empty())
            }
        };
        let mut handle = opened.and_then(fs::Dir::new).map_err(|error| fail("open", error))?;
        let fd = handle.fd().map_err(|error| fail("open", error))?;
        let names = self.remembered.names(fd, place.found, place.known);
        let mut listing = Listing::default();
        match names {
            Names::Same => self.look_at_known(&handle, place)?,
            Names::Unknown { .. } => listing.hides = self.read(&mut handle, &place.path)?,
        }
        let special = |found: &Found| {
            !matches!(found.facts.kind, FileType::RegularFile | FileType::Directory | FileType::Symlink)
        };
        let lasting = matches!(names, Names::Same | Names::Unknown { lasting: true });
        // What is moved into the place of a restored tree's root is not seen by the restore, so that it is listed each time.
        listing.lasting = lasting && place.listing != 0 && !listing.hides && !self.entries.iter().any(special);
        self.take(&mut listing);
        Ok((Arc::new(handle), listing))
    }

    /// Looks at all entries of a directory that holds the names that it held.
    fn look_at_known(&mut self, handle: &fs::Dir, place: &Place) -> Result<()> {
        let remembered = self.remembered;
        for (_, name) in remembered.children(place.known) {
            // What is excluded by now hides nothing that a walk would have to come back for.
            if !self.excludes.matches(|| join(&place.path, name)) {
                self.add_found(handle, &place.path, name)?;
            }
        }
        Ok(())
    }

    /// Reads names and metadata of all entries; says whether some of them are no part of the tree.
    fn read(&mut self, handle: &mut fs::Dir, path: &[u8]) -> Result<bool> {
        let fail = |root: &Path, error: Errno| SnapshotError::io("read", dir::display(root, path), error);
        let mut hides = false;
        while let Some(entry) = handle.read() {
            let entry = entry.map_err(|error| fail(self.root, error))?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if name.starts_with(STAGE_PREFIX) || self.excludes.matches(|| join(path, name)) {
                hides = true;
                continue;
            }
            self.add_found(handle, path, name)?;
        }
        Ok(hides)
    }

    fn add_found(&mut self, handle: &fs::Dir, path: &[u8], name: &[u8]) -> Result<()> {
        match handle.fd().and_then(|parent| self.add(parent, name)) {
            // What was removed since its name was read would not have been found a moment later.
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(SnapshotError::io("read", dir::display(self.root, path).join(dir::os(name)), error)),
        }
    }

    fn add(&mut self, parent: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
        let facts = facts(&fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?);
        let mut more = 0;
        if facts.kind == FileType::Symlink {
            let target = fs::readlinkat(parent, name, Vec::new())?.into_bytes();
            more = self.targets.len() as u32;
            self.targets.push(target);
        }
        let name_at = self.names.len() as u32;
        self.names.extend_from_slice(name);
        self.entries.push(Found { facts, more, name_at, name_len: name.len() as u8 });
        Ok(())
    }

    /// Gives `listing` what was read, in order and in boxes of just its size.
    fn take(&mut self, listing: &mut Listing) {
        self.entries.sort_unstable_by(|a, b| a.name(&self.names).cmp(b.name(&self.names)));
        listing.entries = self.entries.as_slice().into();
        listing.names = self.names.as_slice().into();
        listing.targets = self.targets.drain(..).collect();
        self.entries.clear();
        self.names.clear();
    }
}
