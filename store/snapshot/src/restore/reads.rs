//! Which blocks are read with one request: the rule of every restore, and what a whole one comes to.

use std::ops::Range;

use sci_store_api::ObjectId;

use crate::manifest::{Block, Manifest};
use crate::tree::NONE;
use crate::unpack::place;

/// Neighbouring blocks are read together over gaps up to this length. Bytes.
const GAP: u64 = 256 << 10;

/// How much is read with one request, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// From afar: few requests, since each goes the whole way.
    Far = 8 << 20,
    /// From a disk: little pieces, since each is the work of one thread, and the last of them that of the last thread.
    Near = 1 << 20,
}

/// What is read with one request: an object, and which of its bytes.
pub(crate) type Wanted = (ObjectId, Range<u64>);

/// Blocks that are read together: neighbours in a pack, and what leans on them, wherever that lies.
pub(crate) struct Run<'a> {
    manifest: &'a Manifest,
    most: u64,
    first: &'a Block,
    last: &'a Block,
    /// The end of the bytes that are read. In a forged manifest blocks may overlap: the last need not end last.
    end: u64,
    leaning: Vec<u32>,
    /// Bytes of what leans on the neighbours.
    beside: u64,
}

impl<'a> Run<'a> {
    /// A run of one block, and of what that leans on; and how many bytes are read for it.
    pub(crate) fn new(manifest: &'a Manifest, length: Length, number: u32) -> (Self, u64) {
        let first = &manifest.blocks[manifest.footing(number) as usize];
        let (end, leaning) = (first.range().end, Vec::new());
        let most = length as u64;
        let mut run = Self { manifest, most, first, last: first, end, leaning, beside: 0 };
        let cost = u64::from(first.stored) + run.lean(number);
        (run, cost)
    }

    /// Adds a block, and says how many bytes more are read; `None` if it is not read with them. The blocks come in
    /// [`order`].
    pub(crate) fn add(&mut self, number: u32) -> Option<u64> {
        let block = &self.manifest.blocks[number as usize];
        let next = &self.manifest.blocks[self.manifest.footing(number) as usize];
        // Wherever it is read from: in another run what these lean on would be unpacked once more.
        let is_full = block.reference != NONE && self.beside + u64::from(block.stored) > Length::Far as u64;
        if is_full || next != self.last && !self.together(self.first, self.last, next) {
            return None;
        }
        let end = self.end.max(next.range().end);
        let cost = end - self.end;
        (self.last, self.end) = (next, end);
        Some(cost + self.lean(number))
    }

    fn lean(&mut self, number: u32) -> u64 {
        let block = &self.manifest.blocks[number as usize];
        if block.reference == NONE || self.leaning.last() == Some(&number) {
            return 0;
        }
        self.leaning.push(number);
        self.beside += u64::from(block.stored);
        u64::from(block.stored)
    }

    /// Whether `next`, which does not lie before `last`, is read with the blocks from `first` to `last`.
    fn together(&self, first: &Block, last: &Block, next: &Block) -> bool {
        next.pack == last.pack && next.offset <= last.range().end + GAP && next.range().end <= first.offset + self.most
    }

    /// What is read: the neighbours, then what leans on them.
    pub(crate) fn reads(&self) -> Vec<Wanted> {
        let mut reads = vec![(self.manifest.packs[self.first.pack as usize].id, self.first.offset..self.end)];
        let mut leaning = self.leaning.clone();
        leaning.sort_unstable_by_key(|number| by_place(self.manifest, *number));
        let mut run: Option<(&Block, &Block)> = None;
        for number in leaning {
            let block = &self.manifest.blocks[number as usize];
            match (run, reads.last_mut()) {
                (Some((first, last)), Some((_, range))) if self.together(first, last, block) => {
                    range.end = range.end.max(block.range().end);
                    run = Some((first, block));
                }
                _ => {
                    reads.push(place(self.manifest, number));
                    run = Some((block, block));
                }
            }
        }
        reads
    }
}

fn by_place(manifest: &Manifest, number: u32) -> (u32, u64) {
    let block = &manifest.blocks[number as usize];
    (block.pack, block.offset)
}

/// The blocks in the order in which they are read: that of the packs, but what leans on a block comes right behind it.
pub(crate) fn order(manifest: &Manifest) -> Vec<u32> {
    let mut order: Vec<u32> = (0..manifest.blocks.len() as u32).collect();
    order.sort_by_cached_key(|number| {
        let leans = manifest.blocks[*number as usize].reference != NONE;
        (by_place(manifest, manifest.footing(*number)), leans, by_place(manifest, *number))
    });
    order
}

/// For each block its place in that order.
pub(crate) fn ranks(manifest: &Manifest) -> Vec<u32> {
    let mut ranks = vec![0; manifest.blocks.len()];
    for (rank, number) in order(manifest).into_iter().enumerate() {
        ranks[number as usize] = rank as u32;
    }
    ranks
}

/// Whether a read gives these bytes too.
pub(crate) fn holds((object, read): &Wanted, wanted: &ObjectId, range: &Range<u64>) -> bool {
    object == wanted && read.start <= range.start && range.end <= read.end
}

/// The ranges of packs that a restore into an empty directory reads from afar.
pub fn reads(manifest: &Manifest) -> Vec<(ObjectId, Range<u64>)> {
    let mut used = vec![false; manifest.blocks.len()];
    for content in manifest.tree.entries().filter_map(|(index, _)| manifest.tree.content(index)) {
        for extent in manifest.tree.extents(content).iter().filter(|extent| !extent.is_hole()) {
            used[extent.block as usize] = true;
        }
    }
    let blocks: Vec<u32> = order(manifest).into_iter().filter(|number| used[*number as usize]).collect();
    runs(manifest, Length::Far, &blocks, |number| *number).iter().flat_map(|(_, run)| run.reads()).collect()
}

/// Cuts what is read, in [`order`], into what is read together.
pub(crate) fn runs<'a, 'm, T>(
    manifest: &'m Manifest,
    length: Length,
    all: &'a [T],
    block: impl Fn(&T) -> u32,
) -> Vec<(&'a [T], Run<'m>)> {
    let mut runs = Vec::new();
    let (mut start, mut run) = (0, None::<Run<'_>>);
    for (at, one) in all.iter().enumerate() {
        if run.as_mut().and_then(|run| run.add(block(one))).is_none() {
            let done = run.replace(Run::new(manifest, length, block(one)).0);
            runs.extend(done.map(|run| (&all[start..at], run)));
            start = at;
        }
    }
    runs.extend(run.map(|run| (&all[start..], run)));
    runs
}
