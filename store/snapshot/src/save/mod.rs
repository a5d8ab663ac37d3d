//! Saving a tree: what is known already is cited, what is not is read, cut, deduplicated, compressed and packed.
//!
//! What is stored is a function of the sorted paths, the contents and the base, never of threads or timing: a save that
//! was cut off finds its packs again when it is repeated.

mod assemble;
mod compact;
mod known;
mod pack;
mod read;
mod units;

use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::Arc;

use sci_hasher::Digest;
use sci_store_api::{ObjectId, ObjectRef, ObjectSink};

use crate::local::{Base, now, receipts_of_read};
use crate::manifest::{self, Encoded, Manifest, PackRef, RecordedInput};
use crate::pool;
use crate::tree::{Content, NONE, Stat, Walked, walk};
use crate::{Excludes, Progress, Result, SnapshotError};

use assemble::Assembler;
use compact::Stale;
use pack::Packer;
use read::Reader;

/// Decides by relative path and status whether a file belongs to the snapshot; see [`SaveRequest::select`].
pub type Select<'a> = dyn Fn(&[u8], &Stat) -> bool + Sync + 'a;

/// What to save.
pub struct SaveRequest<'a> {
    /// A directory that is there and trusted: the workspace, or the user's home. Between it and `root` no link is followed.
    pub anchor: &'a Path,
    /// The file or directory to save, beneath `anchor`.
    pub root: &'a Path,
    /// What to leave out.
    pub excludes: &'a Excludes,
    /// Further restricts which files (not directories) are saved; directories left empty by it are left out.
    pub select: Option<&'a Select<'a>>,
    /// The snapshot that was restored or saved here before; its blocks are cited, not stored again.
    pub base: Option<&'a Base>,
    /// Inputs whose mtimes are to be recorded, sorted by path.
    pub inputs: Vec<RecordedInput>,
    /// Threads to use; 0 for as many as there are processors.
    pub threads: usize,
    /// Told how far the save is.
    pub progress: &'a dyn Progress,
}

/// A tree whose bytes are all in the store. It is a snapshot once a record is committed that lists [`Saved::objects`].
#[derive(Debug)]
pub struct Saved {
    /// The manifest object.
    pub manifest: ObjectId,
    /// Every object the snapshot needs besides its derivation.
    pub objects: Vec<ObjectRef>,
    /// Digest of the tree without mtimes.
    pub tree: Digest,
    /// Files, links included.
    pub files: u64,
    /// Sum of the files' lengths in bytes.
    pub bytes: u64,
    /// Bytes that were sent to the store.
    pub uploaded: u64,
    /// Whether the tree is the base's: nothing was stored, and `manifest` is the base's own.
    pub unchanged: bool,
    /// Entries that no snapshot holds: sockets, FIFOs, devices.
    pub skipped: Vec<Vec<u8>>,
    base: Base,
}

impl Saved {
    /// What [`crate::LocalState::remember`] should keep once the snapshot is committed.
    pub fn into_base(self) -> Base {
        self.base
    }
}

