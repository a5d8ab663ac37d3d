//! Fetches blocks and writes the files they hold: read, check, unpack, check, write, on every thread.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use sci_store_api::{ObjectId, ObjectSource, TransferError};

use super::Task;
use super::ahead::Ahead;
use super::plan::Plan;
use super::reads::{self, Length, Wanted, holds};
use super::stage::Stage;
use super::write::{Part, Writer};
use crate::local::Receipt;
use crate::manifest::Manifest;
use crate::progress::go_on;
use crate::tree::{Extent, NONE, Tree};
use crate::unpack::{Unpacker, place};
use crate::{Result, SnapshotError};

/// Entries without content that one job makes.
const LIGHT: usize = 256;

/// Builds every staged entry but hard links, and notes receipts of the files.
pub(crate) fn contents(
    task: &Task<'_>,
    plan: &Plan,
    stage: &Stage,
    threads: usize,
    source: &dyn ObjectSource,
    receipts: &mut [Receipt],
) -> Result<()> {
    let manifest = &task.manifest;
    let Pieces { places, light, pending } = Pieces::new(manifest, plan);
    let readers = source.reads_at_once();
    let far = readers > 1;
    let batches = batches(manifest, if far { Length::Far } else { Length::Near }, &places);
    let light: Vec<&[u32]> = light.chunks(LIGHT).collect();
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let outcome = Mutex::new((receipts, None));
    let wanted = if far { batches.iter().map(|batch| batch.reads.as_slice()).collect() } else { Vec::new() };
    let ahead = Ahead::new(source, wanted);
    // The next piece of work: what needs no block, then the batches, as they come or in order.
    let work = |worker: &mut Worker<'_>| -> Option<Result<()>> {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if let Some(entries) = light.get(number) {
            return Some(entries.iter().try_for_each(|index| worker.writer.light(*index)));
        }
        if far {
            let (index, came) = ahead.take(&|| task.progress.interrupted())?;
            let written = came.map_err(SnapshotError::from).and_then(|came| worker.blocks(&batches[index], &came));
            ahead.written(index);
            return Some(written);
        }
        let batch = batches.get(number - light.len())?;
        Some(batch.read(source).map_err(SnapshotError::from).and_then(|came| worker.blocks(batch, &came)))
    };
    let run = || {
        let writer = Writer::new(task, plan, stage, &pending);
        let mut worker = Worker { manifest, writer, unpacker: Unpacker::new(), raw: Vec::new(), parts: Vec::new() };
        let mut result = Ok(());
        while result.is_ok() && !stop.load(Ordering::Relaxed) {
            result = go_on(task.progress);
            match if result.is_ok() { work(&mut worker) } else { None } {
                Some(done) => result = done,
                None => break,
            }
            let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
            for (index, receipt) in worker.writer.receipts.drain(..) {
                outcome.0[index as usize] = receipt;
            }
        }
        if let Err(error) = result.and_then(|()| go_on(task.progress)) {
            stop.store(true, Ordering::Relaxed);
            ahead.stop();
            outcome.lock().unwrap_or_else(PoisonError::into_inner).1.get_or_insert(error);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..if far { readers.min(batches.iter().map(|batch| batch.reads.len()).sum()) } else { 0 } {
            scope.spawn(|| ahead.fetch());
        }
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
    match outcome.into_inner().unwrap_or_else(PoisonError::into_inner) {
        (_, Some(error)) => Err(error),
        (_, None) => Ok(()),
    }
}

/// Where a part is to be found: there are as many as files.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed(4))]
struct Place {
    block: u32,
    entry: u32,
    extent: u32,
    /// Where it goes in the file.
    at: u64,
}

impl Place {
    fn part(self, tree: &Tree) -> Option<Part> {
        let Self { entry, extent, at, .. } = self;
        let content = tree.content(tree.resolve(entry))?;
        let Extent { offset, length, .. } = *tree.extents(content).get(extent as usize)?;
        Some(Part { offset, length, entry, extent, at })
    }
}

/// What is to be written.
#[derive(Default)]
struct Pieces {
    /// Where the parts of files are, in the order in which their blocks are read.
    places: Vec<Place>,
    /// Entries that need no block.
    light: Vec<u32>,
    /// How many parts each file of several still waits for.
    pending: HashMap<u32, AtomicU32>,
}

impl Pieces {
    fn new(manifest: &Manifest, plan: &Plan) -> Self {
        let tree = &manifest.tree;
        let extents = |index| tree.content(tree.resolve(index)).map_or(0, |content| tree.extents(content).len());
        // What grows leaves its smaller selves behind in the memory of the process.
        let places = Vec::with_capacity(plan.built(tree).map(extents).sum());
        let mut pieces = Self { places, ..Self::default() };
        for index in plan.built(tree) {
            pieces.add(tree, index);
        }
        let ranks = reads::ranks(manifest);
        pieces.places.sort_unstable_by_key(|place| {
            let Place { block, entry, at, .. } = *place;
            (ranks[block as usize], entry, at)
        });
        pieces
    }

    fn add(&mut self, tree: &Tree, entry: u32) {
        let before = self.places.len();
        let mut at = 0;
        let content = tree.content(tree.resolve(entry));
        let extents = content.map(|content| tree.extents(content)).unwrap_or_default();
        for (extent, Extent { block, length, .. }) in (0..).zip(extents.iter().copied()) {
            if block != NONE {
                self.places.push(Place { block, entry, extent, at });
            }
            at += u64::from(length);
        }
        match self.places.len() - before {
            0 => self.light.push(entry),
            1 => {}
            several => drop(self.pending.insert(entry, AtomicU32::new(several as u32))),
        }
    }
}

/// Parts whose blocks are read at once.
struct Batch<'a> {
    places: &'a [Place],
    /// What is read for them.
    reads: Vec<Wanted>,
}

