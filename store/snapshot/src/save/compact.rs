//! Bounds fragmentation: which blocks of the base are not worth citing any more.
//!
//! What lies in such a block and is still needed is read from the tree again and packed anew. Without this a snapshot
//! that is saved a thousand times would lean on a thousand packs, most of whose bytes nobody needs. Every rule is lazy:
//! while the whole is within its bound nothing moves, and beyond it no more than brings it back.
//!
//! Knows what is probably still needed, not what is: files are read only afterwards.

use std::collections::HashMap;

use crate::manifest::Manifest;
use crate::restore::{self, Length, Run};
use crate::tiers;
use crate::tree::{Extent, NONE};

/// Packs that any tree may lean on, whatever their size.
const PACKS: u64 = 8;
/// Compressed bytes that justify one more.
const PER_PACK: u64 = 8 << 20;
/// A restore may read this many twentieths of what is needed. What of the base is not needed any more is not all seen before
/// files are read, so this leaves room for a save that changes a tenth of the tree: it still reads less than 1.6 times that.
const READ: u64 = 27;
/// Beyond that it is brought down to this many, so that not every save has to pack something anew.
const DOWN_TO: u64 = 26;
/// The packs may be this many times as long as what is needed of them.
const CITED: u64 = 2;
/// One save packs at most this part of the tree anew …
const SHARE: u64 = 10;
/// … or a fifth, within these uncompressed bytes. By a tenth alone no pack of a small tree could come to hold more than that, so
/// there would be at least ten, and where that is nearly all that are allowed, every save would have to make one of them longer.
/// A tree of ten times the latter is allowed so many more that they are never nearly all.
const SMALL: (u64, u64) = (16 << 20, 32 << 20);
/// How often it is looked again at what would be read: what is given up leaves gaps that may be read all the same.
const PASSES: usize = 3;

/// Blocks that are given up, and those that are needed.
#[derive(Debug, Default)]
pub(crate) struct Stale {
    stale: Vec<bool>,
    kept: Vec<bool>,
}

impl Stale {
    /// Whether an extent lies in one that is given up.
    pub(crate) fn holds(&self, extent: &Extent) -> bool {
        self.stale.get(extent.block as usize).is_some_and(|stale| *stale)
    }

    /// Whether a block is one that is read anyway. What leans on another one would keep that, and its pack, in use.
    pub(crate) fn keeps(&self, block: u32) -> bool {
        self.kept.get(block as usize).is_none_or(|kept| *kept)
    }
}

/// Chooses blocks of `base` to be given up, when of its entries probably those `needed` are still as they were.
pub(crate) fn stale(base: &Manifest, needed: &[bool]) -> Stale {
    let mut survey = Survey::new(base, needed);
    survey.merge_packs();
    survey.leave_sparse_blocks();
    survey.leave_sparse_packs();
    let mut kept = vec![false; survey.stale.len()];
    survey.kept().for_each(|block| kept[block as usize] = true);
    Stale { stale: survey.stale, kept }
}

/// What is still needed of a block or a pack.
#[derive(Debug, Clone, Copy, Default)]
struct Need {
    /// Uncompressed bytes that the base's tree has there. What is packed anew cannot be more.
    held: u64,
    /// Uncompressed bytes that are probably still needed.
    raw: u64,
    /// What it takes stored, by each block's ratio.
    stored: u64,
}

impl Need {
    fn add(&mut self, other: Self) {
        self.held += other.held;
        self.raw += other.raw;
        self.stored += other.stored;
    }
}

struct Survey<'a> {
    base: &'a Manifest,
    /// By block.
    needs: Vec<Need>,
    /// Blocks in the order in which they are read.
    order: Vec<u32>,
    /// The blocks that lean on a block.
    leaning: HashMap<u32, Vec<u32>>,
    stale: Vec<bool>,
    /// What is needed of the whole, stored.
    live: u64,
    /// Uncompressed bytes that may still be packed anew.
    budget: u64,
}

