//! Saving a tree: what is known already is cited, what is not is read, cut, deduplicated, compressed and packed.
//!
//! What is stored is a function of the sorted paths, the contents and the base, never of threads or timing: a save that
//! was cut off finds its packs again when it is repeated.

mod adopt;
mod ancestors;
mod assemble;
mod compact;
mod known;
mod pack;
mod read;
mod references;
mod units;

use std::path::Path;
use std::sync::Arc;

use sci_faults::Step;
use sci_hasher::Digest;
use sci_store_api::{Object, ObjectId, ObjectRef, ObjectSink, ObjectSource};
use sci_sys::fd::AsFd as _;

use crate::local::{Base, now, receipts_of_read};
use crate::manifest::{self, Encoded, Manifest, PackRef, RecordedInput};
use crate::pool;
use crate::progress::go_on;
use crate::tree::{NONE, Stat, Tree, Walked, walk};
use crate::{Excludes, Progress, Result, SnapshotError};

use adopt::Adopted;
use ancestors::Ancestors;
use assemble::Assembler;
use known::KnownChunks;
use pack::Packer;
use read::Reader;
use references::References;

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
    pub base: Option<Base>,
    /// Where the base's blocks can be read, for what has changed to be compressed against what it was; without it a save takes
    /// more room. That it fails is no error.
    pub references: Option<&'a dyn ObjectSource>,
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
    /// Whether [`Saved::into_base`] gives what the request's base was: then there is nothing to remember.
    pub remembered: bool,
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
pub fn save(mut request: SaveRequest<'_>, sink: &dyn ObjectSink) -> Result<Saved> {
    let threads = if request.threads == 0 { pool::default_threads() } else { request.threads };
    let started = now();
    go_on(request.progress)?;
    let mut walked = find(&request, threads)?;
    check_names(request.root, &walked)?;
    let Adopted { unknown, stale, ancestors, mut base, given } = adopt::adopt(&mut walked, request.base.take());
    sci_faults::at(Step::SaveWalked);
    let bytes = unknown.iter().map(|index| walked.tree.entry(*index).size).sum();
    request.progress.total(unknown.len() as u64, bytes);
    let known = KnownChunks::of_base(&base, walked.tree.contents(), &stale, unknown.len());
    if !walked.tree.may_be_same_state(&base.tree, &unknown) {
        // All that is needed of it now are its blocks.
        base.tree = Tree::default();
    }
    let stored = store_contents(&request, &mut walked, unknown, (&base, known, ancestors), threads, sink)?;
    let (device, skipped) = (walked.device, std::mem::take(&mut walked.skipped));
    let (mut tree, mut receipts) = receipts_of_read(walked, started);
    let Stored { blocks, packs, uploaded, last } = stored;
    let done = |base: Base, digest, uploaded, unchanged, remembered| {
        let manifest = base.manifest.id();
        let manifest = manifest.ok_or_else(|| SnapshotError::Refused("its manifest has no object".into()))?;
        let (files, bytes) = (base.manifest.tree.file_count(), base.manifest.tree.total_bytes());
        let objects = base.manifest.objects().collect();
        Ok(Saved { manifest, objects, tree: digest, files, bytes, uploaded, unchanged, skipped, remembered, base })
    };
    if tree.is_same_state(&base.tree) {
        let digest = pack::while_sending(sink, last, || Ok(tree.digest()))?;
        adopt::keep_receipts_of_unchanged(&base.tree, &tree, &mut receipts);
        base.tree.give_contents(tree.take_contents(), std::iter::empty());
        let remembered = given.is_some_and(|(on, known)| on == device && known == receipts);
        return done(Base::new(Arc::new(base), receipts, device), digest, uploaded, true, remembered);
    }
    drop(given);
    base.tree = Tree::default();
    let (mut all_blocks, mut all_packs) = (std::mem::take(&mut base.blocks), std::mem::take(&mut base.packs));
    let packs_before = all_packs.len() as u32;
    all_blocks.extend(blocks.iter().map(|block| manifest::Block { pack: block.pack + packs_before, ..*block }));
    all_packs.extend(packs);
    let (digest, Encoded { object, manifest }) = pack::while_sending(sink, last, || {
        let digest = tree.digest();
        let (blocks, packs, inputs) = (all_blocks, all_packs, request.inputs);
        let manifest = Manifest { tree, blocks, packs, inputs, ..Manifest::default() };
        Ok((digest, manifest::encode(manifest, Some(&base), threads)?))
    })?;
    go_on(request.progress)?;
    let uploaded = uploaded + object.size();
    sci_faults::at(Step::SaveManifest);
    sink.put(object)?;
    sci_faults::at(Step::SaveStored);
    done(Base::new(Arc::new(manifest), receipts, device), digest, uploaded, false, false)
}

