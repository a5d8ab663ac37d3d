//! From a manifest in memory to a manifest object.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use sci_hasher::Digest;
use sci_store_api::{Object, ObjectId};

use super::root::{Frame, HEADER, MAGIC, Root};
use super::{Manifest, PackRef, StoredFrame, inputs, segment};
use crate::block::Compressor;
use crate::limits::{DEPTH_MAX, ENTRIES_MAX, FRAME_MAX, INPUT_PATHS_MAX, TREE_MAX};
use crate::tree::{Kind, NONE, Tree};
use crate::{Result, SnapshotError, pool, tiers};

/// Smallest average length of a segment, in [`parts`].
const SEGMENT: u64 = 512;
/// Segments a tree has at most on average, however large it is.
const SEGMENTS: u64 = 128;
/// Bytes that an entry takes in a segment besides its names and extents, at most.
const PER_ENTRY: usize = 96;
/// Bytes that an extent takes, at most: the digests of its chunk and its block, and three integers.
const PER_EXTENT: usize = 32 + 32 + 15;
/// Earlier manifest objects a manifest may lean on; beyond that, what lies in the smallest is written again.
const OBJECTS: usize = 8;

/// A manifest object, and the manifest as its reader would have it.
pub(crate) struct Encoded {
    pub(crate) object: Object,
    pub(crate) manifest: Manifest,
}

/// Encodes `manifest` on `threads` threads, leaning on the segments of `base` where they are the same.
///
/// Only blocks and packs that the tree uses are kept in the tables; extents are renumbered accordingly.
///
/// # Errors
/// [`SnapshotError::Io`] when the compressor fails, [`SnapshotError::Refused`] for a tree that no reader would take.
pub(crate) fn encode(mut manifest: Manifest, base: Option<&Manifest>, threads: usize) -> Result<Encoded> {
    keep_used(&mut manifest);
    manifest.check_expansion()?;
    let (encoded, lengths) = written(manifest, base, threads)?;
    check_limits(&encoded.manifest, &lengths)?;
    Ok(encoded)
}

/// The manifest's object, whether or not a reader would take it, and the length of each of its segments.
pub(super) fn written(manifest: Manifest, base: Option<&Manifest>, threads: usize) -> Result<(Encoded, Vec<u64>)> {
    let inputs = (!manifest.inputs.is_empty()).then(|| inputs::encode(&manifest.inputs));
    let cuts = cuts(&manifest.tree);
    // What can be leaned on is decided over all segments. They are digested for that, but not kept: all of them together
    // are as large as the tree.
    let lean = base.filter(|base| !base.segments.is_empty());
    let digested = lean.map(|_| digests_of(&manifest, &cuts, threads)).transpose()?.unwrap_or_default();
    let known = lean.map(|base| few_objects(&digested, inputs.as_deref(), &base.segments)).unwrap_or_default();
    let mut writer = ObjectWriter::default();
    let mut digests = Vec::with_capacity(cuts.len());
    let mut lengths = Vec::with_capacity(cuts.len());
    let known_at = |number| digested.get(number).and_then(|digest: &Digest| Some((*digest, *known.get(digest)?)));
    let make = |compressor: &mut Compressor, (number, cut)| match known_at(number) {
        Some((digest, stored)) => Ok(Segment::Known(digest, stored)),
        None => Packed::new(&segment::encode(&manifest.tree, &manifest.blocks, cut), compressor).map(Segment::New),
    };
    let take = |segment| {
        let (digest, length, frame) = match segment {
            Segment::Known(digest, stored) => (digest, stored.length, writer.lean(stored)),
            Segment::New(packed) => (packed.digest, packed.length, writer.append(&packed)),
        };
        writer.root.segments.push(frame);
        digests.push(digest);
        lengths.push(u64::from(length));
        Ok(())
    };
    pool::ordered(threads, cuts.into_iter().enumerate(), compressor, make, take)?;
    if let Some(raw) = inputs {
        let digest = Digest::of(&raw);
        writer.root.inputs = Some(match known.get(&digest) {
            Some(stored) => writer.lean(stored),
            None => writer.append(&Packed::new(&raw, &mut compressor()?)?),
        });
        digests.push(digest);
    }
    writer.root.packs.clone_from(&manifest.packs);
    writer.root.blocks.clone_from(&manifest.blocks);
    Ok((writer.finish(manifest, &digests)?, lengths))
}