/// Saves the tree at `request.root` to `sink`.
///
/// # Errors
/// [`SnapshotError::Io`] for an entry that cannot be read, [`SnapshotError::Changing`] for a file that would not hold
/// still, [`SnapshotError::Transfer`] when the store fails. Nothing is visible in the store then; what was uploaded is
/// found again by the next save, or collected.
pub fn save(request: &SaveRequest<'_>, sink: &dyn ObjectSink) -> Result<Saved> {
    let threads = if request.threads == 0 { pool::default_threads() } else { request.threads };
    let started = now();
    let mut walked = find(request, threads)?;
    check_names(request.root, &walked)?;
    let known = adopt_unchanged(&mut walked, request.base);
    let bytes = known.unknown.iter().map(|index| walked.tree.entry(*index).size).sum();
    request.progress.total(known.unknown.len() as u64, bytes);
    let stored = store_contents(request, &mut walked, known, threads, sink)?;
    let receipts = receipts_of_read(&walked, started);
    let digest = walked.tree.digest();
    let skipped = std::mem::take(&mut walked.skipped);
    let (files, bytes) = (walked.tree.file_count(), walked.tree.total_bytes());
    if let Some(base) = request
        .base
        .filter(|base| base.manifest.tree.len() == walked.tree.len() && base.manifest.tree.digest() == digest)
    {
        let kept = keep_base(base, &walked, &receipts);
        return finish(kept, digest, (files, bytes), stored.uploaded, true, skipped);
    }
    let mut manifest = Manifest { inputs: request.inputs.clone(), ..Manifest::default() };
    if let Some(base) = request.base {
        manifest.blocks.clone_from(&base.manifest.blocks);
        manifest.packs.clone_from(&base.manifest.packs);
    }
    manifest.tree = walked.tree;
    let packs_before = manifest.packs.len() as u32;
    manifest
        .blocks
        .extend(stored.blocks.iter().map(|block| manifest::Block { pack: block.pack + packs_before, ..*block }));
    manifest.packs.extend(stored.packs);
    let Encoded { object, manifest } = manifest::encode(manifest, request.base.map(|base| &*base.manifest))?;
    let uploaded = stored.uploaded + object.len() as u64;
    sink.put(&ObjectId::of(&object), object)?;
    finish(Base::new(Arc::new(manifest), receipts, walked.device), digest, (files, bytes), uploaded, false, skipped)
}

fn find(request: &SaveRequest<'_>, threads: usize) -> Result<Walked> {
    // Refuses a link on the way even to a tree of which no file needs to be read.
    crate::dir::parent_beneath(request.anchor, request.root, false)?;
    let walked = walk(request.root, request.excludes, threads)?;
    let mut walked = walked
        .ok_or_else(|| SnapshotError::io("save", request.root, std::io::Error::from(std::io::ErrorKind::NotFound)))?;
    if walked.tree.is_empty() {
        let reason = std::io::Error::other("it is neither a file, a directory nor a link");
        return Err(SnapshotError::io("save", request.root, reason));
    }
    if let Some(select) = request.select {
        walked.retain(select);
    }
    Ok(walked)
}

/// Refuses to save what no restore would take.
fn check_names(root: &Path, walked: &Walked) -> Result<()> {
    for (index, entry) in walked.tree.entries() {
        if entry.parent != NONE
            && let Err(reason) = manifest::check_component(walked.tree.name(index))
        {
            let path = crate::dir::display(root, &walked.tree.path(index));
            return Err(SnapshotError::io("save", path, std::io::Error::other(reason)));
        }
    }
    Ok(())
}

/// What is known of the tree before any file is read.
struct Known {
    /// Files that must be read.
    unknown: Vec<u32>,
    /// What of the base is not cited any more.
    stale: Stale,
}

/// Takes over the content of every file that the base vouches for.
fn adopt_unchanged(walked: &mut Walked, base: Option<&Base>) -> Known {
    let files = walked.tree.entries().filter(|(_, entry)| entry.kind.is_file()).map(|(index, _)| index);
    let Some(base) = base else {
        return Known { unknown: files.collect(), stale: Stale::default() };
    };
    let known = &base.manifest.tree;
    let matching = walked.tree.matching(known);
    let stale = stale(walked, &matching, &base.manifest);
    let vouched = |index: &u32| {
        let at = matching[*index as usize];
        base.vouches(at, walked.device, walked.tree.entry(*index), &walked.stats[*index as usize])
    };
    let (kept, mut unknown): (Vec<u32>, Vec<u32>) = files.partition(vouched);
    for index in kept {
        let from = known.resolve(matching[index as usize]);
        let lasting = |content: &&Content| !known.extents(content).iter().any(|extent| stale.holds(extent));
        match known.content(from).filter(lasting) {
            Some(_) => walked.tree.adopt_content(index, known, from),
            None => unknown.push(index),
        }
    }
    unknown.sort_unstable();
    Known { unknown, stale }
}

