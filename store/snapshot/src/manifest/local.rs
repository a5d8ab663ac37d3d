//! The form in which a manifest is kept on this machine: uncompressed and in one piece, with the places of its segments.
//!
//! It is believed as far as its checksum goes: it lies in the user's own state directory.

use std::collections::BTreeMap;

use sci_hasher::Digest;

use super::bytes::{Reader, Refusal, Writer};
use super::root::{Frame, Root};
use super::segment::Decoder;
use super::write::raw_segments;
use super::{Manifest, StoredFrame, inputs};

impl Manifest {
    /// Encodes the manifest for [`Manifest::from_local`].
    pub(crate) fn to_local(&self) -> Vec<u8> {
        let mut frames = raw_segments(self);
        if !self.inputs.is_empty() {
            frames.push(inputs::encode(&self.inputs));
        }
        let mut root = Root {
            objects: self.objects.clone(),
            packs: self.packs.clone(),
            blocks: self.blocks.clone(),
            ..Root::default()
        };
        root.segments.extend(frames.iter().filter_map(|raw| self.segments.get(&Digest::of(raw))).map(|frame| Frame {
            object: self.objects.iter().position(|object| object.id == frame.object).map_or(0, |at| at as u32 + 1),
            offset: frame.offset,
            stored: frame.stored,
            length: frame.length,
            digest: frame.digest,
        }));
        let mut out = Writer::default();
        out.bytes(&root.encode());
        out.integer(u64::from(!self.inputs.is_empty()));
        out.integer(frames.len() as u64);
        for frame in &frames {
            out.bytes(frame);
        }
        out.0
    }

    /// Decodes what [`Manifest::to_local`] encoded.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn from_local(raw: &[u8]) -> Result<Self, Refusal> {
        let mut reader = Reader(raw);
        let root = Root::decode(reader.bytes(usize::MAX, "root")?)?;
        let has_inputs = reader.bounded(1, "inputs")? == 1;
        let count = reader.count(1, u64::MAX, "frames")?;
        if count != root.segments.len() {
            return Err("frames and their places do not fit".into());
        }
        let mut segments = BTreeMap::new();
        let mut decoder = Decoder::new(&root.blocks);
        let mut recorded = Vec::new();
        for (number, place) in root.segments.iter().enumerate() {
            let frame = reader.bytes(usize::MAX, "frame")?;
            let object = (place.object as usize).checked_sub(1).and_then(|at| root.objects.get(at));
            let object = object.ok_or("a frame in an unknown object")?;
            segments.insert(
                Digest::of(frame),
                StoredFrame {
                    object: object.id,
                    object_size: object.size,
                    offset: place.offset,
                    stored: place.stored,
                    length: place.length,
                    digest: place.digest,
                },
            );
            if has_inputs && number + 1 == count {
                recorded = inputs::decode(frame)?;
            } else {
                decoder.append_own(frame)?;
            }
        }
        reader.end()?;
        let tree = decoder.finish();
        Ok(Self { tree, blocks: root.blocks, packs: root.packs, inputs: recorded, segments, objects: root.objects })
    }
}
