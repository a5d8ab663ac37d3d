//! Measures of one snapshot, and what a series of them comes to.

use serde::Serialize;

/// Measures of a snapshot and of the save that made it. Bytes are those of packs unless it says otherwise.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// Read by a restore into an empty directory, in so many requests.
    pub(crate) read: u64,
    pub(crate) requests: u64,
    /// What of the packs is needed: of each block, the part of its length that the tree leans on.
    pub(crate) live: f64,
    /// All bytes of the packs that the snapshot lists.
    pub(crate) cited: u64,
    pub(crate) packs: u64,
    /// Contents of the tree, uncompressed, each once; and of the tree before.
    pub(crate) raw: u64,
    pub(crate) raw_before: u64,
    /// Contents that the snapshot before held too and that were packed anew, uncompressed.
    pub(crate) rewritten: u64,
    pub(crate) uploaded: u64,
    /// What of that are contents that the snapshot before did not hold, by the ratio of the blocks they are in.
    pub(crate) new: f64,
    /// What a first save of the whole tree stores, where it was tried.
    pub(crate) fresh: Option<u64>,
    /// Bytes of the manifest object, and requests to read it.
    pub(crate) manifest: u64,
    pub(crate) manifest_requests: u64,
}

/// A figure over a series.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(crate) struct Course {
    pub(crate) last: f64,
    pub(crate) highest: f64,
}

impl Course {
    fn add(&mut self, value: f64) {
        self.last = value;
        self.highest = self.highest.max(value);
    }
}

/// What a series of saves comes to. The table of `docs/PERFORMANCE.md` says what each figure is.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) increments: u32,
    /// Bytes read over live bytes.
    pub(crate) amplification: Course,
    /// Bytes read over those of a fresh save.
    pub(crate) against_fresh: Course,
    pub(crate) packs: Course,
    /// Packs less the bound.
    pub(crate) packs_over: Course,
    pub(crate) requests: Course,
    pub(crate) manifest_requests: Course,
    pub(crate) cited_over_live: Course,
    /// Rewritten contents over contents of the tree, and over what one save may rewrite.
    pub(crate) rewritten: Course,
    pub(crate) rewritten_of_allowed: Course,
    /// One save's packs in bytes, and over live bytes.
    pub(crate) save: Course,
    pub(crate) save_share: Course,
    pub(crate) manifest: Course,
    uploaded: u64,
    new: f64,
    manifests: u64,
    /// All packs uploaded over all that was new.
    pub(crate) upload_overhead: f64,
    /// Packs and manifests uploaded over all that was new.
    pub(crate) upload_overhead_with_manifests: f64,
    pub(crate) mean_manifest: f64,
    pub(crate) mean_new: f64,
    pub(crate) live: f64,
}

/// One save may pack a tenth of the tree anew, or a fifth within these uncompressed bytes.
const REWRITTEN: (f64, [f64; 2]) = (0.1, [(16 << 20) as f64, (32 << 20) as f64]);
/// Packs that every tree may lean on, and compressed bytes that allow one more.
const PACKS: (f64, f64) = (8.0, (8 << 20) as f64);

impl Figures {
    pub(crate) fn add(&mut self, step: &Step) {
        self.increments += 1;
        self.amplification.add(step.read as f64 / step.live);
        if let Some(fresh) = step.fresh {
            self.against_fresh.add(step.read as f64 / fresh as f64);
        }
        self.packs.add(step.packs as f64);
        let over = step.packs as f64 - (PACKS.0 + step.live / PACKS.1).floor();
        if self.increments == 1 {
            self.packs_over.highest = over;
        }
        self.packs_over.add(over);
        self.requests.add(step.requests as f64);
        self.manifest_requests.add(step.manifest_requests as f64);
        self.cited_over_live.add(step.cited as f64 / step.live);
        self.rewritten.add(step.rewritten as f64 / step.raw as f64);
        // The tree before is what a save takes its share of.
        let (before, [least, most]) = (step.raw_before as f64, REWRITTEN.1);
        let allowed = (before / 5.0).clamp(least, most).max(before * REWRITTEN.0);
        self.rewritten_of_allowed.add(step.rewritten as f64 / allowed);
        self.save.add(step.uploaded as f64);
        self.save_share.add(step.uploaded as f64 / step.live);
        self.manifest.add(step.manifest as f64);
        self.uploaded += step.uploaded;
        self.new += step.new;
        self.manifests += step.manifest;
        let (uploaded, new) = (self.uploaded as f64, self.new.max(1.0));
        self.upload_overhead = uploaded / new;
        self.upload_overhead_with_manifests = (uploaded + self.manifests as f64) / new;
        self.mean_manifest = self.manifests as f64 / f64::from(self.increments);
        self.mean_new = self.new / f64::from(self.increments);
        self.live = step.live;
    }
}
