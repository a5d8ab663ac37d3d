//! Puts what was read, in tree order, into blocks; what is known already is cited instead.

use blake3::hazmat::{ChainingValue, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root};
use sci_hasher::Digest;

use super::ancestors::Ancestors;
use super::known::KnownChunks;
use super::read::{Chunk, Piece, ReadUnit, Share};
use crate::Result;
use crate::block::RawBlock;
use crate::limits::{BLOCK, STRIDE};
use crate::pool::Middle;
use crate::tree::{Contents, Extent, NONE, Tree};

/// A file whose parts have not all come yet.
struct Partial {
    entry: u32,
    shares: Vec<ChainingValue>,
    /// Its first part among those of all contents.
    first: usize,
}

/// Deduplicates and fills blocks. Blocks of the base come first in the numbering.
pub(crate) struct Assembler {
    contents: Contents,
    known: KnownChunks,
    ancestors: Ancestors,
    block: RawBlock,
    number: u32,
    partial: Option<Partial>,
    /// The first content that is added to those borrowed. Files come in tree order, and each that is not torn gives one.
    first: u32,
    torn: Vec<u32>,
}

impl Assembler {
    /// Starts with the chunks that may be cited, and what the files resemble; the first new block has the given number.
    pub(crate) fn new(known: KnownChunks, ancestors: Ancestors, number: u32) -> Self {
        Self {
            contents: Contents::default(),
            known,
            ancestors,
            block: RawBlock { bytes: Vec::new(), resembles: NONE },
            number,
            partial: None,
            first: 0,
            torn: Vec::new(),
        }
    }

    /// Borrows the tree's contents, until [`Assembler::apply`], to add to them.
    pub(crate) fn borrow(&mut self, tree: &mut Tree) {
        self.contents = tree.take_contents();
        self.first = self.contents.len();
    }

    /// Gives the tree its contents back, with those of the `files` that came since; returns those that must be read again.
    pub(crate) fn apply(&mut self, tree: &mut Tree, files: &[u32]) -> Vec<u32> {
        self.torn.sort_unstable();
        self.torn.dedup();
        let torn = std::mem::take(&mut self.torn);
        let mut left_out = torn.iter().peekable();
        let came = files.iter().copied().filter(|file| left_out.next_if(|torn| *torn == file).is_none());
        tree.give_contents(std::mem::take(&mut self.contents), came.zip(self.first..));
        torn
    }

    /// Where the content lies already.
    fn find(&self, digest: &Digest, length: usize) -> Option<Extent> {
        // Equal digests of different lengths cannot be, but an extent must never be longer than what was read.
        self.known.find(&self.contents, digest).filter(|place| place.length as usize == length)
    }

    /// Puts what the file holds from byte `at` on into the current block, or into a new one if that resembles something else.
    fn put(&mut self, (file, at): (u32, u64), bytes: &[u8], emit: &mut dyn FnMut(RawBlock)) -> Extent {
        let resembles = self.ancestors.block(&self.contents, file, at);
        let is_other = resembles != NONE && resembles != self.block.resembles;
        if is_other || self.block.bytes.len() + bytes.len() > BLOCK {
            self.close(emit);
        }
        if self.block.bytes.is_empty() {
            self.block.resembles = resembles;
        }
        let offset = self.block.bytes.len() as u32;
        self.block.bytes.extend_from_slice(bytes);
        Extent { block: self.number, offset, length: bytes.len() as u32 }
    }

    fn close(&mut self, emit: &mut dyn FnMut(RawBlock)) {
        if !self.block.bytes.is_empty() {
            let next = RawBlock { bytes: Vec::with_capacity(BLOCK), resembles: NONE };
            emit(std::mem::replace(&mut self.block, next));
            self.number += 1;
        }
    }

    fn whole(&mut self, file: u32, digest: Digest, bytes: &[u8], emit: &mut dyn FnMut(RawBlock)) {
        let known = self.find(&digest, bytes.len());
        if bytes.is_empty() || known.is_some() {
            self.contents.push_whole(digest, known);
            return;
        }
        let place = self.put((file, 0), bytes, emit);
        let content = self.contents.push_whole(digest, Some(place));
        self.contents.chunks_of(content).for_each(|at| self.known.insert(&self.contents, at));
    }

    fn chunk(&mut self, from: (u32, u64), digest: Digest, bytes: &[u8], emit: &mut dyn FnMut(RawBlock)) {
        if let Some(place) = self.find(&digest, bytes.len()) {
            self.contents.push_part(digest, place);
            return;
        }
        let place = self.put(from, bytes, emit);
        let at = self.contents.push_part(digest, place);
        self.known.insert(&self.contents, at);
    }

    fn part(
        &mut self,
        (entry, size): (u32, u64),
        chunks: &[Chunk],
        share: Share,
        mut bytes: &[u8],
        emit: &mut dyn FnMut(RawBlock),
    ) {
        let first = self.contents.parts();
        let fresh = || Partial { entry, shares: Vec::new(), first };
        let mut partial = self.partial.take().filter(|partial| partial.entry == entry).unwrap_or_else(fresh);
        let mut at = partial.shares.len() as u64 * STRIDE;
        for chunk in chunks {
            if chunk.hole {
                let hole = Extent { block: NONE, offset: 0, length: chunk.length };
                self.contents.push_part(chunk.digest, hole);
            } else {
                let (content, rest) = bytes.split_at(chunk.length as usize);
                bytes = rest;
                self.chunk((entry, at), chunk.digest, content, emit);
            }
            at += u64::from(chunk.length);
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
            Some(digest) => drop(self.contents.push_parts(digest, partial.first)),
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
                    self.whole(*entry, *digest, content, emit);
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