fn find(request: &SaveRequest<'_>, threads: usize) -> Result<Walked> {
    // Refuses a link on the way even to a tree of which no file needs to be read.
    crate::dir::parent_beneath(request.anchor, request.root, false)?;
    let walked = walk(request.root, request.excludes, request.base.as_ref(), threads)?;
    let mut walked = walked
        .ok_or_else(|| SnapshotError::io("save", request.root, std::io::Error::from(std::io::ErrorKind::NotFound)))?;
    if walked.tree.is_empty() {
        let reason = std::io::Error::other("it is neither a file, a directory nor a link");
        return Err(SnapshotError::io("save", request.root, reason));
    }
    if cfg!(windows) {
        refuse_special(request.root, &walked)?;
    }
    if let Some(select) = request.select {
        walked.retain(select);
    }
    Ok(walked)
}

/// Refuses to save a tree with junctions and other reparse points. Sockets and the like are left out of a snapshot since no build
/// needs them; without its junctions a `node_modules` is broken.
fn refuse_special(root: &Path, walked: &Walked) -> Result<()> {
    let Some(special) = walked.skipped.first() else { return Ok(()) };
    let reason =
        std::io::Error::other("it is a junction, or another reparse point that is no symbolic link; exclude it");
    Err(SnapshotError::io("save", crate::dir::display(root, special), reason))
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

/// What was packed.
struct Stored {
    blocks: Vec<manifest::Block>,
    packs: Vec<PackRef>,
    uploaded: u64,
    /// The last pack, which is to be sent.
    last: Option<Object>,
}

/// Attempts at a file that changes while it is read.
const ATTEMPTS: usize = 3;

/// Reads the unknown files and stores what of them is new.
fn store_contents(
    request: &SaveRequest<'_>,
    walked: &mut Walked,
    mut unknown: Vec<u32>,
    (base, known, ancestors): (&Manifest, KnownChunks, Ancestors),
    threads: usize,
    sink: &dyn ObjectSink,
) -> Result<Stored> {
    let mut packer = Packer::new(sink);
    if unknown.is_empty() {
        return Ok(packer.finish());
    }
    let mut assembler = Assembler::new(known, ancestors, base.blocks.len() as u32);
    let references = References::new(base, request.references);
    let (parent, name) = crate::dir::parent_beneath(request.anchor, request.root, false)?;
    let place = (parent.as_fd(), name.as_slice());
    for _ in 0..ATTEMPTS {
        assembler.borrow(&mut walked.tree);
        let reader = Reader::new(request.root, place, walked, &references, request.progress);
        let units = units::units(&walked.tree, &unknown);
        (assembler, packer) = pool::pipeline(&reader, units, threads, threads * 2 + 2, assembler, packer)?;
        unknown = assembler.apply(&mut walked.tree, &unknown);
        if unknown.is_empty() {
            return Ok(packer.finish());
        }
        read::stat_again(request.root, place, walked, &unknown)?;
    }
    let path = crate::dir::display(request.root, &walked.tree.path(unknown[0]));
    Err(SnapshotError::Changing { path })
}
