//! From a manifest object to a manifest in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use sci_hasher::Digest;
use sci_store_api::{ObjectId, ObjectSource};

use super::pieces::Pieces;
use super::root::{Frame, HEADER, MAGIC, ROOT_MAX, Root};
use super::segment::{Decoder, believed};
use super::{Manifest, PackRef, StoredFrame, inputs};
use crate::block::Decompressor;
use crate::limits::{EXPANSION_FACTOR, EXPANSION_FREE, OBJECT_MAX};
use crate::tree::Size;
use crate::{Result, SnapshotError};

/// A manifest object is read in pieces of this length, as it is given up: enough for the whole of most. Bytes.
const PIECE: u64 = 8 << 20;
/// Frames of an earlier object that lie within so many bytes are read together, and of all objects so many bytes ahead.
const TOGETHER: (u64, u64) = (4 << 20, 64 << 20);

impl Manifest {
    /// Reads and decodes the manifest `id`.
    ///
    /// `permitted` are the objects of the signed record: a manifest that cites another one is refused.
    ///
    /// # Errors
    /// [`SnapshotError::Transfer`] when an object cannot be read, [`SnapshotError::Damaged`] when its bytes are not
    /// what was signed, [`SnapshotError::Refused`] when they are, but ask for what no snapshot may have.
    pub fn load(id: &ObjectId, permitted: &[PackRef], source: &dyn ObjectSource) -> Result<Self> {
        let cited = |wanted: &PackRef| permitted.contains(wanted);
        let own = permitted.iter().find(|object| object.id == *id).copied();
        let own = own.ok_or_else(|| SnapshotError::Refused(format!("its record does not list manifest {id}")))?;
        if own.size > OBJECT_MAX {
            return Err(SnapshotError::Refused(format!("a manifest of {} bytes", own.size)));
        }
        let mut loader = Loader { own, whole: whole(&own, source)?, stretches: BTreeMap::new(), source };
        let (root, body_at) = loader.root()?;
        if let Some(foreign) = root.packs.iter().chain(&root.objects).find(|object| !cited(object)) {
            return Err(SnapshotError::Refused(format!("its record does not list object {}", foreign.id)));
        }
        loader.read_ahead(&root, body_at)?;
        loader.assemble(root, body_at)
    }
}

/// Bytes of an object that are read together.
type Stretch = (PackRef, Range<u64>);

fn read(source: &dyn ObjectSource, object: &PackRef, range: Range<u64>) -> Result<Vec<u8>> {
    let length = range.end - range.start;
    let bytes = source.read(&object.id, range)?;
    if bytes.len() as u64 == length {
        Ok(bytes)
    } else {
        Err(SnapshotError::damaged(&object.id, format!("{} bytes came instead of {length}", bytes.len())))
    }
}

/// The whole object. Nothing of it may be believed before its digest is checked.
fn whole(own: &PackRef, source: &dyn ObjectSource) -> Result<Pieces> {
    let piece = |at| (*own, at..own.size.min(at + PIECE));
    let wanted: Vec<Stretch> = (0..own.size).step_by(PIECE as usize).map(piece).collect();
    let whole = Pieces::new(read_all(source, &wanted)?, PIECE as usize);
    if ObjectId::of_pieces(whole.iter()) == own.id {
        Ok(whole)
    } else {
        Err(SnapshotError::damaged(&own.id, "its bytes do not have its SHA-256"))
    }
}

/// Reads all of these, as many at once as the source is worth: one after the other, each would wait for the way there and
/// back.
fn read_all(source: &dyn ObjectSource, wanted: &[Stretch]) -> Result<Vec<Vec<u8>>> {
    let readers = source.reads_at_once().min(wanted.len());
    if readers <= 1 {
        return wanted.iter().map(|(object, range)| read(source, object, range.clone())).collect();
    }
    let next = AtomicUsize::new(0);
    let came = Mutex::new(Vec::with_capacity(wanted.len()));
    std::thread::scope(|scope| {
        for _ in 0..readers {
            scope.spawn(|| {
                while let Some((number, (object, range))) = numbered(wanted, &next) {
                    let bytes = read(source, object, range.clone());
                    came.lock().unwrap_or_else(PoisonError::into_inner).push((number, bytes));
                }
            });
        }
    });
    let mut came = came.into_inner().unwrap_or_else(PoisonError::into_inner);
    came.sort_by_key(|(number, _)| *number);
    came.into_iter().map(|(_, bytes)| bytes).collect()
}

