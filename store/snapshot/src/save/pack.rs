//! Lays compressed blocks into packs and sends the packs off.

use sci_faults::Step;
use sci_store_api::{ObjectId, ObjectSink};

use super::Stored;
use crate::Result;
use crate::block::StoredBlock;
use crate::limits::{BLOCK, PACK};
use crate::manifest::{Block, PackRef};
use crate::pool::Last;

/// Fills one pack at a time.
pub(crate) struct Packer<'a> {
    sink: &'a dyn ObjectSink,
    pack: Vec<u8>,
    stored: Stored,
}

impl<'a> Packer<'a> {
    pub(crate) fn new(sink: &'a dyn ObjectSink) -> Self {
        let stored = Stored { blocks: Vec::new(), packs: Vec::new(), uploaded: 0 };
        Self { sink, pack: Vec::new(), stored }
    }

    fn send(&mut self) -> Result<()> {
        if self.pack.is_empty() {
            return Ok(());
        }
        let pack = std::mem::take(&mut self.pack);
        let object = PackRef { id: ObjectId::of(&pack), size: pack.len() as u64 };
        sci_faults::at(Step::SavePacked);
        self.sink.put(&object.id, pack)?;
        sci_faults::at(Step::SavePut);
        self.stored.uploaded += object.size;
        self.stored.packs.push(object);
        Ok(())
    }

    /// Sends the last pack.
    pub(crate) fn finish(mut self) -> Result<Stored> {
        self.send()?;
        Ok(self.stored)
    }
}

impl Last<StoredBlock> for Packer<'_> {
    fn take(&mut self, block: StoredBlock) -> Result<()> {
        self.stored.blocks.push(Block {
            digest: block.digest,
            pack: self.stored.packs.len() as u32,
            offset: self.pack.len() as u64,
            stored: block.stored.len() as u32,
            length: block.length,
            reference: block.reference,
        });
        if self.pack.is_empty() {
            // All at once, and never moved: what grows leaves its smaller selves behind in the memory of the process.
            self.pack.reserve_exact(PACK.1 + BLOCK);
        }
        self.pack.extend_from_slice(&block.stored);
        // The cut depends on what is packed, so that two trees that share a long run of blocks share packs too.
        let wanted = block.digest.as_bytes()[0] & 7 == 0;
        if self.pack.len() >= PACK.1 || (self.pack.len() >= PACK.0 && wanted) { self.send() } else { Ok(()) }
    }
}
