//! What this machine remembers of the contents on disk.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use sci_hasher::Digest;
use sci_store_api::ObjectId;

use crate::local::{Base, Receipt};
use crate::tree::{NONE, Walked};

/// Tells of files on disk whether they have a digest, without reading them.
pub(super) enum Vouched {
    /// Nothing is remembered.
    Nothing,
    /// The snapshot that is wanted; of each entry on disk, the one that corresponds.
    Wanted { base: Base, matching: Vec<u32> },
    /// Another snapshot. Its tree is not held any more, so that there is room for the wanted one's.
    Other { tags: Tags, matching: Vec<u32> },
}

impl Vouched {
    /// What `base` says of the tree on disk, when `wanted` is the manifest to restore.
    pub(super) fn new(base: Option<Base>, walked: Option<&Walked>, wanted: Option<ObjectId>) -> Self {
        let (Some(base), Some(walked)) = (base, walked) else { return Self::Nothing };
        if base.manifest.id() == wanted {
            let matching = walked.tree.matching(&base.manifest.tree);
            return Self::Wanted { base, matching };
        }
        let on_disk = base.manifest.tree.matching(&walked.tree);
        let tags = Tags::new(base, walked, &on_disk);
        let mut matching = vec![NONE; walked.tree.len() as usize];
        for (remembered, found) in (0..).zip(on_disk).filter(|(_, found)| *found != NONE) {
            matching[found as usize] = remembered;
        }
        Self::Other { tags, matching }
    }

    /// Whether file `index` on disk certainly has this digest, or certainly has not; `None` where nothing is certain.
    pub(super) fn has(&self, walked: &Walked, index: u32, wanted: &Digest) -> Option<bool> {
        match self {
            Self::Nothing => None,
            Self::Wanted { base, matching } => {
                let remembered = matching[index as usize];
                let receipt = base.receipts.get(remembered as usize)?;
                digest(base, *receipt, walked, remembered, index).map(|digest| digest == *wanted)
            }
            Self::Other { tags, matching } => tags.has(matching[index as usize], wanted),
        }
    }

    /// What is remembered of the wanted snapshot. All else has been told by then, and takes room.
    pub(super) fn into_wanted(self) -> Option<Base> {
        match self {
            Self::Wanted { base, .. } => Some(base),
            Self::Nothing | Self::Other { .. } => None,
        }
    }
}

fn digest(base: &Base, receipt: Receipt, walked: &Walked, remembered: u32, index: u32) -> Option<Digest> {
    let found = (walked.tree.entry(index), walked.stats.get(index));
    let tree = &base.manifest.tree;
    let vouched = base.vouches_by(receipt, remembered, walked.device, found);
    vouched.then(|| tree.content(tree.resolve(remembered))).flatten().map(|content| content.digest)
}

/// Of each remembered entry, by what the digest is told again that the file on disk certainly has: half as long as a digest, and made
/// with a key that nobody knows, so that no content can be made that passes for another.
pub(super) struct Tags {
    keys: [RandomState; 2],
    /// [`Self::NOTHING`] where nothing is certain.
    all: Vec<[u64; 2]>,
}

impl Tags {
    const NOTHING: [u64; 2] = [0; 2];

    /// `on_disk` says of each remembered entry where it is on disk.
    fn new(mut base: Base, walked: &Walked, on_disk: &[u32]) -> Self {
        let keys = [RandomState::new(), RandomState::new()];
        let receipts = std::mem::take(&mut base.receipts);
        // A tag is as long as a receipt and takes its place: both at once would be the most that is ever held.
        let all = receipts.into_iter().zip(0..).map(|(receipt, remembered)| {
            let found = on_disk[remembered as usize];
            let digest = (found != NONE).then(|| digest(&base, receipt, walked, remembered, found)).flatten();
            digest.map_or(Self::NOTHING, |digest| tag(&keys, &digest))
        });
        Self { all: all.collect(), keys }
    }

    fn has(&self, remembered: u32, wanted: &Digest) -> Option<bool> {
        let known = self.all.get(remembered as usize).filter(|known| **known != Self::NOTHING)?;
        Some(*known == tag(&self.keys, wanted))
    }
}

fn tag(keys: &[RandomState; 2], digest: &Digest) -> [u64; 2] {
    keys.each_ref().map(|key| key.hash_one(digest.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::*;
    use crate::Excludes;
    use crate::manifest::Manifest;
    use crate::tree::walk;

    #[test]
    fn another_snapshots_files_are_known_as_far_as_they_did_not_change() {
        let dir = tempfile::tempdir().unwrap();
        let walked = || walk(dir.path(), &Excludes::default(), None, 1).unwrap().unwrap();
        for name in ["b", "c", "d"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let found = walked();
        let device = found.device;
        let (mut tree, mut receipts) = found.into_receipts();
        for index in tree.files().collect::<Vec<_>>() {
            let digest = Digest::of(tree.name(index));
            tree.set_content(index, digest, &[], &[]);
        }
        receipts[1].ctime -= 1;
        // What comes later than they do or earlier moves the others to another place.
        fs::remove_file(dir.path().join("d")).unwrap();
        fs::write(dir.path().join("a"), "a").unwrap();
        let base = Base::new(Arc::new(Manifest { tree, ..Manifest::default() }), receipts, device);
        let walked = walked();
        let vouched = Vouched::new(Some(base), Some(&walked), Some(ObjectId::of(b"another")));
        assert!(matches!(vouched, Vouched::Other { .. }));
        let names: Vec<&[u8]> = (1..walked.tree.len()).map(|index| walked.tree.name(index)).collect();
        assert_eq!(names, [b"a", b"b", b"c"]);
        let has =
            |index| [walked.tree.name(index), b"new"].map(|content| vouched.has(&walked, index, &Digest::of(content)));
        assert_eq!(has(1), [None, None], "it was not there");
        assert_eq!(has(2), [None, None], "its status changed");
        assert_eq!(has(3), [Some(true), Some(false)]);
    }
}
