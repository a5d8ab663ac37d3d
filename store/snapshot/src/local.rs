//! What this machine remembers of a tree it saved or restored: the manifest, and a receipt for every entry.
//!
//! A receipt is the inode and status-change time that the entry had when its content was last known for certain; a directory's
//! content are the names in it. With it an unchanged file costs one `stat`, and an unchanged directory is not listed. After a
//! reboot, and for what changed just before it was read, there is no receipt, and contents are read again.

mod file;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use sci_faults::Step;
use sci_sys::machine;

use crate::manifest::{Manifest, Reader, Refusal, Writer};
use crate::tree::{Entry, Kind, NONE, Stat, Tree, Walked};
use crate::{Result, SnapshotError};

/// A file whose status changed this close to the moment it was read may change again within the clock's tick. Nanoseconds.
pub(crate) const RACY: i64 = 2_000_000_000;

/// Longer than the clock stands still that file systems take times from. Nanoseconds.
pub(crate) const TICK: i64 = 20_000_000;

/// The directory in which the state of one workspace path is kept. Names one file in it: `base`.
#[derive(Debug, Clone)]
pub struct LocalState {
    dir: PathBuf,
}

/// A manifest, and what each of its entries looked like on disk.
#[derive(Debug, Clone)]
pub struct Base {
    /// The manifest.
    pub manifest: Arc<Manifest>,
    /// One per entry of the tree; inode 0 where nothing is known.
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) device: u64,
}

/// Inode and status-change time; see the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Receipt {
    pub(crate) inode: u64,
    pub(crate) ctime: i64,
}

impl Receipt {
    pub(crate) fn encode(&self, out: &mut Writer) {
        out.raw(&self.inode.to_le_bytes());
        out.raw(&self.ctime.to_le_bytes());
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let (inode, ctime) = (u64::from_le_bytes(reader.array()?), i64::from_le_bytes(reader.array()?));
        Ok(Self { inode, ctime })
    }
}

impl Base {
    /// A base of which nothing is known on this machine: its blocks can be used again, its files are all read.
    pub fn without_receipts(manifest: Arc<Manifest>) -> Self {
        let receipts = vec![Receipt::default(); manifest.tree.len() as usize];
        Self { manifest, receipts, device: 0 }
    }

    pub(crate) fn new(manifest: Arc<Manifest>, receipts: Vec<Receipt>, device: u64) -> Self {
        Self { manifest, receipts, device }
    }

    /// Whether to remember `other` instead of this would change nothing.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        self.manifest.id() == other.manifest.id() && self.device == other.device && self.receipts == other.receipts
    }

    fn encode(&self, put: &mut dyn FnMut(&[u8]) -> std::io::Result<()>) -> std::io::Result<()> {
        let mut head = Writer::default();
        head.bytes(&machine::boot().unwrap_or_default());
        head.integer(self.device);
        put(&head.0)?;
        self.manifest.to_local(&self.receipts, put)
    }

    fn decode(next: &mut dyn FnMut() -> Result<Vec<u8>, Refusal>) -> Result<Self, Refusal> {
        let head = next()?;
        let mut head = Reader(&head);
        let boot = head.bytes(usize::MAX, "boot")?;
        let device = head.integer()?;
        let (manifest, mut receipts) = Manifest::from_local(next)?;
        // Where the system does not tell, no receipt is believed.
        if machine::boot().is_none_or(|id| id != boot) {
            receipts.fill(Receipt::default());
        }
        Ok(Self { manifest: Arc::new(manifest), receipts, device })
    }

    /// Whether the entry found on disk is certainly still what entry `index` of the manifest says.
    pub(crate) fn vouches(&self, index: u32, device: u64, found: Entry, stat: Stat) -> bool {
        index != NONE && self.vouches_by(self.receipts[index as usize], index, device, (found, stat))
    }

    /// The same by the entry's receipt, wherever that is kept.
    pub(crate) fn vouches_by(&self, receipt: Receipt, index: u32, device: u64, (found, stat): (Entry, Stat)) -> bool {
        let entry = self.resolve(index);
        device == self.device
            && receipt.inode != 0
            && receipt == Receipt { inode: stat.inode, ctime: stat.ctime }
            && entry.kind.is_file()
            && entry.size == found.size
            && entry.mtime.is_kept_as(found.mtime)
    }

    /// The entry itself, or the file that it is another name of.
    fn resolve(&self, index: u32) -> Entry {
        self.manifest.tree.entry(self.manifest.tree.resolve(index))
    }
}