impl Batch<'_> {
    fn read(&self, source: &dyn ObjectSource) -> Result<Vec<Vec<u8>>, TransferError> {
        self.reads.iter().map(|(object, range)| source.read(object, range.clone())).collect()
    }
}

/// Cuts the parts into batches.
fn batches<'a>(manifest: &Manifest, length: Length, places: &'a [Place]) -> Vec<Batch<'a>> {
    let runs = reads::runs(manifest, length, places, |place| place.block);
    runs.into_iter().map(|(places, run)| Batch { places, reads: run.reads() }).collect()
}

/// What has come for a batch.
struct Came<'a> {
    reads: &'a [Wanted],
    bytes: &'a [Vec<u8>],
}

impl Came<'_> {
    fn get(&self, object: &ObjectId, range: &Range<u64>) -> Option<&[u8]> {
        let at = self.reads.iter().position(|read| holds(read, object, range))?;
        let begins = (range.start - self.reads[at].1.start) as usize;
        self.bytes.get(at)?.get(begins..begins + (range.end - range.start) as usize)
    }
}

impl ObjectSource for Came<'_> {
    fn read(&self, object: &ObjectId, range: Range<u64>) -> Result<Vec<u8>, TransferError> {
        self.get(object, &range).map(<[u8]>::to_vec).ok_or(TransferError::Missing { object: *object })
    }
}

struct Worker<'a> {
    manifest: &'a Manifest,
    writer: Writer<'a>,
    unpacker: Unpacker,
    raw: Vec<u8>,
    parts: Vec<Part>,
}

impl Worker<'_> {
    /// Writes a batch of which these bytes have come.
    fn blocks(&mut self, batch: &Batch<'_>, bytes: &[Vec<u8>]) -> Result<()> {
        for ((object, range), bytes) in batch.reads.iter().zip(bytes) {
            let wanted = range.end - range.start;
            if bytes.len() as u64 != wanted {
                let reason = format!("{} bytes came instead of {wanted}", bytes.len());
                return Err(SnapshotError::damaged(object, reason));
            }
        }
        let came = Came { reads: &batch.reads, bytes };
        for places in batch.places.chunk_by(|a, b| { a.block } == { b.block }) {
            let number = places[0].block;
            self.parts.clear();
            self.parts.extend(places.iter().filter_map(|place| place.part(&self.manifest.tree)));
            let (pack, range) = place(self.manifest, number);
            let stored = came.get(&pack, &range).ok_or(TransferError::Missing { object: pack })?;
            self.unpacker.open(self.manifest, number, stored, &came, &mut self.raw)?;
            self.writer.write(&self.parts, &self.raw).map_err(|error| error.in_pack(&pack))?;
        }
        Ok(())
    }
}
