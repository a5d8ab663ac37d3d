//! Which blocks are read with one request: the rule of every restore, and what a whole one comes to.

use std::ops::Range;

use sci_store_api::ObjectId;

use crate::manifest::{Block, Manifest};

/// Neighbouring blocks are read together up to this length, over gaps up to that. Bytes.
const READ: (u64, u64) = (8 << 20, 256 << 10);

/// Whether `next`, which does not lie before `last`, is read with the run of blocks from `first` to `last`.
pub(crate) fn together(first: &Block, last: &Block, next: &Block) -> bool {
    let end = last.offset + u64::from(last.stored);
    next == last
        || next.pack == last.pack
            && next.offset <= end + READ.1
            && next.offset + u64::from(next.stored) <= first.offset + READ.0
}

/// The ranges of packs that a restore into an empty directory reads.
pub fn reads(manifest: &Manifest) -> Vec<(ObjectId, Range<u64>)> {
    let mut used = vec![false; manifest.blocks.len()];
    for content in manifest.tree.entries().filter_map(|(index, _)| manifest.tree.content(index)) {
        for extent in manifest.tree.extents(content).iter().filter(|extent| !extent.is_hole()) {
            used[extent.block as usize] = true;
        }
    }
    let mut blocks: Vec<&Block> =
        manifest.blocks.iter().zip(used).filter_map(|(block, used)| used.then_some(block)).collect();
    blocks.sort_unstable_by_key(|block| (block.pack, block.offset));
    let mut reads: Vec<(ObjectId, Range<u64>)> = Vec::new();
    let mut run: Option<(&Block, &Block)> = None;
    for block in blocks {
        let end = block.offset + u64::from(block.stored);
        match (run, reads.last_mut()) {
            (Some((first, last)), Some((_, range))) if together(first, last, block) => {
                range.end = range.end.max(end);
                run = Some((first, block));
            }
            _ => {
                reads.push((manifest.packs[block.pack as usize].id, block.offset..end));
                run = Some((block, block));
            }
        }
    }
    reads
}
