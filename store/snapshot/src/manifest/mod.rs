//! The manifest: a tree, the blocks and packs that hold its bytes, and the recorded mtimes of the inputs.
//!
//! A manifest is stored as an object: a root, and segments of the tree cut by path. A segment that did not change stays
//! where an earlier manifest object put it, so a small change writes few bytes. See `docs/FORMATS.md`.
//!
//! Decoding believes nothing: every length is checked before it is allocated, every index against its table, and what
//! decodes must encode to the very same bytes.

mod bytes;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod inputs;
mod load;
mod local;
mod pieces;
mod root;
mod segment;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::ops::Range;

use sci_hasher::Digest;
use sci_store_api::{ObjectId, ObjectKind, ObjectRef};

use crate::tree::{Mtime, NONE, Tree};

pub(crate) use bytes::{Reader, Refusal, Writer};
pub(crate) use segment::check_component;
pub(crate) use write::{Encoded, encode};

/// A pack or manifest object, with its length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackRef {
    /// Its address.
    pub id: ObjectId,
    /// Its length in bytes.
    pub size: u64,
}

impl PackRef {
    fn as_kind(self, kind: ObjectKind) -> ObjectRef {
        ObjectRef { id: self.id, size: self.size, kind }
    }
}

impl From<ObjectRef> for PackRef {
    fn from(object: ObjectRef) -> Self {
        Self { id: object.id, size: object.size }
    }
}

/// A block: where its compressed bytes lie, and what they must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// BLAKE3 of the compressed bytes.
    pub digest: Digest,
    /// Index into the table of packs.
    pub pack: u32,
    /// Where the frame begins in the pack, in bytes.
    pub offset: u64,
    /// Length of the frame in bytes.
    pub stored: u32,
    /// Length of the content in bytes.
    pub length: u32,
    /// The block whose content it takes to unpack this one; [`NONE`] for a block that stands alone, as a reference does.
    pub reference: u32,
}

impl Block {
    /// Where its bytes lie in the pack.
    pub(crate) fn range(&self) -> Range<u64> {
        self.offset..self.offset + u64::from(self.stored)
    }
}

/// An input of the workspace as it was before the build: what source-mtime replay needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordedInput {
    /// Path relative to the workspace.
    pub path: Vec<u8>,
    /// Digest of the file, or of a directory's listing.
    pub digest: Digest,
    /// Its mtime before the build.
    pub mtime: Mtime,
}

/// A decoded manifest. Extents of [`Manifest::tree`] index [`Manifest::blocks`].
#[derive(Debug, Clone, Default)]
pub struct Manifest {
    /// The tree.
    pub tree: Tree,
    /// The blocks that the tree needs.
    pub blocks: Vec<Block>,
    /// The packs that hold the blocks.
    pub packs: Vec<PackRef>,
    /// Recorded inputs, sorted by path.
    pub inputs: Vec<RecordedInput>,
    /// Where each segment lies, by the digest of its uncompressed bytes: for the next manifest to use again.
    pub(crate) segments: BTreeMap<Digest, StoredFrame>,
    /// The objects that hold the segments; the first is the manifest object itself.
    pub(crate) objects: Vec<PackRef>,
}

/// A compressed frame within an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredFrame {
    pub(crate) object: ObjectId,
    pub(crate) object_size: u64,
    pub(crate) offset: u64,
    pub(crate) stored: u32,
    pub(crate) length: u32,
    /// BLAKE3 of the compressed bytes.
    pub(crate) digest: Digest,
}

impl Manifest {
    /// Every object the snapshot needs besides its derivation: packs, then manifest objects.
    pub fn objects(&self) -> impl Iterator<Item = ObjectRef> {
        let packs = self.packs.iter().map(|pack| pack.as_kind(ObjectKind::Pack));
        packs.chain(self.objects.iter().map(|object| object.as_kind(ObjectKind::Manifest)))
    }

    /// The manifest object's own id.
    pub fn id(&self) -> Option<ObjectId> {
        self.objects.first().map(|object| object.id)
    }

    /// The block that must be unpacked before block `number`: its reference, or itself.
    pub fn footing(&self, number: u32) -> u32 {
        let reference = self.blocks[number as usize].reference;
        if reference == NONE { number } else { reference }
    }

    /// Sum of the extents' lengths in bytes, which a restore writes, and of the references that it unpacks for them. Holes do
    /// not count.
    pub(crate) fn unpacked_bytes(&self) -> u64 {
        let extents = |index| self.tree.content(index).map(|content| self.tree.extents(content)).unwrap_or_default();
        let lengths = self.tree.entries().flat_map(|(index, _)| extents(index));
        let written: u64 = lengths.filter(|extent| extent.block != NONE).map(|extent| u64::from(extent.length)).sum();
        let references = self.blocks.iter().filter_map(|block| self.blocks.get(block.reference as usize));
        written.saturating_add(references.map(|block| u64::from(block.length)).sum())
    }
}
