//! What this machine remembers of the contents on disk.

use sci_hasher::Digest;
use sci_store_api::ObjectId;

use crate::local::Base;
use crate::tree::Walked;

/// Tells the digests of files on disk without reading them.
pub(super) enum Vouched {
    /// Nothing is remembered.
    Nothing,
    /// The snapshot that is wanted; of each entry on disk, the one that corresponds.
    Wanted { base: Base, matching: Vec<u32> },
    /// Another snapshot: of each entry on disk, the digest that it certainly has. That snapshot's tree is not held any more, so
    /// that there is room for the wanted one's.
    Other(Vec<Option<Digest>>),
}

impl Vouched {
    /// What `base` says of the tree on disk, when `wanted` is the manifest to restore.
    pub(super) fn new(base: Option<Base>, walked: Option<&Walked>, wanted: Option<ObjectId>) -> Self {
        let (Some(base), Some(walked)) = (base, walked) else { return Self::Nothing };
        let matching = walked.tree.matching(&base.manifest.tree);
        if base.manifest.id() == wanted {
            return Self::Wanted { base, matching };
        }
        Self::Other(
            (0..walked.tree.len()).map(|index| digest(&base, walked, matching[index as usize], index)).collect(),
        )
    }

    /// The digest that file `index` on disk certainly has.
    pub(super) fn digest(&self, walked: &Walked, index: u32) -> Option<Digest> {
        match self {
            Self::Nothing => None,
            Self::Wanted { base, matching } => digest(base, walked, matching[index as usize], index),
            Self::Other(digests) => digests[index as usize],
        }
    }

    /// What is remembered of the wanted snapshot. All else has been told by then, and takes room.
    pub(super) fn into_wanted(self) -> Option<Base> {
        match self {
            Self::Wanted { base, .. } => Some(base),
            Self::Nothing | Self::Other(_) => None,
        }
    }
}

fn digest(base: &Base, walked: &Walked, remembered: u32, index: u32) -> Option<Digest> {
    let vouched = base.vouches(remembered, walked.device, walked.tree.entry(index), walked.stats.get(index));
    let tree = &base.manifest.tree;
    vouched.then(|| tree.content(tree.resolve(remembered))).flatten().map(|content| content.digest)
}