/// What of the base to give up. That does not depend on what this machine can vouch for: a file of the same size is
/// probably the same, and of a file that is cut by content most chunks are, whatever its size.
fn stale(walked: &Walked, matching: &[u32], base: &Manifest) -> Stale {
    let mut needed = vec![false; base.tree.len() as usize];
    let (mut files, mut same) = (0, 0);
    for (index, entry) in walked.tree.entries().filter(|(_, entry)| entry.kind.is_file()) {
        files += 1;
        let at = matching[index as usize];
        if at == NONE {
            continue;
        }
        let from = base.tree.resolve(at);
        let was = base.tree.entry(from);
        let is_cut = |content: &Content| base.tree.extents(content).len() > 1;
        needed[from as usize] |= was.size == entry.size || base.tree.content(from).is_some_and(is_cut);
        same += usize::from(was.size == entry.size && was.mtime == entry.mtime);
    }
    // Of a tree that is the base's own nothing is packed anew.
    let known = base.tree.entries().filter(|(_, entry)| entry.kind.is_file()).count();
    if same == files && files == known { Stale::default() } else { compact::stale(base, &needed) }
}

struct Stored {
    blocks: Vec<manifest::Block>,
    packs: Vec<PackRef>,
    uploaded: u64,
}

/// Attempts at a file that changes while it is read.
const ATTEMPTS: usize = 3;

/// Reads the unknown files and stores what of them is new.
fn store_contents(
    request: &SaveRequest<'_>,
    walked: &mut Walked,
    Known { mut unknown, stale }: Known,
    threads: usize,
    sink: &dyn ObjectSink,
) -> Result<Stored> {
    let mut packer = Packer::new(sink);
    if unknown.is_empty() {
        return packer.finish();
    }
    let mut assembler = Assembler::new(request.base.map(|base| &*base.manifest), &stale);
    let (parent, name) = crate::dir::parent_beneath(request.anchor, request.root, false)?;
    let place = (parent.as_fd(), name.as_slice());
    for _ in 0..ATTEMPTS {
        assembler.borrow(&mut walked.tree);
        let reader = Reader::new(request.root, place, walked, request.progress);
        let units = units::units(&walked.tree, &unknown);
        (assembler, packer) = pool::pipeline(&reader, units, threads, threads * 2 + 2, assembler, packer)?;
        unknown = assembler.apply(&mut walked.tree);
        if unknown.is_empty() {
            return packer.finish();
        }
        read::stat_again(request.root, place, walked, &unknown)?;
    }
    let path = crate::dir::display(request.root, &walked.tree.path(unknown[0]));
    Err(SnapshotError::Changing { path })
}

/// The base once more, with fresh receipts for what is on disk just as it says.
fn keep_base(base: &Base, walked: &Walked, receipts: &[crate::local::Receipt]) -> Base {
    let manifest = Arc::clone(&base.manifest);
    let matching = manifest.tree.matching(&walked.tree);
    let fresh = manifest.tree.entries().map(|(index, entry)| {
        let found = matching[index as usize];
        let same = found != NONE && walked.tree.entry(found).mtime == entry.mtime;
        if same { receipts[found as usize] } else { crate::local::Receipt::default() }
    });
    let fresh = fresh.collect();
    Base::new(manifest, fresh, walked.device)
}

fn finish(
    base: Base,
    tree: Digest,
    (files, bytes): (u64, u64),
    uploaded: u64,
    unchanged: bool,
    skipped: Vec<Vec<u8>>,
) -> Result<Saved> {
    let manifest = base.manifest.id();
    let manifest = manifest.ok_or_else(|| SnapshotError::Refused("its manifest has no object".into()))?;
    let objects = base.manifest.objects().collect();
    Ok(Saved { manifest, objects, tree, files, bytes, uploaded, unchanged, skipped, base })
}