/// What is saved must be restorable: the reader's limits hold for the writer too.
fn check_limits(manifest: &Manifest, frames: &[u64]) -> Result<()> {
    let tree = &manifest.tree;
    let mut depths = vec![0u16; tree.len() as usize];
    for (index, entry) in tree.entries().filter(|(_, entry)| entry.parent != NONE) {
        depths[index as usize] = depths[entry.parent as usize].saturating_add(1);
    }
    let depth = depths.into_iter().max().unwrap_or_default();
    let largest = frames.iter().copied().max().unwrap_or_default();
    let all: u64 = frames.iter().sum();
    let paths = manifest.inputs.iter().map(|input| input.path.len() as u64).sum();
    let excess = [
        ("entries", u64::from(tree.len()), ENTRIES_MAX),
        ("nested directories", u64::from(depth), DEPTH_MAX as u64),
        ("bytes of manifest for one stretch of entries, or for the inputs", largest, FRAME_MAX),
        ("bytes of manifest", all, TREE_MAX),
        ("bytes of paths of inputs", paths, INPUT_PATHS_MAX),
    ];
    match excess.into_iter().find(|(_, count, limit)| count > limit) {
        Some((what, count, limit)) => Err(SnapshotError::Refused(format!("{count} {what}; the limit is {limit}"))),
        None => Ok(()),
    }
}

fn compressor() -> Result<Compressor> {
    Compressor::for_manifests().map_err(|error| SnapshotError::io("set up the compressor for", "the manifest", error))
}

/// The known frames that the manifest leans on: those of few enough of the earlier objects.
fn few_objects<'a>(
    segments: &[Digest],
    inputs: Option<&[u8]>,
    known: &'a BTreeMap<Digest, StoredFrame>,
) -> HashMap<Digest, &'a StoredFrame> {
    let digests = segments.iter().copied().chain(inputs.map(Digest::of));
    let mut frames: HashMap<Digest, &StoredFrame> =
        digests.filter_map(|digest| Some((digest, known.get(&digest)?))).collect();
    let mut needed: BTreeMap<ObjectId, u64> = BTreeMap::new();
    for frame in frames.values() {
        *needed.entry(frame.object).or_default() += u64::from(frame.stored);
    }
    let mut objects: Vec<(u64, ObjectId)> = needed.into_iter().map(|(object, bytes)| (bytes, object)).collect();
    objects.sort_unstable();
    if objects.len() > OBJECTS {
        let merged = tiers::merged(objects.iter().map(|(bytes, _)| *bytes), (objects.len() - OBJECTS) as u64);
        let merged = &objects[..merged as usize];
        frames.retain(|_, frame| !merged.iter().any(|(_, object)| *object == frame.object));
    }
    frames
}

/// Drops blocks and packs that nothing needs. Blocks stand in the order in which the tree uses them; then come references that
/// it does not use itself.
fn keep_used(manifest: &mut Manifest) {
    let mut kept = Kept::default();
    manifest.tree.map_blocks(|old| kept.block(old));
    for number in 0..kept.order.len() {
        let reference = manifest.blocks[kept.order[number] as usize].reference;
        if reference != NONE {
            kept.block(reference);
        }
    }
    let (mut packs, mut packs_by_old) = (Vec::new(), HashMap::new());
    let blocks = kept.order.iter().map(|old| {
        let mut block = manifest.blocks[*old as usize];
        let pack = manifest.packs[block.pack as usize];
        block.pack = *packs_by_old.entry(block.pack).or_insert_with(|| {
            packs.push(pack);
            packs.len() as u32 - 1
        });
        block.reference = kept.blocks.get(&block.reference).copied().unwrap_or(NONE);
        block
    });
    manifest.blocks = blocks.collect();
    manifest.packs = packs;
}

/// Blocks that are kept.
#[derive(Default)]
struct Kept {
    /// Their new numbers, by the old ones.
    blocks: HashMap<u32, u32>,
    /// Their old numbers, by the new ones.
    order: Vec<u32>,
}

impl Kept {
    /// The new number of a block.
    fn block(&mut self, old: u32) -> u32 {
        *self.blocks.entry(old).or_insert_with(|| {
            self.order.push(old);
            self.order.len() as u32 - 1
        })
    }
}

fn digests_of(manifest: &Manifest, cuts: &[Range<u32>], threads: usize) -> Result<Vec<Digest>> {
    let mut digests = Vec::with_capacity(cuts.len());
    let encode = |cut: &Range<u32>| segment::encode(&manifest.tree, &manifest.blocks, cut.clone());
    let make = |_: &mut (), cut| Ok(Digest::of(&encode(cut)));
    let take = |digest| {
        digests.push(digest);
        Ok(())
    };
    pool::ordered(threads, cuts.iter(), || Ok(()), make, take)?;
    Ok(digests)
}

