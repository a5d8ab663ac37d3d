//! Doors for the fuzz targets, which stand outside the crate: bytes go in behind the checksum that would stop them.
//!
//! Only there when built for fuzzing. Each door checks what its reader promises, and panics where it is broken.

use std::ops::Range;

use sci_hasher::Digest;
use sci_store_api::{ObjectId, ObjectSource, TransferError};

use crate::block::{self, Compressor, Decompressor};
use crate::limits::BLOCK_MAX;
use crate::manifest::fuzzing::{object, refused_or_canonical};
use crate::manifest::{Manifest, PackRef};

/// The parts of a manifest, each by itself: the first byte says which.
pub fn frame(bytes: &[u8]) {
    if let Some((which, raw)) = bytes.split_first() {
        refused_or_canonical(*which, raw);
    }
}

/// A block: the length that is claimed for it (4 bytes, little endian), then its compressed bytes.
pub fn block(bytes: &[u8]) {
    let Some((length, stored)) = bytes.split_first_chunk::<4>() else { return };
    let length = u32::from_le_bytes(*length);
    let mut raw = Vec::new();
    if block::open(&mut Decompressor::new(), stored, (&Digest::of(stored), length), None, &mut raw).is_ok() {
        assert_eq!(raw.len(), length as usize);
        assert!(length <= BLOCK_MAX);
        let mut again = Vec::new();
        let stored = Compressor::for_blocks().and_then(|mut it| it.compress(&raw)).expect("memory");
        block::open(&mut Decompressor::new(), &stored, (&Digest::of(&stored), length), None, &mut again)
            .expect("our own block");
        assert_eq!(again, raw);
    }
    assert!(raw.capacity() <= BLOCK_MAX as usize);
}

/// The frames of the local file `base`, each preceded by its length. Its checksum comes last, so that any bytes get here.
pub fn base(bytes: &[u8]) {
    let Some(base) = crate::local::fuzzing::decode(bytes) else { return };
    let again =
        crate::local::fuzzing::decode(&crate::local::fuzzing::encode(&base)).expect("what was read can be written");
    assert_eq!(again.manifest.tree.digest(), base.manifest.tree.digest());
    assert_eq!(again.manifest.inputs, base.manifest.inputs);
    assert!(again.says_the_same(&base));
}

/// The intent of a restore, without magic and checksum.
pub fn intent(body: &[u8]) {
    crate::restore::fuzz_intent(body);
}

/// A manifest that is not compressed, see [`object`]: every digest in the object that is made of it is right.
///
/// Returns the manifest if it was loaded.
pub fn manifest(bytes: &[u8]) -> Option<Manifest> {
    let (object, packs) = object(bytes)?;
    let own = PackRef { id: ObjectId::of(&object), size: object.len() as u64 };
    let permitted: Vec<PackRef> = std::iter::once(own).chain(packs).collect();
    Manifest::load(&own.id, &permitted, &OneObject(own.id, object)).ok()
}

/// Encodes a manifest and loads it again; `None` when it is refused, as one whose unused blocks made its expansion look small.
pub fn round_trip(manifest: &Manifest) -> Option<Manifest> {
    let encoded = crate::manifest::encode(manifest.clone(), None, 1).ok()?;
    let id = encoded.object.id();
    let own = PackRef { id, size: encoded.object.size() };
    let permitted: Vec<PackRef> = std::iter::once(own).chain(encoded.manifest.packs.iter().copied()).collect();
    Some(
        Manifest::load(&id, &permitted, &OneObject(id, encoded.object.into_bytes()))
            .expect("what is written can be read"),
    )
}

/// A store that holds one object.
#[derive(Debug)]
struct OneObject(ObjectId, Vec<u8>);

impl ObjectSource for OneObject {
    fn read(&self, object: &ObjectId, range: Range<u64>) -> Result<Vec<u8>, TransferError> {
        let bytes = self.1.get(range.start as usize..range.end as usize).filter(|_| *object == self.0);
        bytes.map(<[u8]>::to_vec).ok_or(TransferError::Missing { object: *object })
    }
}

/// A store that holds nothing.
#[derive(Debug)]
pub struct Nothing;

impl ObjectSource for Nothing {
    fn read(&self, object: &ObjectId, _: Range<u64>) -> Result<Vec<u8>, TransferError> {
        Err(TransferError::Missing { object: *object })
    }
}
