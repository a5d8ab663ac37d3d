//! The files and directories whose mtimes replay may set.

use std::collections::BTreeMap;

use sci_hasher::{Digest, Encoder};
use sci_sys::times;

use crate::inputs::{Hashes, Tree, to_path};
use crate::plan::TrackedFile;

/// Everything that the walk found below the workspace, in byte order of the paths.
///
/// What could not be read, or went away meanwhile, is left out: replay then leaves its mtime alone.
pub(crate) fn tracked(tree: &Tree, hashes: &Hashes<'_>) -> Vec<TrackedFile> {
    let mut found = Vec::new();
    for (id, entry) in tree.walked() {
        let Ok(file) = hashes.get(id) else { continue };
        let mtime = (file.mtime.seconds, file.mtime.nanos);
        found.push(TrackedFile { path: entry.path.to_vec(), digest: file.digest, mtime, is_dir: false });
    }
    let listings = listings(tree);
    for directory in tree.directories().iter().filter(|directory| !directory.is_empty()) {
        let Ok(metadata) = std::fs::symlink_metadata(tree.root().join(to_path(directory))) else { continue };
        let mtime = times::modified(&metadata);
        let digest = listing_digest(listings.get(directory.as_slice()).map_or(&[], Vec::as_slice));
        found.push(TrackedFile { path: directory.clone(), digest, mtime, is_dir: true });
    }
    found.sort_unstable_by(|left, right| left.path.cmp(&right.path));
    found
}

type Child<'t> = (&'t [u8], &'static str);

/// The children of each directory, by name.
fn listings(tree: &Tree) -> BTreeMap<&[u8], Vec<Child<'_>>> {
    let files = tree.walked().map(|(_, entry)| (entry.path, if entry.is_file() { "file" } else { "symlink" }));
    let directories =
        tree.directories().iter().filter(|path| !path.is_empty()).map(|path| (path.as_slice(), "directory"));
    let mut listings: BTreeMap<&[u8], Vec<Child<'_>>> = BTreeMap::new();
    for (path, kind) in files.chain(directories) {
        let slash = path.iter().rposition(|byte| *byte == b'/');
        let (parent, name) = slash.map_or((&path[..0], path), |slash| (&path[..slash], &path[slash + 1..]));
        listings.entry(parent).or_default().push((name, kind));
    }
    listings.values_mut().for_each(|children| children.sort_unstable());
    listings
}

fn listing_digest(children: &[Child<'_>]) -> Digest {
    let mut encoder = Encoder::new("sci v1 directory listing");
    encoder.integer(children.len() as u64);
    for (name, kind) in children {
        encoder.bytes(name).text(kind);
    }
    encoder.finish()
}
