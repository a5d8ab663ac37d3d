//! Checks that everything a snapshot needs is in the store, and is what it should be.

use std::collections::BTreeSet;
use std::io;

use sci_hasher::Digest;
use sci_store_api::{ObjectId, ObjectSource};

use crate::manifest::Manifest;
use crate::tree::Extent;
use crate::unpack::{self, Unpacker};
use crate::{Result, SnapshotError};

/// What is wrong with a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage {
    /// Objects that are missing or damaged, each with what does not fit.
    pub objects: Vec<(ObjectId, String)>,
    /// Files that can therefore not be restored: paths relative to the tree's root.
    pub files: BTreeSet<Vec<u8>>,
}

impl Damage {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.objects.is_empty() && self.files.is_empty()
    }

    /// Notes what is wrong with an object, once.
    fn blame(&mut self, object: &ObjectId, reason: String) {
        if self.objects.iter().all(|(known, _)| known != object) {
            self.objects.push((*object, reason));
        }
    }
}

/// Reads every byte of the snapshot's packs, and checks packs, blocks and chunks against their digests.
///
/// # Errors
/// [`SnapshotError`] only for what keeps the check itself from going on; damage is in the result.
pub fn verify(manifest: &Manifest, source: &dyn ObjectSource) -> Result<Damage> {
    let mut damage = Damage::default();
    let mut bad_blocks = BTreeSet::new();
    for (number, pack) in manifest.packs.iter().enumerate() {
        match source.read(&pack.id, 0..pack.size) {
            Ok(bytes) => {
                if ObjectId::of(&bytes) != pack.id {
                    damage.objects.push((pack.id, "its bytes do not have its SHA-256".to_owned()));
                }
                let pack = (number as u32, bytes.as_slice());
                check_blocks(manifest, pack, source, &mut damage, &mut bad_blocks);
            }
            Err(error) => {
                damage.objects.push((pack.id, error.to_string()));
                let blocks = manifest.blocks.iter().enumerate().filter(|(_, block)| block.pack == number as u32);
                bad_blocks.extend(blocks.map(|(block, _)| block as u32));
            }
        }
    }
    for (index, _) in manifest.tree.entries() {
        let extents = manifest.tree.content(index).map(|content| manifest.tree.extents(content)).unwrap_or_default();
        if extents.iter().any(|extent| bad_blocks.contains(&extent.block)) {
            damage.files.insert(manifest.tree.path(index));
        }
    }
    Ok(damage)
}

fn check_blocks(
    manifest: &Manifest,
    (pack, bytes): (u32, &[u8]),
    source: &dyn ObjectSource,
    damage: &mut Damage,
    bad: &mut BTreeSet<u32>,
) {
    let mut unpacker = Unpacker::new();
    let mut raw = Vec::new();
    let mut by_block: Vec<(u32, u32)> = Vec::new();
    for (index, _) in manifest.tree.entries() {
        let extents = manifest.tree.content(index).map(|content| manifest.tree.extents(content)).unwrap_or_default();
        let here = extents.iter().filter(|extent| !extent.is_hole());
        let here = here.filter(|extent| manifest.blocks[extent.block as usize].pack == pack);
        by_block.extend(here.map(|extent| (extent.block, index)));
    }
    by_block.sort_unstable();
    by_block.dedup();
    for group in by_block.chunk_by(|a, b| a.0 == b.0) {
        let number = group[0].0;
        let block = &manifest.blocks[number as usize];
        let stored = &bytes[block.offset as usize..][..block.stored as usize];
        if let Err(error) = unpacker.open(manifest, number, stored, source, &mut raw) {
            match error {
                SnapshotError::Damaged { object, reason } => damage.blame(&object, reason),
                // Only the block that this one leans on is read here.
                error => damage.blame(&unpack::place(manifest, block.reference).0, error.to_string()),
            }
            bad.insert(number);
            continue;
        }
        for (_, index) in group {
            if !contents_fit(manifest, *index, number, &raw) {
                damage.blame(&manifest.packs[pack as usize].id, "a content does not have its digest".to_owned());
                damage.files.insert(manifest.tree.path(*index));
            }
        }
    }
}

fn contents_fit(manifest: &Manifest, index: u32, block: u32, raw: &[u8]) -> bool {
    let Some(content) = manifest.tree.content(index) else { return true };
    let places = manifest.tree.extents(content).iter().zip(manifest.tree.chunk_digests(content));
    let fits = |(extent, digest): (&Extent, &Digest)| {
        extent.block != block || Digest::of(&raw[extent.offset as usize..][..extent.length as usize]) == *digest
    };
    places.into_iter().all(fits)
}

/// Reads one file of a snapshot.
///
/// # Errors
/// [`SnapshotError::Transfer`] or [`SnapshotError::Damaged`]; [`SnapshotError::Io`] when `into` fails.
pub fn read_file(manifest: &Manifest, index: u32, source: &dyn ObjectSource, into: &mut dyn io::Write) -> Result<()> {
    let Some(content) = manifest.tree.content(manifest.tree.resolve(index)) else { return Ok(()) };
    let mut unpacker = Unpacker::new();
    let mut raw = Vec::new();
    let mut open = None;
    for (extent, digest) in manifest.tree.extents(content).iter().zip(manifest.tree.chunk_digests(content)) {
        let written = if extent.is_hole() {
            io::copy(&mut io::Read::take(io::repeat(0), u64::from(extent.length)), into).map(drop)
        } else {
            if open != Some(extent.block) {
                unpacker.read(manifest, extent.block, source, &mut raw)?;
                open = Some(extent.block);
            }
            let bytes = &raw[extent.offset as usize..][..extent.length as usize];
            if Digest::of(bytes) != *digest {
                let (pack, _) = unpack::place(manifest, extent.block);
                return Err(SnapshotError::damaged(&pack, "a content does not have its digest"));
            }
            into.write_all(bytes)
        };
        written.map_err(|error| SnapshotError::io("write", "the output", error))?;
    }
    Ok(())
}
