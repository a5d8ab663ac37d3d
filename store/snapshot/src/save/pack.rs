//! Lays compressed blocks into packs and sends the packs off.

use std::panic::resume_unwind;
use std::thread;

use sci_faults::Step;
use sci_store_api::{Object, ObjectSink, Pieces};

use super::Stored;
use crate::Result;
use crate::block::StoredBlock;
use crate::limits::PACK;
use crate::manifest::{Block, PackRef};
use crate::pool::Last;

/// Fills one pack at a time.
pub(crate) struct Packer<'a> {
    sink: &'a dyn ObjectSink,
    pack: Pieces,
    stored: Stored,
}

impl<'a> Packer<'a> {
    pub(crate) fn new(sink: &'a dyn ObjectSink) -> Self {
        let stored = Stored { blocks: Vec::new(), packs: Vec::new(), uploaded: 0, last: None };
        Self { sink, pack: Pieces::default(), stored }
    }

    /// Lists the pack, which is then to be sent.
    fn seal(&mut self) -> Object {
        let object = std::mem::take(&mut self.pack).seal();
        self.stored.packs.push(PackRef { id: object.id(), size: object.size() });
        self.stored.uploaded += object.size();
        object
    }

    /// What was packed. The last pack is not sent yet: meanwhile there is something else to do.
    pub(crate) fn finish(mut self) -> Stored {
        self.stored.last = (self.pack.size() > 0).then(|| self.seal());
        self.stored
    }
}

/// Sends the last pack off, if there is one, while something else is done.
pub(crate) fn while_sending<T>(
    sink: &dyn ObjectSink,
    pack: Option<Object>,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    thread::scope(|scope| {
        let sending = pack.map(|pack| scope.spawn(move || send(sink, pack)));
        let done = work();
        let sent = sending.map(|sending| sending.join().unwrap_or_else(|panic| resume_unwind(panic)));
        sent.transpose()?;
        done
    })
}

fn send(sink: &dyn ObjectSink, pack: Object) -> Result<()> {
    sci_faults::at(Step::SavePacked);
    sink.put(pack)?;
    sci_faults::at(Step::SavePut);
    Ok(())
}

impl Last<StoredBlock> for Packer<'_> {
    fn take(&mut self, block: StoredBlock) -> Result<()> {
        self.stored.blocks.push(Block {
            digest: block.digest,
            pack: self.stored.packs.len() as u32,
            offset: self.pack.size(),
            stored: block.stored.len() as u32,
            length: block.length,
            reference: block.reference,
        });
        self.pack.push(block.stored);
        // The cut depends on what is packed, so that two trees that share a long run of blocks share packs too.
        let wanted = block.digest.as_bytes()[0] & 7 == 0;
        let size = self.pack.size();
        if size >= PACK.1 || (size >= PACK.0 && wanted) { send(self.sink, self.seal()) } else { Ok(()) }
    }
}
