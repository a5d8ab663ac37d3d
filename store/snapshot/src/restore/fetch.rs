//! Fetches blocks and writes the files they hold: read, check, unpack, check, write, on every thread.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use sci_store_api::ObjectSource;

use super::RestoreRequest;
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

enum Job<'a> {
    /// Consecutive parts, whose blocks lie near each other in one pack.
    Blocks(&'a [Part]),
    /// Links, empty files and directories.
    Light(&'a [u32]),
}

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
    let mut jobs: Vec<Job<'_>> = light.chunks(LIGHT).map(Job::Light).collect();
    jobs.extend(batches(manifest, &parts).into_iter().map(Job::Blocks));
    let pending: Vec<AtomicU32> = pending(manifest, &parts);
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let outcome = Mutex::new((receipts, None));
    let run = || {
        let mut worker = Worker {
            manifest,
            source,
            writer: Writer::new(request, plan, stage, &pending),
            context: Decompressor::new(),
            raw: Vec::new(),
        };
        let mut result = Ok(());
        while result.is_ok() && !stop.load(Ordering::Relaxed) {
            let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            result = go_on(request.progress).and_then(|()| match job {
                Job::Light(entries) => entries.iter().try_for_each(|index| worker.writer.light(*index)),
                Job::Blocks(parts) => worker.blocks(parts),
            });
            let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
            for (index, receipt) in worker.writer.receipts.drain(..) {
                outcome.0[index as usize] = receipt;
            }
        }
        if let Err(error) = result {
            stop.store(true, Ordering::Relaxed);
            outcome.lock().unwrap_or_else(PoisonError::into_inner).1.get_or_insert(error);
        }
    };
    std::thread::scope(|scope| {
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

struct Worker<'a> {
    manifest: &'a Manifest,
    source: &'a dyn ObjectSource,
    writer: Writer<'a>,
    context: Decompressor,
    raw: Vec<u8>,
}

impl Worker<'_> {
    fn blocks(&mut self, parts: &[Part]) -> Result<()> {
        let block = |part: &Part| &self.manifest.blocks[part.block as usize];
        let Some(first) = parts.first().map(block) else { return Ok(()) };
        let pack = self.manifest.packs[first.pack as usize].id;
        // In a forged manifest blocks may overlap: the last need not end last.
        let end = parts.iter().map(|part| block(part).offset + u64::from(block(part).stored)).max().unwrap_or_default();
        let start = first.offset;
        let bytes = self.source.read(&pack, start..end)?;
        if bytes.len() as u64 != end - start {
            return Err(SnapshotError::damaged(
                &pack,
                format!("{} bytes came instead of {}", bytes.len(), end - start),
            ));
        }
        for parts in parts.chunk_by(|a, b| a.block == b.block) {
            let block = block(&parts[0]);
            let at = (block.offset - start) as usize;
            let stored = &bytes[at..at + block.stored as usize];
            block::open(&mut self.context, stored, &block.digest, block.length, &mut self.raw)
                .map_err(|reason| SnapshotError::damaged(&pack, reason))?;
            self.writer.write(parts, &self.raw).map_err(|error| error.in_pack(&pack))?;
        }
        Ok(())
    }
}
