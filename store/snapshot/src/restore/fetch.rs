//! Fetches blocks and writes the files they hold: read, check, unpack, check, write, on every thread.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use sci_store_api::{ObjectId, ObjectSource, TransferError};

use super::RestoreRequest;
use super::ahead::Ahead;
use super::plan::Plan;
use super::reads::{self, Wanted, holds};
use super::stage::Stage;
use super::write::{Part, Writer};
use crate::local::Receipt;
use crate::manifest::Manifest;
use crate::progress::go_on;
use crate::unpack::{Unpacker, place};
use crate::{Result, SnapshotError};

/// Entries without content that one job makes.
const LIGHT: usize = 256;

/// Builds every staged entry but hard links, and notes receipts of the files.
pub(crate) fn contents(
    request: &RestoreRequest<'_>,
    plan: &Plan,
    stage: &Stage,
    threads: usize,
    source: &dyn ObjectSource,
    receipts: &mut [Receipt],
) -> Result<()> {
    let manifest = &request.manifest;
    let (parts, light) = split(manifest, plan);
    let batches = batches(manifest, &parts);
    let light: Vec<&[u32]> = light.chunks(LIGHT).collect();
    let pending: Vec<AtomicU32> = pending(manifest, &parts);
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let outcome = Mutex::new((receipts, None));
    let readers = source.reads_at_once();
    let far = readers > 1;
    let wanted = if far { batches.iter().map(|batch| batch.reads.as_slice()).collect() } else { Vec::new() };
    let ahead = Ahead::new(source, wanted);
    // The next piece of work: what needs no block, then the batches, as they come or in order.
    let work = |worker: &mut Worker<'_>| -> Option<Result<()>> {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if let Some(entries) = light.get(number) {
            return Some(entries.iter().try_for_each(|index| worker.writer.light(*index)));
        }
        if far {
            let (index, came) = ahead.take(&|| request.progress.interrupted())?;
            let written = came.map_err(SnapshotError::from).and_then(|came| worker.blocks(&batches[index], &came));
            ahead.written(index);
            return Some(written);
        }
        let batch = batches.get(number - light.len())?;
        Some(batch.read(source).map_err(SnapshotError::from).and_then(|came| worker.blocks(batch, &came)))
    };
    let run = || {
        let writer = Writer::new(request, plan, stage, &pending);
        let mut worker = Worker { manifest, writer, unpacker: Unpacker::new(), raw: Vec::new() };
        let mut result = Ok(());
        while result.is_ok() && !stop.load(Ordering::Relaxed) {
            result = go_on(request.progress);
            match if result.is_ok() { work(&mut worker) } else { None } {
                Some(done) => result = done,
                None => break,
            }
            let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
            for (index, receipt) in worker.writer.receipts.drain(..) {
                outcome.0[index as usize] = receipt;
            }
        }
        if let Err(error) = result.and_then(|()| go_on(request.progress)) {
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

/// The parts to write, in the order in which their blocks are read, and the entries that need no block.
fn split(manifest: &Manifest, plan: &Plan) -> (Vec<Part>, Vec<u32>) {
    let (mut parts, mut light) = (Vec::new(), Vec::new());
    for index in plan.built(&manifest.tree) {
        let before = parts.len();
        if let Some(content) = manifest.tree.content(manifest.tree.resolve(index)) {
            let mut at = 0;
            for (number, extent) in manifest.tree.extents(content).iter().enumerate() {
                if !extent.is_hole() {
                    let (offset, length) = (extent.offset, extent.length);
                    parts.push(Part { block: extent.block, offset, length, entry: index, extent: number as u32, at });
                }
                at += u64::from(extent.length);
            }
        }
        if parts.len() == before {
            light.push(index);
        }
    }
    let ranks = reads::ranks(manifest);
    parts.sort_unstable_by_key(|part| (ranks[part.block as usize], part.entry, part.at));
    (parts, light)
}

/// How many parts each file still waits for.
fn pending(manifest: &Manifest, parts: &[Part]) -> Vec<AtomicU32> {
    let pending: Vec<AtomicU32> = (0..manifest.tree.len()).map(|_| AtomicU32::new(0)).collect();
    for part in parts {
        pending[part.entry as usize].fetch_add(1, Ordering::Relaxed);
    }
    pending
}

/// Parts whose blocks are read at once.
struct Batch<'a> {
    parts: &'a [Part],
    /// What is read for them.
    reads: Vec<Wanted>,
}

impl Batch<'_> {
    fn read(&self, source: &dyn ObjectSource) -> Result<Vec<Vec<u8>>, TransferError> {
        self.reads.iter().map(|(object, range)| source.read(object, range.clone())).collect()
    }
}

/// Cuts the parts into batches.
fn batches<'a>(manifest: &Manifest, parts: &'a [Part]) -> Vec<Batch<'a>> {
    let runs = reads::runs(manifest, parts, |part| part.block);
    runs.into_iter().map(|(parts, run)| Batch { parts, reads: run.reads() }).collect()
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
        for parts in batch.parts.chunk_by(|a, b| a.block == b.block) {
            let number = parts[0].block;
            let (pack, range) = place(self.manifest, number);
            let stored = came.get(&pack, &range).ok_or(TransferError::Missing { object: pack })?;
            self.unpacker.open(self.manifest, number, stored, &came, &mut self.raw)?;
            self.writer.write(parts, &self.raw).map_err(|error| error.in_pack(&pack))?;
        }
        Ok(())
    }
}