impl<'a> Survey<'a> {
    fn new(base: &'a Manifest, needed: &[bool]) -> Self {
        let needs = needs(base, needed);
        let order = restore::order(base);
        let live = needs.iter().map(|need| need.stored).sum();
        let held = needs.iter().map(|need| need.held).sum::<u64>();
        let budget = (held / 5).clamp(SMALL.0, SMALL.1).max(held / SHARE);
        let mut leaning: HashMap<u32, Vec<u32>> = HashMap::new();
        for (number, block) in base.blocks.iter().enumerate().filter(|(_, block)| block.reference != NONE) {
            leaning.entry(block.reference).or_default().push(number as u32);
        }
        Self { base, stale: vec![false; needs.len()], needs, order, leaning, live, budget }
    }

    fn leaning(&self, block: u32) -> impl Iterator<Item = u32> + '_ {
        self.leaning.get(&block).into_iter().flatten().copied()
    }

    /// Gives up a block and those that lean on it, unless that would be more than one save should pack anew.
    fn leave(&mut self, block: u32) -> bool {
        let going = std::iter::once(block).chain(self.leaning(block));
        let going: Vec<u32> = going.filter(|at| !self.stale[*at as usize]).collect();
        let held: u64 = going.iter().map(|at| self.needs[*at as usize].held).sum();
        if held > self.budget {
            return false;
        }
        self.budget -= held;
        going.iter().for_each(|at| self.stale[*at as usize] = true);
        true
    }

    /// Whether a restore would still read the block for what is in it.
    fn is_needed(&self, block: u32) -> bool {
        self.needs[block as usize].raw > 0 && !self.stale[block as usize]
    }

    /// Blocks that a restore would still read, for what is in them or leans on them, in the order in which they are read.
    fn kept(&self) -> impl Iterator<Item = u32> + '_ {
        let is_kept = |at: &u32| self.is_needed(*at) || self.leaning(*at).any(|leaning| self.is_needed(leaning));
        self.order.iter().copied().filter(is_kept)
    }

    /// Packs of which something is kept, with their blocks, the smallest first.
    fn packs(&self) -> Vec<(Need, Vec<u32>)> {
        let mut kept: Vec<u32> = self.kept().collect();
        let pack = |block: &u32| self.base.blocks[*block as usize].pack;
        kept.sort_by_key(pack);
        let mut packs: Vec<(Need, Vec<u32>)> = kept
            .chunk_by(|a, b| pack(a) == pack(b))
            .map(|blocks| {
                let mut need = Need::default();
                blocks.iter().for_each(|block| need.add(self.needs[*block as usize]));
                (need, blocks.to_vec())
            })
            .collect();
        // The order of the table of blocks makes the choice, and so what is stored, certain.
        packs.sort_by_key(|(need, blocks)| (need.stored, blocks[0]));
        packs
    }

    /// Too many packs: the smallest are merged, as many as can be afforded and are worth it.
    fn merge_packs(&mut self) {
        let packs = self.packs();
        let too_many = (packs.len() as u64).saturating_sub(PACKS + self.live / PER_PACK);
        if too_many == 0 {
            return;
        }
        let mut held = 0;
        let affordable = packs.iter().map_while(|(need, _)| {
            held += need.held;
            (held <= self.budget).then_some(need.stored)
        });
        let merged = tiers::merged(affordable, too_many);
        for block in packs.iter().take(merged as usize).flat_map(|(_, blocks)| blocks) {
            self.leave(*block);
        }
    }

    /// Too much would be read in vain: the blocks of which least is needed are given up.
    fn leave_sparse_blocks(&mut self) {
        for pass in 0..PASSES {
            let mut read = 0;
            let mut blocks = Vec::new();
            for (block, cost) in self.costs() {
                let need = self.needs[block as usize].stored.min(cost);
                read += cost;
                blocks.push(((need << 20) / cost.max(1), block, cost - need));
            }
            if pass == 0 && read <= self.may_read(READ) {
                return;
            }
            let bound = self.may_read(DOWN_TO);
            blocks.sort_unstable();
            let mut given_up = false;
            for (_, block, waste) in blocks {
                if read <= bound {
                    break;
                }
                if waste > 0 && self.leave(block) {
                    read -= waste;
                    given_up = true;
                }
            }
            if !given_up {
                break;
            }
        }
    }

    /// What may be read of the blocks that are kept, if so many twentieths of what is needed may be read in all.
    fn may_read(&self, twentieths: u64) -> u64 {
        (self.live * twentieths / 20).saturating_sub(self.moved())
    }

    /// What is needed of the blocks given up, stored.
    fn moved(&self) -> u64 {
        self.needs.iter().zip(&self.stale).filter(|(_, stale)| **stale).map(|(need, _)| need.stored).sum()
    }

    /// What a restore reads for each block: its bytes, and those between it and the one before.
    fn costs(&self) -> Vec<(u32, u64)> {
        let mut run: Option<Run<'_>> = None;
        let cost = |at| match run.as_mut().and_then(|run| run.add(at)) {
            Some(cost) => (at, cost),
            None => {
                let (new, cost) = Run::new(self.base, Length::Far, at);
                run = Some(new);
                (at, cost)
            }
        };
        self.kept().map(cost).collect()
    }

    /// Too much of the packs is in vain: those of which least is needed are given up.
    fn leave_sparse_packs(&mut self) {
        let mut packs = self.packs();
        let size = |blocks: &[u32]| self.base.packs[self.base.blocks[blocks[0] as usize].pack as usize].size;
        let mut cited = packs.iter().map(|(_, blocks)| size(blocks)).sum::<u64>() + self.moved();
        packs.sort_by_key(|(need, blocks)| ((need.stored << 20) / size(blocks).max(1), blocks[0]));
        let sizes: Vec<u64> = packs.iter().map(|(_, blocks)| size(blocks)).collect();
        for ((need, blocks), size) in packs.into_iter().zip(sizes) {
            if cited <= self.live * CITED {
                break;
            }
            if need.held <= self.budget && blocks.iter().all(|block| self.leave(*block)) {
                cited -= size.saturating_sub(need.stored);
            }
        }
    }
}

