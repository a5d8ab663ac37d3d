//! Fetches blocks and writes the files they hold: read, check, unpack, check, write, on every thread.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use sci_store_api::{ObjectId, ObjectSource};

use super::RestoreRequest;
use super::ahead::Ahead;
use super::plan::Plan;
use super::reads::together;
use super::stage::Stage;
use super::write::{Part, Writer};
use crate::block::{self, Decompressor};
use crate::local::Receipt;
use crate::manifest::Manifest;
use crate::progress::go_on;
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
    let ahead = Ahead::new(
        source,
        if far { batches.iter().map(|parts| wanted(manifest, parts)).collect() } else { Vec::new() },
    );
    // The next piece of work: what needs no block, then the batches, as they come or in order.
    let work = |worker: &mut Worker<'_>| -> Option<Result<()>> {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if let Some(entries) = light.get(number) {
            return Some(entries.iter().try_for_each(|index| worker.writer.light(*index)));
        }
        if far {
            let (index, came) = ahead.take(&|| request.progress.interrupted())?;
            let written = came.map_err(SnapshotError::from).and_then(|bytes| worker.blocks(batches[index], &bytes));
            ahead.written(index);
            return Some(written);
        }
        let parts = batches.get(number - light.len())?;
        let (object, range) = wanted(manifest, parts);
        Some(source.read(&object, range).map_err(SnapshotError::from).and_then(|bytes| worker.blocks(parts, &bytes)))
    };
    let run = || {
        let writer = Writer::new(request, plan, stage, &pending);
        let mut worker = Worker { manifest, writer, context: Decompressor::new(), raw: Vec::new() };
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
        for _ in 0..if far { readers.min(batches.len()) } else { 0 } {
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

/// The parts to write, in the order of the packs, and the entries that need no block.
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
    let key = |part: &Part| {
        let block = &manifest.blocks[part.block as usize];
        (block.pack, block.offset, part.entry, part.at)
    };
    parts.sort_unstable_by_key(key);
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

/// Cuts the parts into runs whose blocks are read at once.
fn batches<'a>(manifest: &Manifest, parts: &'a [Part]) -> Vec<&'a [Part]> {
    let mut batches = Vec::new();
    let mut start = 0;
    for at in 1..=parts.len() {
        let first = parts.get(start).map(|part| &manifest.blocks[part.block as usize]);
        let last = parts.get(at - 1).map(|part| &manifest.blocks[part.block as usize]);
        let next = parts.get(at).map(|part| &manifest.blocks[part.block as usize]);
        let together = match (first, last, next) {
            (Some(first), Some(last), Some(next)) => together(first, last, next),
            _ => false,
        };
        if !together {
            batches.push(&parts[start..at]);
            start = at;
        }
    }
    batches.retain(|batch| !batch.is_empty());
    batches
}

/// What is read of a pack for a batch: its parts are in the order of their blocks' beginnings.
fn wanted(manifest: &Manifest, parts: &[Part]) -> (ObjectId, Range<u64>) {
    let blocks = || parts.iter().map(|part| &manifest.blocks[part.block as usize]);
    let (first, start) = blocks().next().map_or((0, 0), |first| (first.pack, first.offset));
    // In a forged manifest blocks may overlap: the last need not end last.
    let end = blocks().map(|block| block.offset + u64::from(block.stored)).max().unwrap_or_default();
    (manifest.packs[first as usize].id, start..end)
}

struct Worker<'a> {
    manifest: &'a Manifest,
    writer: Writer<'a>,
    context: Decompressor,
    raw: Vec<u8>,
}

impl Worker<'_> {
    /// Writes a batch of which these bytes have come.
    fn blocks(&mut self, parts: &[Part], bytes: &[u8]) -> Result<()> {
        let (pack, Range { start, end }) = wanted(self.manifest, parts);
        if bytes.len() as u64 != end - start {
            return Err(SnapshotError::damaged(
                &pack,
                format!("{} bytes came instead of {}", bytes.len(), end - start),
            ));
        }
        for parts in parts.chunk_by(|a, b| a.block == b.block) {
            let block = &self.manifest.blocks[parts[0].block as usize];
            let at = (block.offset - start) as usize;
            let stored = &bytes[at..at + block.stored as usize];
            block::open(&mut self.context, stored, &block.digest, block.length, &mut self.raw)
                .map_err(|reason| SnapshotError::damaged(&pack, reason))?;
            self.writer.write(parts, &self.raw).map_err(|error| error.in_pack(&pack))?;
        }
        Ok(())
    }
}
