//! Bounds fragmentation: which packs of the base are not worth citing any more.
//!
//! What lies in such a pack and is still needed is read from the tree again and packed anew. Without this a snapshot
//! that is saved a thousand times would lean on a thousand packs, most of whose bytes nobody needs.

use std::collections::{BTreeSet, HashMap};

use crate::manifest::Manifest;

/// Packs that any tree may lean on, whatever their size.
const PACKS: u64 = 8;
/// Compressed bytes that justify one more.
const PER_PACK: u64 = 8 << 20;
/// One save packs at most this part of the tree anew.
const SHARE: u64 = 10;

/// Chooses packs of `base` to be given up, when of its entries the files `kept` are kept as they are.
pub(crate) fn stale(base: &Manifest, kept: impl Iterator<Item = u32>) -> BTreeSet<u32> {
    let live = live_bytes(base, kept);
    let mut budget = live.values().map(|pack| pack.raw).sum::<u64>() / SHARE;
    let stored: u64 = live.values().map(|pack| pack.stored).sum();
    let mut packs: Vec<(u32, Live)> = live.into_iter().collect();
    // The cheapest first; the index makes the order, and so what is stored, certain.
    packs.sort_unstable_by_key(|(pack, live)| (live.raw, *pack));
    let mut left = packs.len() as u64;
    let limit = PACKS + stored / PER_PACK;
    let mut given_up = BTreeSet::new();
    for only_sparse in [true, false] {
        for (pack, live) in &packs {
            let sparse = live.stored * 2 < base.packs[*pack as usize].size;
            let wanted = if only_sparse { sparse } else { left > limit };
            if wanted && live.raw <= budget && given_up.insert(*pack) {
                budget -= live.raw;
                left -= 1;
            }
        }
    }
    given_up
}

/// What is still needed of a pack, in bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Live {
    raw: u64,
    /// The part of the pack's own length that this is, by each block's ratio.
    stored: u64,
}

fn live_bytes(base: &Manifest, kept: impl Iterator<Item = u32>) -> HashMap<u32, Live> {
    let mut extents: Vec<(u32, u32, u32)> = kept
        .filter_map(|index| base.tree.content(index))
        .flat_map(|content| base.tree.extents(content))
        .filter(|extent| !extent.is_hole())
        .map(|extent| (extent.block, extent.offset, extent.length))
        .collect();
    extents.sort_unstable();
    extents.dedup();
    let mut live: HashMap<u32, Live> = HashMap::new();
    for (number, _, length) in extents {
        let block = &base.blocks[number as usize];
        let pack = live.entry(block.pack).or_default();
        pack.raw += u64::from(length);
        pack.stored += u64::from(length) * u64::from(block.stored) / u64::from(block.length.max(1));
    }
    live
}
