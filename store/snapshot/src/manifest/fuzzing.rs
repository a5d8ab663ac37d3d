//! Doors into the formats of the manifest, for `crate::fuzzing`.

use sci_hasher::Digest;

use super::bytes::Reader;
use super::root::{Frame, HEADER, MAGIC, Root};
use super::segment::{self, Decoder};
use super::{Block, PackRef, check_component, inputs};
use crate::block::Compressor;
use crate::tree::{NONE, Size};

/// Blocks that a segment alone may name: the digests of their numbers.
const BLOCKS: u8 = 4;

/// Decodes one part of a manifest, by number; what is accepted must be what its decoded form encodes to.
pub(crate) fn refused_or_canonical(which: u8, raw: &[u8]) {
    match which {
        b'r' => assert!(Root::decode(raw).is_ok_or_none(|root| root.encode() == raw)),
        b'i' => assert!(inputs::decode(raw).is_ok_or_none(|inputs| inputs::encode(inputs) == raw)),
        b'n' => {
            if check_component(raw).is_ok() {
                assert!(!raw.is_empty() && !raw.contains(&b'/') && !raw.contains(&0) && raw != b"." && raw != b"..");
            }
        }
        _ => {
            let blocks: Vec<Block> = (0..BLOCKS).map(numbered).collect();
            let mut decoder = Decoder::new(&blocks, Size::default());
            if decoder.append(raw).is_ok() {
                let tree = decoder.finish();
                assert_eq!(segment::encode(&tree, &blocks, 0..tree.len()), raw);
            }
        }
    }
}

/// `is_ok_and`, where an error is as good.
trait IsOkOrNone<T> {
    fn is_ok_or_none(&self, promise: impl FnOnce(&T) -> bool) -> bool;
}

impl<T, E> IsOkOrNone<T> for Result<T, E> {
    fn is_ok_or_none(&self, promise: impl FnOnce(&T) -> bool) -> bool {
        self.as_ref().map_or(true, promise)
    }
}

fn numbered(number: u8) -> Block {
    Block { digest: Digest::of(&[number]), pack: 0, offset: 0, stored: 1 << 20, length: 1 << 20, reference: NONE }
}

/// From a root, a number that says whether the last frame has inputs, the count of the frames and the frames, each preceded
/// by its length, to a manifest object that holds every frame itself, with the digests that belong there; and the packs that
/// its root names.
pub(crate) fn object(bytes: &[u8]) -> Option<(Vec<u8>, Vec<PackRef>)> {
    let mut reader = Reader(bytes);
    let mut root = Root::decode(reader.bytes(usize::MAX, "root").ok()?).ok()?;
    let has_inputs = reader.bounded(1, "inputs").ok()? == 1;
    let count = reader.count(1, u64::MAX, "frames").ok()?;
    let mut compressor = Compressor::for_manifests().ok()?;
    let mut body = Vec::new();
    let mut frames = Vec::new();
    for _ in 0..count {
        let raw = reader.bytes(usize::MAX, "frame").ok()?;
        let stored = compressor.compress(raw).ok()?;
        let (offset, digest) = (body.len() as u64, Digest::of(&stored));
        frames.push(Frame { object: 0, offset, stored: stored.len() as u32, length: raw.len() as u32, digest });
        body.extend_from_slice(&stored);
    }
    root.objects.clear();
    root.inputs = if has_inputs { frames.pop() } else { None };
    root.segments = frames;
    let raw = root.encode();
    let stored = compressor.compress(&raw).ok()?;
    let mut object = MAGIC.to_vec();
    object.extend_from_slice(&(stored.len() as u32).to_le_bytes());
    object.extend_from_slice(&(raw.len() as u32).to_le_bytes());
    debug_assert_eq!(object.len(), HEADER);
    object.extend_from_slice(&stored);
    object.extend_from_slice(&body);
    Some((object, root.packs))
}