/// The next one, with its number.
fn numbered<'a>(wanted: &'a [Stretch], next: &AtomicUsize) -> Option<(usize, &'a Stretch)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    Some((number, wanted.get(number)?))
}

struct Loader<'a> {
    own: PackRef,
    whole: Pieces,
    /// What was read of earlier objects, by where it begins.
    stretches: BTreeMap<(PackRef, u64), Vec<u8>>,
    source: &'a dyn ObjectSource,
}

/// Where a frame lies in the object that holds it.
fn own_range(frame: &StoredFrame) -> Range<usize> {
    let begin = usize::try_from(frame.offset).unwrap_or(usize::MAX);
    begin..begin.saturating_add(frame.stored as usize)
}

impl Loader<'_> {
    fn refuse(&self, reason: impl std::fmt::Display) -> SnapshotError {
        SnapshotError::Refused(format!("manifest {}: {reason}", self.own.id.short()))
    }

    fn root(&self) -> Result<(Root, u64)> {
        let header = self.whole.get(&(0..HEADER)).ok_or_else(|| self.refuse("it is cut off"))?;
        if header[..16] != MAGIC[..] {
            return Err(self.refuse("it is no manifest of a version this program knows"));
        }
        let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (stored, length) = (word(16), word(20));
        if stored > ROOT_MAX || length > ROOT_MAX {
            return Err(self.refuse("its root is too long"));
        }
        let stored = self.whole.get(&(HEADER..HEADER + stored as usize)).ok_or_else(|| self.refuse("it is cut off"))?;
        let mut raw = Vec::new();
        Decompressor::new().decompress(&stored, length as usize, &mut raw).map_err(|reason| self.refuse(reason))?;
        let root = Root::decode(&raw).map_err(|reason| self.refuse(reason))?;
        Ok((root, (HEADER + stored.len()) as u64))
    }

    /// Reads frames of earlier objects: those that lie near each other at once.
    fn read_ahead(&mut self, root: &Root, body_at: u64) -> Result<()> {
        let objects: Vec<PackRef> = std::iter::once(self.own).chain(root.objects.iter().copied()).collect();
        let earlier = root.segments.iter().chain(&root.inputs).filter(|frame| frame.object > 0);
        let mut places: Vec<(PackRef, u64, u64)> = earlier
            .map(|frame| (objects[frame.object as usize], frame.stored(&objects, body_at)))
            .map(|(object, place)| (object, place.offset, place.offset.saturating_add(u64::from(place.stored))))
            .collect();
        places.sort_unstable();
        let mut stretches: Vec<Stretch> = Vec::new();
        for (object, start, end) in places {
            match stretches.last_mut() {
                Some((of, stretch)) if *of == object && end.saturating_sub(stretch.start) <= TOGETHER.0 => {
                    stretch.end = stretch.end.max(end);
                }
                _ => stretches.push((object, start..end)),
            }
        }
        let mut left = TOGETHER.1;
        stretches.retain(|(object, stretch)| {
            let length = stretch.end - stretch.start;
            let is_read = stretch.end <= object.size && length <= left;
            left -= if is_read { length } else { 0 };
            is_read
        });
        let came = read_all(self.source, &stretches)?;
        let begins = stretches.into_iter().map(|(object, stretch)| (object, stretch.start));
        self.stretches = begins.zip(came).collect();
        Ok(())
    }

    fn assemble(mut self, root: Root, body_at: u64) -> Result<Manifest> {
        let objects: Vec<PackRef> = std::iter::once(self.own).chain(root.objects.iter().copied()).collect();
        let frames = root.segments.iter().chain(&root.inputs).map(|frame| frame.stored(&objects, body_at));
        self.whole.needed(frames.filter(|frame| frame.object == self.own.id).map(|frame| own_range(&frame)));
        let mut context = Decompressor::new();
        let mut segments = BTreeMap::new();
        let mut decoder = Decoder::new(&root.blocks, guess(&root.segments));
        let mut raw = Vec::new();
        for frame in &root.segments {
            let frame = frame.stored(&objects, body_at);
            self.frame(&frame, &mut context, &mut raw)?;
            decoder.append(&raw).map_err(|reason| self.refuse(reason))?;
            segments.insert(Digest::of(&raw), frame);
        }
        let tree = decoder.finish();
        if tree.is_empty() {
            return Err(self.refuse("it has no root entry"));
        }
        let recorded = match &root.inputs {
            None => Vec::new(),
            Some(frame) => {
                let frame = frame.stored(&objects, body_at);
                self.frame(&frame, &mut context, &mut raw)?;
                segments.insert(Digest::of(&raw), frame);
                inputs::decode(&raw).map_err(|reason| self.refuse(reason))?
            }
        };
        let manifest = Manifest { tree, blocks: root.blocks, packs: root.packs, inputs: recorded, segments, objects };
        manifest.check_expansion()?;
        Ok(manifest)
    }

    /// These bytes of an earlier object, if they were read ahead.
    fn ahead(&self, object: &PackRef, wanted: Range<u64>) -> Option<&[u8]> {
        let ((of, start), stretch) = self.stretches.range(..=(*object, wanted.start)).next_back()?;
        if of != object {
            return None;
        }
        stretch.get((wanted.start - start) as usize..(wanted.end - start) as usize)
    }

    /// Reads, checks and unpacks one frame into `raw`.
    fn frame(&mut self, frame: &StoredFrame, context: &mut Decompressor, raw: &mut Vec<u8>) -> Result<()> {
        let object = PackRef { id: frame.object, size: frame.object_size };
        let end = frame.offset.checked_add(u64::from(frame.stored)).filter(|end| *end <= object.size);
        let end = end.ok_or_else(|| self.refuse("a frame lies outside its object"))?;
        let own = (object.id == self.own.id).then(|| own_range(frame));
        let stored = if let Some(own) = &own {
            self.whole.get(own).ok_or_else(|| self.refuse("a frame lies outside its object"))?
        } else if let Some(ahead) = self.ahead(&object, frame.offset..end) {
            ahead.into()
        } else {
            read(self.source, &object, frame.offset..end)?.into()
        };
        if Digest::of(&stored) != frame.digest {
            return Err(SnapshotError::damaged(&object.id, "a segment does not have its digest"));
        }
        context.decompress(&stored, frame.length as usize, raw).map_err(|reason| self.refuse(reason))?;
        own.iter().for_each(|own| self.whole.taken(own));
        Ok(())
    }
}

/// The size of a tree with these segments, by what they usually take: an entry 48 bytes, most of it the digest, which does not
/// compress, and some of them its name.
fn guess(segments: &[Frame]) -> Size {
    let length = segments.iter().map(|frame| u64::from(frame.length).min(u64::from(frame.stored) * 4)).sum::<u64>();
    believed([length / 48, length / 4, length / 48])
}

impl Manifest {
    /// Refuses a tree that unpacks to out of all proportion more than is stored for it.
    pub(super) fn check_expansion(&self) -> Result<()> {
        // Blocks of a forged manifest may overlap: they cannot be more than the packs that hold them.
        let packs: BTreeSet<&PackRef> = self.packs.iter().collect();
        let packs: u64 = packs.into_iter().map(|pack| pack.size).sum();
        let stored = self.blocks.iter().map(|block| u64::from(block.stored)).sum::<u64>().min(packs);
        let limit = stored.saturating_mul(EXPANSION_FACTOR).saturating_add(EXPANSION_FREE);
        let unpacked = self.unpacked_bytes();
        if unpacked <= limit {
            return Ok(());
        }
        Err(SnapshotError::Refused(format!("{stored} stored bytes would unpack to {unpacked}")))
    }
}
