//! Saves a tree again and again with the real engine, and takes the measures of every snapshot.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sci_hasher::Digest;
use sci_snapshot::restore::reads;
use sci_snapshot::{Base, Excludes, Manifest, PackRef, RestoreRequest, SaveRequest, Saved, Silent, restore, save};
use sci_store_api::ObjectId;

use crate::Failure;
use crate::figures::{Figures, Step};
use crate::model::Model;
use crate::store::Store;
use crate::workload::{Shape, Workload};

/// A fresh save of the whole tree is made for comparison once in so many increments.
const SAMPLE: u32 = 50;

/// One series of saves.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) shape: Shape,
    pub(crate) model: Model,
    pub(crate) increments: u32,
    pub(crate) seed: u64,
    /// Size of the tree in percent of the usual.
    pub(crate) scale: usize,
    /// Whether every file of every save is unknown to this machine, as on another runner.
    pub(crate) unknown: bool,
}

/// Runs a series in `directory`, which is empty.
pub(crate) fn run(plan: &Plan, directory: &Path) -> Result<Figures, Failure> {
    let mut workload = Workload::create(plan.shape, directory.join("tree"), plan.seed, plan.scale)?;
    let mut series =
        Series { directory: directory.to_path_buf(), store: Store::default(), figures: Figures::default() };
    let mut base = save_tree(&workload.root, None, &series.store)?.into_base();
    for round in 0..plan.increments {
        plan.model.edit(&mut workload, round, &base.manifest)?;
        let known = if plan.unknown { Base::without_receipts(base.manifest.clone()) } else { base };
        let saved = save_tree(&workload.root, Some(&known), &series.store)?;
        let (size, objects) = (manifest_size(&saved), saved.objects.clone());
        let (uploaded, id) = (saved.uploaded, saved.manifest);
        base = saved.into_base();
        series.store.keep_only(objects.iter().map(|object| object.id));
        let permitted: Vec<PackRef> = objects.into_iter().map(PackRef::from).collect();
        let mut step = measure(&known.manifest, &base.manifest);
        (step.uploaded, step.manifest) = (uploaded - size, size);
        step.manifest_requests = series.load(&id, &permitted)?;
        if (round + 1).is_multiple_of(SAMPLE) || round + 1 == plan.increments {
            step.fresh = Some(stored(&workload.root)?);
        }
        series.figures.add(&step);
    }
    series.restore(base.manifest)?;
    Ok(series.figures)
}

struct Series {
    directory: PathBuf,
    store: Store,
    figures: Figures,
}

impl Series {
    /// Reads the manifest as the next machine would; returns how many requests that takes.
    fn load(&self, manifest: &ObjectId, permitted: &[PackRef]) -> Result<u64, Failure> {
        let before = self.store.read_so_far();
        Manifest::load(manifest, permitted, &self.store)?;
        Ok(self.store.read_so_far().0 - before.0)
    }

    /// Restores the last snapshot, and fails unless that reads what was counted and gives back every file.
    fn restore(&mut self, manifest: Arc<Manifest>) -> Result<(), Failure> {
        let expected: u64 = reads(&manifest).iter().map(|(_, range)| range.end - range.start).sum();
        let tree = manifest.tree.digest();
        let restored = self.directory.join("restored");
        let before = self.store.read_so_far();
        let request = RestoreRequest {
            anchor: &self.directory,
            root: &restored,
            manifest: manifest.into(),
            excludes: &Excludes::default(),
            base: None,
            merge: false,
            threads: 0,
            progress: &Silent,
        };
        restore(request, &self.store)?;
        if self.store.read_so_far().1 - before.1 != expected {
            return Err("a restore did not read what it was expected to".into());
        }
        if save_tree(&restored, None, &Store::default())?.tree != tree {
            return Err("a restore did not give back the tree".into());
        }
        Ok(())
    }
}

/// Takes the measures that lie in a snapshot and the one before.
fn measure(before: &Manifest, after: &Manifest) -> Step {
    let mut step = Step { packs: after.packs.len() as u64, ..Step::default() };
    let ranges = reads(after);
    step.requests = ranges.len() as u64;
    step.read = ranges.iter().map(|(_, range)| range.end - range.start).sum();
    step.cited = after.packs.iter().map(|pack| pack.size).sum();
    let mut known = HashSet::new();
    step.raw_before =
        chunks(before).filter(|chunk| known.insert(chunk.digest)).map(|chunk| u64::from(chunk.length)).sum();
    let old_packs: HashSet<ObjectId> = before.packs.iter().map(|pack| pack.id).collect();
    let mut seen = HashSet::new();
    for chunk in chunks(after).filter(|chunk| seen.insert(chunk.digest)) {
        let block = &after.blocks[chunk.block as usize];
        let length = u64::from(chunk.length);
        // What leans on a block is worth what it would take without it.
        let plain = &after.blocks[after.footing(chunk.block) as usize];
        let share = length as f64 * f64::from(plain.stored) / f64::from(plain.length);
        step.raw += length;
        step.live += share;
        if !known.contains(&chunk.digest) {
            step.new += share;
        } else if !old_packs.contains(&after.packs[block.pack as usize].id) {
            step.rewritten += length;
        }
    }
    step
}

/// A chunk that a snapshot leans on.
struct Chunk {
    digest: Digest,
    block: u32,
    length: u32,
}

fn chunks(manifest: &Manifest) -> impl Iterator<Item = Chunk> + '_ {
    let tree = &manifest.tree;
    let contents = tree.entries().filter_map(|(index, _)| tree.content(index));
    contents.flat_map(|content| {
        let places = tree.chunk_digests(content).iter().zip(tree.extents(content));
        places.map(|(digest, extent)| Chunk { digest: *digest, block: extent.block, length: extent.length })
    })
}

/// Bytes of the packs of a first save.
fn stored(root: &Path) -> Result<u64, Failure> {
    let saved = save_tree(root, None, &Store::default())?;
    Ok(saved.uploaded - manifest_size(&saved))
}

/// Length of the manifest object, or 0 when the save stored none.
fn manifest_size(saved: &Saved) -> u64 {
    let own = saved.objects.iter().find(|object| object.id == saved.manifest && !saved.unchanged);
    own.map_or(0, |object| object.size)
}

fn save_tree(root: &Path, base: Option<&Base>, store: &Store) -> Result<Saved, Failure> {
    let request = SaveRequest {
        anchor: root.parent().ok_or("a tree needs a directory around it")?,
        root,
        excludes: &Excludes::default(),
        select: None,
        base: base.cloned(),
        references: Some(store),
        inputs: Vec::new(),
        threads: 0,
        progress: &Silent,
    };
    Ok(save(request, store)?)
}
