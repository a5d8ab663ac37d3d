//! Which chunks are stored already: a table of places, four bytes each, that leaves the digests where they are.

use hashbrown::HashTable;
use sci_hasher::Digest;

use super::compact::Stale;
use crate::manifest::Manifest;
use crate::tree::{ChunkAt, Contents, Extent};

/// Finds chunks by their digests. Every call must be given the contents that the places were taken from.
#[derive(Debug, Default)]
pub(super) struct KnownChunks(HashTable<ChunkAt>);

impl KnownChunks {
    /// All chunks of `base`, whose contents are `contents` now, but holes and what is stale; with room for `more`, which are to come:
    /// where none are, nothing is looked for.
    pub(super) fn of_base(base: &Manifest, contents: &Contents, stale: &Stale, more: usize) -> Self {
        if more == 0 {
            return Self::default();
        }
        let mut known = Self(HashTable::with_capacity(base.tree.len() as usize + more));
        for at in base.tree.files().flat_map(|index| contents.chunks_of(base.tree.entry(index).content)) {
            let (_, place) = contents.chunk(at);
            if !place.is_hole() && !stale.holds(&place) {
                known.insert(contents, at);
            }
        }
        known
    }

    /// Adds a chunk; one with the same digest that came earlier stays.
    pub(super) fn insert(&mut self, contents: &Contents, at: ChunkAt) {
        let digest = *contents.chunk(at).0;
        let is_same = |known: &ChunkAt| *contents.chunk(*known).0 == digest;
        if let hashbrown::hash_table::Entry::Vacant(slot) =
            self.0.entry(hash(&digest), is_same, |known| hash(contents.chunk(*known).0))
        {
            slot.insert(at);
        }
    }

    /// Where the chunk lies.
    pub(super) fn find(&self, contents: &Contents, digest: &Digest) -> Option<Extent> {
        let at = self.0.find(hash(digest), |known| contents.chunk(*known).0 == digest)?;
        Some(contents.chunk(*at).1)
    }
}

/// A digest is as good as random everywhere.
fn hash(digest: &Digest) -> u64 {
    let bytes = digest.as_bytes();
    u64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
}
