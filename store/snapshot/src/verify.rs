//! Checks that everything a snapshot needs is in the store, and is what it should be.

use std::collections::{BTreeSet, HashSet};
use std::io;

use sci_hasher::Digest;
use sci_store_api::{ObjectId, ObjectSource};

use crate::manifest::{Block, Manifest};
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

/// Reads snapshots whole, one after the other, and what several of them share once. It keeps about fifty bytes for each chunk
/// that was found to be as it should be.
#[derive(Debug, Default)]
pub struct Verifier {
    packs: HashSet<ObjectId>,
    chunks: HashSet<Digest>,
}

impl Verifier {
    /// Checks the packs, blocks and chunks of a snapshot against their digests, and reads every byte of its packs for it that was
    /// not read for another one.
    ///
    /// # Errors
    /// [`SnapshotError`] only for what keeps the check itself from going on; damage is in the result.
    pub fn verify(&mut self, manifest: &Manifest, source: &dyn ObjectSource) -> Result<Damage> {
        let mut found = Found::default();
        let uses = uses(manifest);
        for (number, pack) in (0..).zip(&manifest.packs) {
            let begins = uses.partition_point(|used| used.pack < number);
            let ends = uses.partition_point(|used| used.pack <= number);
            let uses = &uses[begins..ends];
            if self.packs.contains(&pack.id) && uses.iter().all(|used| self.knows(manifest, used)) {
                continue;
            }
            match source.read(&pack.id, 0..pack.size) {
                Ok(bytes) => {
                    if ObjectId::of(&bytes) == pack.id {
                        self.packs.insert(pack.id);
                    } else {
                        found.damage.objects.push((pack.id, "its bytes do not have its SHA-256".to_owned()));
                    }
                    self.check_blocks(manifest, uses, &bytes, source, &mut found);
                }
                Err(error) => {
                    found.damage.objects.push((pack.id, error.to_string()));
                    let blocks = manifest.blocks.iter().enumerate().filter(|(_, block)| block.pack == number);
                    found.bad_blocks.extend(blocks.map(|(block, _)| block as u32));
                }
            }
        }
        Ok(found.with_files(manifest))
    }

    fn check_blocks(
        &mut self,
        manifest: &Manifest,
        uses: &[Use],
        bytes: &[u8],
        source: &dyn ObjectSource,
        found: &mut Found,
    ) {
        let mut unpacker = Unpacker::new();
        let mut raw = Vec::new();
        for uses in uses.chunk_by(|a, b| a.block == b.block) {
            let number = uses[0].block;
            let block = &manifest.blocks[number as usize];
            let stored = &bytes[block.offset as usize..][..block.stored as usize];
            if let Err(error) = unpacker.open(manifest, number, stored, source, &mut raw) {
                match error {
                    SnapshotError::Damaged { object, reason } => found.damage.blame(&object, reason),
                    // Only the block that this one leans on is read here.
                    error => found.damage.blame(&unpack::place(manifest, block.reference).0, error.to_string()),
                }
                found.bad_blocks.insert(number);
                continue;
            }
            for used in uses {
                let chunk = used.chunk(manifest);
                if chunk.is_some_and(|chunk| chunk.fits(&raw)) {
                    self.chunks.extend(chunk.map(|chunk| chunk.name(manifest)));
                } else {
                    let pack = &manifest.packs[used.pack as usize].id;
                    found.damage.blame(pack, "a content does not have its digest".to_owned());
                    found.damage.files.insert(manifest.tree.path(used.entry));
                }
            }
        }
    }

    /// Whether this chunk was read already, at this place of this pack.
    fn knows(&self, manifest: &Manifest, used: &Use) -> bool {
        used.chunk(manifest).is_some_and(|chunk| self.chunks.contains(&chunk.name(manifest)))
    }
}

/// What is known of one snapshot so far.
#[derive(Default)]
struct Found {
    damage: Damage,
    bad_blocks: BTreeSet<u32>,
}

impl Found {
    /// With every file that a bad block hurts.
    fn with_files(self, manifest: &Manifest) -> Damage {
        let Self { mut damage, bad_blocks } = self;
        for (index, _) in manifest.tree.entries() {
            if extents(manifest, index).iter().any(|extent| bad_blocks.contains(&extent.block)) {
                damage.files.insert(manifest.tree.path(index));
            }
        }
        damage
    }
}

/// That a file has a chunk in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    pack: u32,
    block: u32,
    entry: u32,
    /// Which of the file's extents it is.
    extent: u32,
}

impl Use {
    fn chunk<'m>(&self, manifest: &'m Manifest) -> Option<Chunk<'m>> {
        let (content, number) = (manifest.tree.content(self.entry)?, self.extent as usize);
        let extent = manifest.tree.extents(content).get(number)?;
        Some(Chunk { extent, digest: manifest.tree.chunk_digests(content).get(number)? })
    }
}

/// Who uses which block, block by block and pack by pack.
fn uses(manifest: &Manifest) -> Vec<Use> {
    let mut uses = Vec::new();
    for (entry, _) in manifest.tree.entries() {
        for (number, extent) in (0..).zip(extents(manifest, entry)).filter(|(_, extent)| !extent.is_hole()) {
            let pack = manifest.blocks[extent.block as usize].pack;
            uses.push(Use { pack, block: extent.block, entry, extent: number });
        }
    }
    uses.sort_unstable();
    uses
}

fn extents(manifest: &Manifest, entry: u32) -> &[Extent] {
    manifest.tree.content(entry).map(|content| manifest.tree.extents(content)).unwrap_or_default()
}

/// A part of a file, in an unpacked block.
#[derive(Clone, Copy)]
struct Chunk<'m> {
    extent: &'m Extent,
    digest: &'m Digest,
}

impl Chunk<'_> {
    fn fits(&self, raw: &[u8]) -> bool {
        let Extent { offset, length, .. } = *self.extent;
        Digest::of(&raw[offset as usize..][..length as usize]) == *self.digest
    }

    /// Tells it from every other claim of which bytes lie where.
    fn name(&self, manifest: &Manifest) -> Digest {
        let Extent { block, offset, length } = *self.extent;
        let footing = manifest.footing(block);
        let mut claim = Vec::with_capacity(256);
        // That of a block which stands alone names it twice, so that all are of one length.
        for number in [block, footing] {
            let Block { digest, pack, offset, stored, length, .. } = &manifest.blocks[number as usize];
            claim.extend_from_slice(manifest.packs[*pack as usize].id.as_bytes());
            claim.extend_from_slice(digest.as_bytes());
            claim.extend_from_slice(&offset.to_le_bytes());
            claim.extend_from_slice(&stored.to_le_bytes());
            claim.extend_from_slice(&length.to_le_bytes());
        }
        claim.extend_from_slice(&offset.to_le_bytes());
        claim.extend_from_slice(&length.to_le_bytes());
        claim.extend_from_slice(self.digest.as_bytes());
        Digest::of(&claim)
    }
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