impl Tree {
    /// The entry itself, or for a hard link the file that it is another name of.
    pub(crate) fn resolve(&self, index: u32) -> u32 {
        let entry = self.entry(index);
        if entry.kind == Kind::Hardlink { entry.content } else { index }
    }
}

/// Receipts for what was read just now, and the tree: none for what changed its status within the last two seconds.
pub(crate) fn receipts_of_read(walked: Walked, read_at: i64) -> (Tree, Vec<Receipt>) {
    let (tree, mut receipts) = walked.into_receipts();
    for receipt in receipts.iter_mut().filter(|receipt| receipt.ctime >= read_at - RACY) {
        *receipt = Receipt::default();
    }
    (tree, receipts)
}

/// Waits until whatever changes from now on has a later time than every receipt: file systems take times from a clock
/// that stands still for some milliseconds.
pub(crate) fn outlast(receipts: &[Receipt]) {
    let newest = receipts.iter().map(|receipt| receipt.ctime).max().unwrap_or_default();
    // A receipt from the far future was not written by this clock, and is not waited for.
    while (0..TICK).contains(&(newest.saturating_sub(machine::file_time()))) {
        std::thread::sleep(std::time::Duration::from_micros(500));
    }
}

/// Nanoseconds since 1970, by this machine's clock.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

impl LocalState {
    /// The state in directory `dir`, which need not exist yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    fn file(&self) -> PathBuf {
        self.dir.join("base")
    }

    /// What was remembered last. `None` when there is nothing, or nothing usable: the state is only ever an optimisation.
    pub fn base(&self) -> Option<Base> {
        file::read(&self.file(), Base::decode)
    }

    /// Remembers a base, replacing the one before.
    ///
    /// # Errors
    /// [`SnapshotError::Io`]; what was remembered before then still stands.
    pub fn remember(&self, base: &Base) -> Result<()> {
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(&self.dir)?;
            // One name for all: what a killed process left is written over. Two at once can spoil each other's file, and then
            // its digest says so.
            let partial = self.dir.join("base.partial");
            let written = file::write(&partial, |put| base.encode(put)).and_then(|()| {
                sci_faults::at(Step::BasePartial);
                std::fs::rename(&partial, self.file())
            });
            if written.is_err() {
                let _ = std::fs::remove_file(partial);
            }
            sci_faults::at(Step::BaseWritten);
            written
        };
        write().map_err(|error| SnapshotError::io("write", self.file(), error))
    }

    /// Forgets everything: the next save and restore read every file.
    pub fn forget(&self) {
        let _ = std::fs::remove_file(self.file());
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

#[cfg(fuzzing)]
pub(crate) mod fuzzing {
    //! Doors for `crate::fuzzing`.

    use super::*;

    /// Decodes the frames of a file, each preceded by its length.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Base> {
        let mut frames = Reader(bytes);
        let base = Base::decode(&mut || frames.bytes(usize::MAX, "frame").map(<[u8]>::to_vec)).ok();
        base.filter(|_| frames.end().is_ok())
    }

    /// The frames that [`decode`] takes.
    pub(crate) fn encode(base: &Base) -> Vec<u8> {
        let mut frames = Writer::default();
        base.encode(&mut |frame| {
            frames.bytes(frame);
            Ok(())
        })
        .expect("memory");
        frames.0
    }
}
