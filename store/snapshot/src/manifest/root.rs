//! The root of a manifest: where its segments, blocks and packs are.

use sci_hasher::Digest;
use sci_store_api::ObjectId;

use super::bytes::{Reader, Refusal, Writer};
use super::{Block, PackRef};
use crate::limits::{BLOCK_MAX, ENTRIES_MAX, FRAME_MAX, OBJECT_MAX, TREE_MAX};
use crate::tree::NONE;

/// The first bytes of a manifest object: name and version of the format.
pub(crate) const MAGIC: &[u8; 16] = b"sci manifest v2\n";
/// Length of what precedes the root: magic, stored length, uncompressed length (4 bytes each, little endian).
pub(crate) const HEADER: usize = 24;
/// Length of a stored root.
pub(crate) const ROOT_MAX: u32 = 64 << 20;

/// Length of a stored block: what does not compress grows by less than this.
const STORED_MAX: u64 = BLOCK_MAX as u64 + (BLOCK_MAX as u64 >> 7);

/// A frame in one of the root's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// 0 is the manifest object itself, *n* the *n*th of [`Root::objects`].
    pub(crate) object: u32,
    /// Relative to the end of the root for the object itself, else from the object's start.
    pub(crate) offset: u64,
    pub(crate) stored: u32,
    pub(crate) length: u32,
    pub(crate) digest: Digest,
}

/// A decoded root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Root {
    /// Earlier manifest objects that hold segments of this tree.
    pub(crate) objects: Vec<PackRef>,
    pub(crate) segments: Vec<Frame>,
    pub(crate) inputs: Option<Frame>,
    pub(crate) packs: Vec<PackRef>,
    pub(crate) blocks: Vec<Block>,
}

impl Root {
    /// Encodes the root.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        encode_objects(&mut out, &self.objects);
        out.integer(self.segments.len() as u64);
        for frame in &self.segments {
            encode_frame(&mut out, frame);
        }
        out.integer(u64::from(self.inputs.is_some()));
        if let Some(frame) = &self.inputs {
            encode_frame(&mut out, frame);
        }
        encode_objects(&mut out, &self.packs);
        out.integer(self.blocks.len() as u64);
        for block in &self.blocks {
            out.integer(u64::from(block.pack));
            out.integer(block.offset);
            out.integer(u64::from(block.stored));
            out.integer(u64::from(block.length));
            // One more than the number; 0 for none.
            out.integer(u64::from(block.reference.wrapping_add(1)));
        }
        for block in &self.blocks {
            out.raw(block.digest.as_bytes());
        }
        out.0
    }

    /// Decodes a root.
    ///
    /// # Errors
    /// A sentence: an index outside its table, a length above its limit, a form that is not canonical.
    pub(crate) fn decode(raw: &[u8]) -> Result<Self, Refusal> {
        let mut reader = Reader(raw);
        let objects = decode_objects(&mut reader)?;
        let count = reader.count(36, ENTRIES_MAX, "segments")?;
        let segments: Vec<Frame> =
            (0..count).map(|_| decode_frame(&mut reader, objects.len())).collect::<Result<_, _>>()?;
        let inputs = match reader.bounded(1, "inputs")? {
            0 => None,
            _ => Some(decode_frame(&mut reader, objects.len())?),
        };
        let length: u64 = segments.iter().chain(&inputs).map(|frame| u64::from(frame.length)).sum();
        if length > TREE_MAX {
            return Err(format!("its segments unpack to {length} bytes, above the limit of {TREE_MAX}"));
        }
        let packs = decode_objects(&mut reader)?;
        let blocks = decode_blocks(&mut reader, &packs)?;
        reader.end()?;
        let root = Self { objects, segments, inputs, packs, blocks };
        if root.encode() == raw { Ok(root) } else { Err("the root is not in canonical form".into()) }
    }
}

fn encode_objects(out: &mut Writer, objects: &[PackRef]) {
    out.integer(objects.len() as u64);
    for object in objects {
        out.raw(object.id.as_bytes());
        out.integer(object.size);
    }
}

fn decode_objects(reader: &mut Reader<'_>) -> Result<Vec<PackRef>, Refusal> {
    let count = reader.count(33, ENTRIES_MAX, "objects")?;
    let mut objects = Vec::with_capacity(count);
    for _ in 0..count {
        let id = ObjectId::from_bytes(reader.array()?);
        objects.push(PackRef { id, size: reader.bounded(OBJECT_MAX, "object")? });
    }
    Ok(objects)
}

pub(super) fn encode_frame(out: &mut Writer, frame: &Frame) {
    out.integer(u64::from(frame.object));
    out.integer(frame.offset);
    out.integer(u64::from(frame.stored));
    out.integer(u64::from(frame.length));
    out.raw(frame.digest.as_bytes());
}

pub(super) fn decode_frame(reader: &mut Reader<'_>, objects: usize) -> Result<Frame, Refusal> {
    Ok(Frame {
        object: reader.bounded(objects as u64, "object of a frame")? as u32,
        offset: reader.bounded(OBJECT_MAX, "offset of a frame")?,
        stored: reader.bounded(FRAME_MAX, "stored length of a frame")? as u32,
        length: reader.bounded(FRAME_MAX, "length of a frame")? as u32,
        digest: Digest::from_bytes(reader.array()?),
    })
}

fn decode_blocks(reader: &mut Reader<'_>, packs: &[PackRef]) -> Result<Vec<Block>, Refusal> {
    let count = reader.count(37, ENTRIES_MAX, "blocks")?;
    let mut blocks = Vec::with_capacity(count);
    for _ in 0..count {
        let pack = reader.integer()?;
        let size = packs.get(pack as usize).ok_or("a block in an unknown pack")?.size;
        let offset = reader.bounded(size, "offset of a block")?;
        let stored = reader.bounded((size - offset).min(STORED_MAX), "stored length of a block")? as u32;
        let length = reader.bounded(u64::from(BLOCK_MAX), "length of a block")? as u32;
        let reference = reader.bounded(count as u64, "reference of a block")?.checked_sub(1);
        let reference = reference.map_or(NONE, |number| number as u32);
        let digest = Digest::from_bytes([0; 32]);
        blocks.push(Block { digest, pack: pack as u32, offset, stored, length, reference });
    }
    // So no block leans on itself, and to unpack one takes at most one other.
    if blocks.iter().any(|block| blocks.get(block.reference as usize).is_some_and(|it: &Block| it.reference != NONE)) {
        return Err("a block whose reference has one itself".into());
    }
    for block in &mut blocks {
        block.digest = Digest::from_bytes(reader.array()?);
    }
    Ok(blocks)
}