/// The entries of each segment. Cuts are functions of the paths around them, so that a change moves only those near it.
pub(super) fn cuts(tree: &Tree) -> Vec<Range<u32>> {
    let all: u64 = tree.entries().map(|(index, _)| parts(tree, index)).sum();
    let average = (all / SEGMENTS).next_power_of_two().max(SEGMENT);
    let mut hashes: Vec<u64> = Vec::with_capacity(tree.len() as usize);
    let mut cuts = vec![0];
    let (mut length, mut bytes) = (0, 0);
    for (index, entry) in tree.entries() {
        let above = if entry.parent == NONE { 0xcbf2_9ce4_8422_2325 } else { hashes[entry.parent as usize] };
        let hash = tree
            .name(index)
            .iter()
            .chain(b"/")
            .fold(above, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
        hashes.push(hash);
        // Very large files fill a segment long before its entries do.
        let (parts, weight) = (parts(tree, index), weight(tree, index));
        bytes += weight;
        let wanted = (hash ^ (hash >> 29)) & (average / 2 - 1) < parts;
        let full = length > 0 && bytes > FRAME_MAX;
        if (length >= average / 2 && wanted) || length >= average * 2 || full {
            cuts.push(index);
            (length, bytes) = (0, weight);
        }
        length += parts;
    }
    cuts.push(tree.len());
    cuts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// What an entry adds to the length of a segment: itself, and its extents but the first.
fn parts(tree: &Tree, index: u32) -> u64 {
    1 + tree.content(index).map_or(0, |content| tree.extents(content).len() as u64).saturating_sub(1)
}

/// At least the bytes that an entry takes in a segment.
fn weight(tree: &Tree, index: u32) -> u64 {
    let extents = tree.content(index).map_or(0, |content| tree.extents(content).len());
    let target = if tree.entry(index).kind == Kind::Symlink { tree.target(index).len() } else { 0 };
    (PER_ENTRY + tree.name(index).len() + target + extents * PER_EXTENT) as u64
}

/// One segment of the manifest.
enum Segment<'a> {
    /// It lies in an earlier object.
    Known(Digest, &'a StoredFrame),
    New(Packed),
}

/// A frame that is stored anew.
pub(super) struct Packed {
    /// Of what is in it.
    digest: Digest,
    length: u32,
    stored: Vec<u8>,
    stored_digest: Digest,
}

impl Packed {
    pub(super) fn new(raw: &[u8], compressor: &mut Compressor) -> Result<Self> {
        let stored = compress(raw, compressor)?;
        Ok(Self { digest: Digest::of(raw), length: raw.len() as u32, stored_digest: Digest::of(&stored), stored })
    }
}

fn compress(raw: &[u8], compressor: &mut Compressor) -> Result<Vec<u8>> {
    compressor.compress(raw).map_err(|error| SnapshotError::io("compress", "the manifest", error))
}

#[derive(Default)]
pub(super) struct ObjectWriter {
    pub(super) root: Root,
    /// All frames, one after the other.
    body: Vec<u8>,
}

impl ObjectWriter {
    pub(super) fn append(&mut self, packed: &Packed) -> Frame {
        let Packed { length, stored, stored_digest, .. } = packed;
        let offset = self.body.len() as u64;
        self.body.extend_from_slice(stored);
        Frame { object: 0, offset, stored: stored.len() as u32, length: *length, digest: *stored_digest }
    }

    fn lean(&mut self, stored: &StoredFrame) -> Frame {
        let object = PackRef { id: stored.object, size: stored.object_size };
        let position = self.root.objects.iter().position(|known| *known == object).unwrap_or_else(|| {
            self.root.objects.push(object);
            self.root.objects.len() - 1
        });
        Frame {
            object: position as u32 + 1,
            offset: stored.offset,
            stored: stored.stored,
            length: stored.length,
            digest: stored.digest,
        }
    }

    pub(super) fn finish(self, mut manifest: Manifest, digests: &[Digest]) -> Result<Encoded> {
        let raw = self.root.encode();
        let root = compress(&raw, &mut compressor()?)?;
        let (stored, length) = ((root.len() as u32).to_le_bytes(), (raw.len() as u32).to_le_bytes());
        let head = [MAGIC.as_slice(), &stored, &length, &root].concat();
        // Moved within its own room: of a large tree there is not the room for two.
        let mut object = self.body;
        object.splice(0..0, head);
        let object = Object::of(object);
        let own = PackRef { id: object.id(), size: object.size() };
        manifest.objects = std::iter::once(own).chain(self.root.objects.iter().copied()).collect();
        let body_at = (HEADER + root.len()) as u64;
        manifest.segments = digests
            .iter()
            .zip(self.root.segments.iter().chain(&self.root.inputs))
            .map(|(digest, frame)| (*digest, frame.stored(&manifest.objects, body_at)))
            .collect();
        Ok(Encoded { object, manifest })
    }
}

impl Frame {
    /// The frame with its place spelled out; `objects[0]` is the manifest object itself.
    pub(crate) fn stored(&self, objects: &[PackRef], body_at: u64) -> StoredFrame {
        let object = objects[self.object as usize];
        StoredFrame {
            object: object.id,
            object_size: object.size,
            offset: if self.object == 0 { self.offset + body_at } else { self.offset },
            stored: self.stored,
            length: self.length,
            digest: self.digest,
        }
    }
}
