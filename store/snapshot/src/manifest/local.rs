//! The form in which a manifest is kept on this machine, with a receipt for each entry: frames, a segment at a time, so that
//! neither writing nor reading needs much more room than the manifest itself.
//!
//! It is believed as far as the checksum goes that its keeper puts around it: it lies in the user's own state directory.

use std::collections::BTreeMap;
use std::io;

use sci_hasher::Digest;

use super::bytes::{Reader, Refusal, Writer};
use super::root::{Frame, Root, decode_frame, encode_frame};
use super::segment::{Decoder, believed};
use super::write::cuts;
use super::{Manifest, StoredFrame, inputs, segment};
use crate::local::Receipt;
use crate::tree::Size;

impl Manifest {
    /// Gives `put` the frames that [`Manifest::from_local`] takes, one after the other.
    pub(crate) fn to_local(
        &self,
        receipts: &[Receipt],
        put: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let root = Root {
            objects: self.objects.clone(),
            packs: self.packs.clone(),
            blocks: self.blocks.clone(),
            ..Root::default()
        };
        put(&root.encode())?;
        put(&encode_size(self.tree.size()))?;
        for cut in cuts(&self.tree) {
            let raw = segment::encode(&self.tree, &self.blocks, cut.clone());
            let mut out = Writer::default();
            self.place(&raw, &mut out);
            out.bytes(&raw);
            for receipt in &receipts[cut.start as usize..cut.end as usize] {
                receipt.encode(&mut out);
            }
            put(&out.0)?;
        }
        // What is no segment ends them.
        put(&[])?;
        let mut out = Writer::default();
        if !self.inputs.is_empty() {
            let raw = inputs::encode(&self.inputs);
            self.place(&raw, &mut out);
            out.bytes(&raw);
        }
        put(&out.0)
    }

    /// Writes where a frame is stored; its first number is 0 when that is not known.
    fn place(&self, raw: &[u8], out: &mut Writer) {
        let digest = Digest::of(raw);
        let stored = self.segments.get(&digest);
        let object = |stored: &StoredFrame| self.objects.iter().position(|object| object.id == stored.object);
        match stored.and_then(|stored| Some((stored, object(stored)?))) {
            None => out.integer(0),
            Some((stored, at)) => {
                out.integer(1);
                let (offset, length) = (stored.offset, stored.length);
                let frame = Frame { object: at as u32, offset, stored: stored.stored, length, digest: stored.digest };
                encode_frame(out, &frame);
                // By this it is found again. To make it anew would cost a fifth of all reading.
                out.raw(digest.as_bytes());
            }
        }
    }

    /// Rebuilds a manifest and its receipts from frames, which `next` gives one after the other.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn from_local(
        next: &mut dyn FnMut() -> Result<Vec<u8>, Refusal>,
    ) -> Result<(Self, Vec<Receipt>), Refusal> {
        let root = Root::decode(&next()?)?;
        let size = decode_size(&next()?)?;
        let mut decoder = Decoder::new(&root.blocks, size);
        let mut receipts = Vec::with_capacity(size.entries as usize);
        let mut segments = BTreeMap::new();
        loop {
            let frame = next()?;
            if frame.is_empty() {
                break;
            }
            let mut reader = Reader(&frame);
            let raw = known_frame(&mut reader, &root, &mut segments)?;
            let before = decoder.len();
            decoder.append_own(raw)?;
            for _ in before..decoder.len() {
                receipts.push(Receipt::decode(&mut reader)?);
            }
            reader.end()?;
        }
        let frame = next()?;
        let mut reader = Reader(&frame);
        let inputs = match frame.is_empty() {
            true => Vec::new(),
            false => inputs::decode(known_frame(&mut reader, &root, &mut segments)?)?,
        };
        reader.end()?;
        let tree = decoder.finish();
        if tree.is_empty() {
            return Err("it has no root entry".into());
        }
        let manifest = Self { tree, blocks: root.blocks, packs: root.packs, inputs, segments, objects: root.objects };
        Ok((manifest, receipts))
    }
}

fn encode_size(size: Size) -> Vec<u8> {
    let mut out = Writer::default();
    [size.entries, size.names, size.contents].into_iter().for_each(|number| out.integer(number.into()));
    out.0
}

fn decode_size(frame: &[u8]) -> Result<Size, Refusal> {
    let mut reader = Reader(frame);
    let size = believed([reader.integer()?, reader.integer()?, reader.integer()?]);
    reader.end()?;
    Ok(size)
}

/// Takes a frame, and notes where it is stored.
fn known_frame<'a>(
    reader: &mut Reader<'a>,
    root: &Root,
    segments: &mut BTreeMap<Digest, StoredFrame>,
) -> Result<&'a [u8], Refusal> {
    let place = match reader.bounded(1, "place")? {
        0 => None,
        _ => Some((decode_frame(reader, root.objects.len())?, Digest::from_bytes(reader.array()?))),
    };
    let raw = reader.bytes(usize::MAX, "frame")?;
    if let Some((place, digest)) = place {
        let object = root.objects.get(place.object as usize).ok_or("a frame in an unknown object")?;
        let stored = StoredFrame {
            object: object.id,
            object_size: object.size,
            offset: place.offset,
            stored: place.stored,
            length: place.length,
            digest: place.digest,
        };
        segments.insert(digest, stored);
    }
    Ok(raw)
}