/// What is needed of each block.
fn needs(base: &Manifest, needed: &[bool]) -> Vec<Need> {
    let tree = &base.tree;
    let data = |index| {
        let extents = tree.content(index).map(|content| tree.extents(content)).unwrap_or_default();
        extents.iter().filter(|extent| !extent.is_hole())
    };
    // Whether it is needed no more goes with the place in the block: that is far from filling a number.
    let mut extents = Vec::with_capacity(tree.len() as usize);
    for index in tree.files() {
        let gone = u32::from(!needed[index as usize]);
        extents.extend(data(index).map(|extent| (extent.block, extent.offset << 1 | gone, extent.length)));
    }
    extents.sort_unstable();
    // Of a content that several files have, the first is needed if any is.
    extents.dedup_by_key(|(block, offset, _)| (*block, *offset >> 1));
    let mut needs = vec![Need::default(); base.blocks.len()];
    for (block, offset, length) in extents {
        let need = &mut needs[block as usize];
        need.held += u64::from(length);
        need.raw += if offset & 1 == 1 { 0 } else { u64::from(length) };
    }
    for (number, need) in needs.iter_mut().enumerate() {
        // What leans on a block is worth what it would take without it, or else there would seem to be little that is needed.
        let block = &base.blocks[base.footing(number as u32) as usize];
        need.stored = need.raw * u64::from(block.stored) / u64::from(block.length.max(1));
    }
    needs
}

#[cfg(test)]
mod tests {
    use sci_hasher::Digest;
    use sci_store_api::ObjectId;

    use super::*;
    use crate::manifest::{Block, PackRef};
    use crate::tree::{Kind, Mtime, NONE, Tree};

    const MIB: u32 = 1 << 20;

