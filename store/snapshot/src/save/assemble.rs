//! Puts what was read, in tree order, into blocks; what is known already is cited instead.

use std::collections::{BTreeSet, HashMap};

use blake3::hazmat::{ChainingValue, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root};
use sci_hasher::Digest;

use super::read::{Chunk, Piece, ReadUnit, Share};
use crate::Result;
use crate::block::RawBlock;
use crate::limits::{BLOCK, STRIDE};
use crate::manifest::Manifest;
use crate::pool::Middle;
use crate::tree::{Extent, NONE, Tree};

/// A file whose parts have not all come yet.
struct Partial {
    entry: u32,
    shares: Vec<ChainingValue>,
    extents: Vec<Extent>,
    chunks: Vec<Digest>,
}

/// A file whose content is placed.
struct Placed {
    entry: u32,
    digest: Digest,
    extents: Vec<Extent>,
    chunks: Vec<Digest>,
}

/// Deduplicates and fills blocks. Blocks of the base come first in the numbering.
pub(crate) struct Assembler {
    known: HashMap<Digest, Extent>,
    block: Vec<u8>,
    number: u32,
    partial: Option<Partial>,
    placed: Vec<Placed>,
    torn: Vec<u32>,
}

impl Assembler {
    /// Starts with everything that the base holds, but for what lies in the packs `stale`.
    pub(crate) fn new(base: Option<&Manifest>, stale: &BTreeSet<u32>) -> Self {
        let mut known = HashMap::new();
        let number = base.map_or(0, |base| base.blocks.len() as u32);
        if let Some(base) = base {
            let tree = &base.tree;
            known.reserve(tree.len() as usize);
            for content in tree.entries().filter_map(|(index, _)| tree.content(index)) {
                let places = tree.chunk_digests(content).iter().zip(tree.extents(content));
                let lasting = places.filter(|(_, extent)| !extent.is_hole() && !base.is_in(extent, stale));
                known.extend(lasting.map(|(digest, extent)| (*digest, *extent)));
            }
        }
        Self { known, block: Vec::new(), number, partial: None, placed: Vec::new(), torn: Vec::new() }
    }

    /// Writes the contents placed so far into the tree; returns the files that must be read again.
    pub(crate) fn apply(&mut self, tree: &mut Tree) -> Vec<u32> {
        for placed in self.placed.drain(..) {
            tree.set_content(placed.entry, placed.digest, &placed.extents, &placed.chunks);
        }
        self.torn.sort_unstable();
        self.torn.dedup();
        std::mem::take(&mut self.torn)
    }

    /// Cites the content, or puts it into the current block.
    fn place(&mut self, digest: Digest, bytes: &[u8], emit: &mut dyn FnMut(RawBlock)) -> Extent {
        // Equal digests of different lengths cannot be, but an extent must never be longer than what was read.
        if let Some(place) = self.known.get(&digest).filter(|place| place.length as usize == bytes.len()) {
            return *place;
        }
        if self.block.len() + bytes.len() > BLOCK {
            self.close(emit);
        }
        let place = Extent { block: self.number, offset: self.block.len() as u32, length: bytes.len() as u32 };
        self.block.extend_from_slice(bytes);
        self.known.insert(digest, place);
        place
    }

    fn close(&mut self, emit: &mut dyn FnMut(RawBlock)) {
        if !self.block.is_empty() {
            emit(RawBlock(std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK))));
            self.number += 1;
        }
    }

    fn part(
        &mut self,
        (entry, size): (u32, u64),
        chunks: &[Chunk],
        share: Share,
        mut bytes: &[u8],
        emit: &mut dyn FnMut(RawBlock),
    ) {
        let fresh = || Partial { entry, shares: Vec::new(), extents: Vec::new(), chunks: Vec::new() };
        let mut partial = self.partial.take().filter(|partial| partial.entry == entry).unwrap_or_else(fresh);
        for chunk in chunks {
            if chunk.hole {
                partial.extents.push(Extent { block: NONE, offset: 0, length: chunk.length });
            } else {
                let (content, rest) = bytes.split_at(chunk.length as usize);
                bytes = rest;
                partial.extents.push(self.place(chunk.digest, content, emit));
            }
            partial.chunks.push(chunk.digest);
        }
        let digest = match share {
            Share::All(digest) => Some(digest),
            Share::Subtree(value) => {
                partial.shares.push(value);
                (partial.shares.len() as u64 == size.div_ceil(STRIDE)).then(|| merge(&partial.shares, size))
            }
        };
        match digest {
            None => self.partial = Some(partial),
            Some(digest) => {
                let Partial { entry, extents, chunks, .. } = partial;
                self.placed.push(Placed { entry, digest, extents, chunks });
            }
        }
    }
}

/// The BLAKE3 of a file from the chaining values of its strides.
fn merge(shares: &[ChainingValue], size: u64) -> Digest {
    let (left, right, _) = halves(shares, size);
    merge_subtrees_root(&left, &right, Mode::Hash).into()
}

fn halves(shares: &[ChainingValue], size: u64) -> (ChainingValue, ChainingValue, u64) {
    let left = left_subtree_len(size);
    let (before, after) = shares.split_at((left / STRIDE) as usize);
    (subtree(before, left), subtree(after, size - left), left)
}

fn subtree(shares: &[ChainingValue], size: u64) -> ChainingValue {
    match shares {
        [only] => *only,
        _ => {
            let (left, right, _) = halves(shares, size);
            merge_subtrees_non_root(&left, &right, Mode::Hash)
        }
    }
}

impl Middle<ReadUnit, RawBlock> for Assembler {
    fn take(&mut self, unit: ReadUnit, emit: &mut dyn FnMut(RawBlock)) -> Result<()> {
        let mut rest = unit.bytes.as_slice();
        self.torn.extend(&unit.torn);
        for piece in &unit.pieces {
            match piece {
                Piece::Whole { entry, digest, length } => {
                    let (content, after) = rest.split_at(*length as usize);
                    rest = after;
                    let extents = match content {
                        [] => Vec::new(),
                        content => vec![self.place(*digest, content, emit)],
                    };
                    self.placed.push(Placed { entry: *entry, digest: *digest, extents, chunks: vec![*digest] });
                }
                // A large file is all that its unit holds.
                Piece::Part { entry, size, chunks, share } => self.part((*entry, *size), chunks, *share, rest, emit),
            }
        }
        Ok(())
    }

    fn finish(&mut self, emit: &mut dyn FnMut(RawBlock)) -> Result<()> {
        self.partial = None;
        self.close(emit);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use blake3::hazmat::HasherExt as _;

    use super::*;

    #[test]
    fn the_merged_digest_is_the_files_blake3() {
        for size in [STRIDE + 1, 2 * STRIDE, 2 * STRIDE + 17, 3 * STRIDE, 5 * STRIDE + 4096] {
            let content: Vec<u8> = (0..size).map(|at| (at * 31 % 251) as u8).collect();
            let shares: Vec<_> = content
                .chunks(STRIDE as usize)
                .enumerate()
                .map(|(number, part)| {
                    let mut hasher = blake3::Hasher::new();
                    hasher.set_input_offset(number as u64 * STRIDE);
                    hasher.update(part);
                    hasher.finalize_non_root()
                })
                .collect();
            assert_eq!(merge(&shares, size), Digest::of(&content), "{size} bytes");
        }
    }
}
