//! A snapshot that is saved again and again does not fall to pieces.
#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::*;
use sci_hasher::Digest;
use sci_snapshot::restore::reads;
use sci_snapshot::{Base, Manifest};

const INCREMENTS: u64 = 150;
const FILES: u64 = 240;
/// Length of the file that is cut by content.
const LARGE: usize = 2 << 20;

/// Edits the tree at the path for a round; the manifest is that of the last save.
type Edit = fn(&Path, u64, &Manifest);

fn file(root: &Path, number: u64) -> PathBuf {
    root.join(format!("d{}/f{number}", number % 20))
}

fn scattered(root: &Path, round: u64, _: &Manifest) {
    for edit in 0..8 {
        let number = (round * 37 + edit * 53) % FILES;
        write(&file(root, number), &noise(4 << 10, round * 1_000 + number));
    }
}

/// Replaces one small file in each block, so that all of them fall to pieces together.
fn everywhere(root: &Path, round: u64, last: &Manifest) {
    let mut seen = HashSet::new();
    let files = last.tree.entries().filter_map(|(index, _)| Some((index, last.tree.content(index)?)));
    let small = files.filter(|(index, _)| last.tree.entry(*index).size < LARGE as u64);
    let files: Vec<_> = small.map(|(index, content)| (index, last.tree.extents(content)[0].block)).collect();
    let from = (round as usize * 101) % files.len();
    for (index, _) in files.iter().cycle().skip(from).take(files.len()).filter(|(_, block)| seen.insert(*block)) {
        let path = root.join(String::from_utf8(last.tree.path(*index)).unwrap());
        let length = fs::metadata(&path).unwrap().len() as usize;
        write(&path, &noise(length, round * 1_000 + u64::from(*index)));
    }
}

/// Inserts a byte into the large file: it has another length, but all chunks save one.
fn growing(root: &Path, round: u64, _: &Manifest) {
    let mut content = fs::read(root.join("large")).unwrap();
    content.insert((round as usize * 104_729) % content.len(), 7);
    write(&root.join("large"), &content);
}

#[test]
fn scattered_edits_waste_little() {
    let total = save_again_and_again(scattered);
    assert!(total.uploaded < total.new * 4, "{total:?}");
}

#[test]
fn edits_of_every_block_waste_little() {
    let total = save_again_and_again(everywhere);
    assert!(total.uploaded < total.new * 4, "{total:?}");
}

#[test]
fn edits_of_a_large_file_waste_little() {
    let total = save_again_and_again(growing);
    assert!(total.uploaded < total.new * 4, "{total:?}");
}

/// Bytes of packs, and what of them the snapshot before did not have.
#[derive(Debug, Default)]
struct Total {
    uploaded: u64,
    new: u64,
}

fn save_again_and_again(edit: Edit) -> Total {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    (0..FILES).for_each(|number| write(&file(&root, number), &noise(4 << 10, number)));
    write(&root.join("large"), &noise(LARGE, FILES));
    let store = Memory::default();
    let mut base = save_tree(&root, None, &store).unwrap().into_base();
    let mut total = Total::default();
    for round in 1..=INCREMENTS {
        edit(&root, round, &base.manifest);
        let saved = save_tree(&root, Some(&base), &store).unwrap();
        let manifest = saved.objects.iter().find(|object| object.id == saved.manifest).unwrap();
        total.uploaded += saved.uploaded - manifest.size;
        let known: HashSet<Digest> = chunks(&base.manifest).map(|(digest, ..)| digest).collect();
        base = saved.into_base();
        let fresh = chunks(&base.manifest).filter(|(digest, ..)| !known.contains(digest));
        total.new += fresh.map(|(.., length)| length).sum::<u64>();
        check_bounds(&base.manifest, round);
    }
    let out = dir.path().join("out");
    let restored = restore_tree(Arc::unwrap_or_clone(base.manifest), &out, None, &store).unwrap().into_base();
    assert_eq!(listing(&out), listing(&root));
    check_receipts_do_not_matter(edit, &out, &restored, &store);
    total
}

fn chunks(manifest: &Manifest) -> impl Iterator<Item = (Digest, u32, u64)> + '_ {
    let tree = &manifest.tree;
    let contents = tree.entries().filter_map(|(index, _)| tree.content(index));
    contents.flat_map(|content| {
        let places = tree.chunk_digests(content).iter().zip(tree.extents(content));
        places.map(|(digest, extent)| (*digest, extent.block, u64::from(extent.length)))
    })
}

/// The contents are noise: what is stored of them is as long as they are.
fn check_bounds(manifest: &Manifest, round: u64) {
    let mut seen = HashSet::new();
    let live: u64 = chunks(manifest).filter(|(digest, ..)| seen.insert(*digest)).map(|(.., length)| length).sum();
    let read: u64 = reads(manifest).iter().map(|(_, range)| range.end - range.start).sum();
    assert!(read * 10 <= live * 16, "round {round}: a restore reads {read} bytes for {live}");
    let cited: u64 = manifest.packs.iter().map(|pack| pack.size).sum();
    assert!(cited * 10 <= live * 22, "round {round}: {cited} bytes are cited for {live}");
    let packs = manifest.packs.len() as u64;
    assert!(packs <= 8 + live / (8 << 20) + 1, "round {round}: {packs} packs");
}

/// Another machine, which has to read every file, stores the very same.
fn check_receipts_do_not_matter(edit: Edit, root: &Path, base: &Base, store: &Memory) {
    let unknown = Base::without_receipts(base.manifest.clone());
    for round in INCREMENTS + 1..INCREMENTS + 4 {
        edit(root, round, &base.manifest);
        let here = save_tree(root, Some(base), store).unwrap();
        let elsewhere = save_tree(root, Some(&unknown), store).unwrap();
        assert_eq!(here.objects, elsewhere.objects, "round {round}");
    }
}