    /// A snapshot of files of 1 MiB, each block with four of them, which do not compress; so many blocks to a pack.
    fn snapshot(blocks: u32, to_a_pack: u32) -> Manifest {
        let mut tree = Tree::default();
        tree.push(NONE, b"", Kind::Dir, 0o755, Mtime::default(), 0);
        for number in 0..blocks * 4 {
            let name = format!("{number:06}");
            let file = tree.push(0, name.as_bytes(), Kind::File, 0o644, Mtime::default(), u64::from(MIB));
            let extent = Extent { block: number / 4, offset: number % 4 * MIB, length: MIB };
            tree.set_content(file, Digest::of(name.as_bytes()), &[extent], &[]);
        }
        let block = |number: u32| Block {
            digest: Digest::of(&number.to_le_bytes()),
            reference: NONE,
            pack: number / to_a_pack,
            offset: u64::from(number % to_a_pack * 4 * MIB),
            stored: 4 * MIB,
            length: 4 * MIB,
        };
        let packs = (0..blocks.div_ceil(to_a_pack))
            .map(|number| PackRef { id: ObjectId::of(&number.to_le_bytes()), size: u64::from(to_a_pack * 4 * MIB) });
        Manifest { tree, blocks: (0..blocks).map(block).collect(), packs: packs.collect(), ..Manifest::default() }
    }

    fn given_up(base: &Manifest, needed: impl Fn(u32) -> bool) -> Vec<u32> {
        let needed: Vec<bool> = (0..base.tree.len()).map(|index| index > 0 && needed(index - 1)).collect();
        let Stale { stale, .. } = stale(base, &needed);
        (0..base.blocks.len() as u32).filter(|block| stale[*block as usize]).collect()
    }

    #[test]
    fn what_is_within_the_bounds_stays() {
        assert!(given_up(&snapshot(100, 10), |_| true).is_empty());
        // A quarter of the first half is gone: 100 blocks are read for 87 and a half.
        assert!(given_up(&snapshot(100, 10), |file| file >= 200 || file % 4 > 0).is_empty());
    }

    #[test]
    fn the_emptiest_blocks_go_first_and_no_more_than_needed() {
        // One file in four of some blocks, all of the others: of 20 such blocks, 100 are read for 85; of 36, 100 for 73.
        // With seven of these gone, 93 are read for 71 and a quarter.
        let base = snapshot(100, 10);
        let sparse = |file: u32, blocks: u32| file >= blocks * 4 || file.is_multiple_of(4);
        assert!(given_up(&base, |file| sparse(file, 20)).is_empty());
        let found = given_up(&base, |file| sparse(file, 36));
        assert!((6..=8).contains(&found.len()) && found.iter().all(|block| *block < 36), "{found:?}");
    }

    #[test]
    fn one_save_moves_at_most_a_tenth() {
        for (base, needed) in [(snapshot(100, 10), 2), (snapshot(100, 1), 1)] {
            let found = given_up(&base, |file| file % 4 < needed);
            assert!(!found.is_empty() && found.len() <= 10, "{found:?}");
        }
    }

    #[test]
    fn a_small_tree_may_be_moved_whole() {
        assert!(given_up(&snapshot(4, 4), |file| file % 4 == 0).len() > 2);
    }

    #[test]
    fn too_many_packs_are_merged() {
        // 60 blocks of 4 MiB allow 8 + 30 packs.
        let found = given_up(&snapshot(60, 1), |_| true);
        assert_eq!(found.len(), 8, "as many as may be moved");
        assert!(given_up(&snapshot(60, 2), |_| true).is_empty());
    }

    #[test]
    fn what_is_read_in_vain_between_blocks_counts() {
        // Every second of many short blocks is needed, and what lies between is read all the same.
        let mut base = snapshot(100, 100);
        for (number, block) in base.blocks.iter_mut().enumerate() {
            (block.stored, block.offset) = (100 << 10, number as u64 * (100 << 10));
        }
        base.packs[0].size = 100 * (100 << 10);
        assert!(!given_up(&base, |file| file / 4 % 2 == 0).is_empty());
    }
}
