//! The digest of a tree: what it says, not when it was written nor where its bytes lie.

use sci_hasher::{Digest, Encoder};

use super::{Kind, NONE, Tree};

impl Tree {
    /// Digests paths, kinds, modes, contents, link targets and hard link groups.
    ///
    /// Modification times are left out: two runs of one install differ in nothing else, and are the same state.
    pub fn digest(&self) -> Digest {
        let mut encoder = Encoder::new("sci v1 tree");
        let mut depths = vec![0u16; self.len() as usize];
        encoder.integer(u64::from(self.len()));
        for (index, entry) in self.entries() {
            if entry.parent != NONE {
                depths[index as usize] = depths[entry.parent as usize] + 1;
            }
            encoder.integer(depths[index as usize].into()).bytes(self.name(index)).integer(u64::from(entry.mode));
            match entry.kind {
                Kind::Dir => encoder.integer(0),
                // A hole reads as zeros: a sparse copy of a file is the same state as a full one.
                Kind::File | Kind::Sparse => {
                    encoder.integer(1).integer(entry.size);
                    encoder.option(self.content(index).map(|content| &content.digest))
                }
                Kind::Symlink => encoder.integer(2).bytes(self.target(index)),
                Kind::Hardlink => encoder.integer(3).integer(u64::from(entry.content)),
            };
        }
        encoder.finish()
    }
}
