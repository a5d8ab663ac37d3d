//! Unpacks the blocks of a manifest, with the references that they lean on.
//!
//! Knows which block leans on which, not what the blocks hold.

use std::ops::Range;

use sci_store_api::{ObjectId, ObjectSource};

use crate::block::{self, Decompressor};
use crate::manifest::{Block, Manifest};
use crate::tree::NONE;
use crate::{Result, SnapshotError};

/// Unpacks blocks of one manifest, one after the other. Blocks that follow each other mostly have the same reference, so the
/// last one is kept.
pub(crate) struct Unpacker {
    context: Decompressor,
    reference: (u32, Vec<u8>),
}

impl Unpacker {
    pub(crate) fn new() -> Self {
        Self { context: Decompressor::new(), reference: (NONE, Vec::new()) }
    }

    /// Unpacks block `number`, whose bytes are `stored`, into `into`; its reference is read from `source`.
    ///
    /// # Errors
    /// [`SnapshotError::Transfer`] when the reference cannot be read, [`SnapshotError::Damaged`], which names the pack, when one
    /// of the two is not what the manifest says.
    pub(crate) fn open(
        &mut self,
        manifest: &Manifest,
        number: u32,
        stored: &[u8],
        source: &dyn ObjectSource,
        into: &mut Vec<u8>,
    ) -> Result<()> {
        let block = &manifest.blocks[number as usize];
        if block.reference != NONE && self.reference.0 != block.reference {
            // Not a half-read one, should this fail.
            self.reference.0 = NONE;
            let (pack, range) = place(manifest, block.reference);
            let stored = source.read(&pack, range)?;
            let kept = &mut self.reference.1;
            unpack(&mut self.context, manifest, block.reference, &stored, None, kept)?;
            self.reference.0 = block.reference;
        }
        let reference = (block.reference != NONE).then_some(self.reference.1.as_slice());
        unpack(&mut self.context, manifest, number, stored, reference, into)
    }

    /// Reads block `number` from `source`, and unpacks it into `into`.
    ///
    /// # Errors
    /// Those of [`Unpacker::open`].
    pub(crate) fn read(
        &mut self,
        manifest: &Manifest,
        number: u32,
        source: &dyn ObjectSource,
        into: &mut Vec<u8>,
    ) -> Result<()> {
        let (pack, range) = place(manifest, number);
        let stored = source.read(&pack, range)?;
        self.open(manifest, number, &stored, source, into)
    }
}

/// Where a block lies.
pub(crate) fn place(manifest: &Manifest, number: u32) -> (ObjectId, Range<u64>) {
    let block = &manifest.blocks[number as usize];
    (manifest.packs[block.pack as usize].id, block.range())
}

fn unpack(
    context: &mut Decompressor,
    manifest: &Manifest,
    number: u32,
    stored: &[u8],
    reference: Option<&[u8]>,
    into: &mut Vec<u8>,
) -> Result<()> {
    let Block { digest, length, pack, .. } = &manifest.blocks[number as usize];
    block::open(context, stored, (digest, *length), reference, into)
        .map_err(|reason| SnapshotError::damaged(&manifest.packs[*pack as usize].id, reason))
}
