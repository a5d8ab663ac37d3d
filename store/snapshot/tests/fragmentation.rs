//! A snapshot that is saved again and again does not fall to pieces.
#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::fs;

use common::*;

#[test]
fn a_hundred_increments_lean_on_few_packs_and_waste_little() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    for number in 0..400u64 {
        write(&root.join(format!("d{}/f{number}", number % 20)), &noise(4 << 10, number));
    }
    let store = Memory::default();
    let mut base = save_tree(&root, None, &store).unwrap().into_base();
    let (mut last, mut largest) = (None, 0);
    for round in 1..=100u64 {
        for edit in 0..8 {
            let number = (round * 37 + edit * 53) % 400;
            write(&root.join(format!("d{}/f{number}", number % 20)), &noise(4 << 10, round * 1_000 + number));
        }
        let saved = save_tree(&root, Some(&base), &store).unwrap();
        largest = largest.max(saved.uploaded);
        last = Some((saved.manifest, permitted(&saved)));
        base = saved.into_base();
    }
    let (manifest, objects) = last.unwrap();
    let cited: u64 = objects.iter().map(|object| object.size).sum();
    // 1.6 MiB of live content.
    assert!(objects.len() <= 8 + 1 + 9, "{} objects", objects.len());
    assert!(cited < (16 << 20) / 10 * 2, "{cited} bytes cited for 1.6 MiB");
    assert!(largest < 600 << 10, "one save stored {largest} bytes");
    let out = dir.path().join("out");
    let manifest = sci_snapshot::Manifest::load(&manifest, &objects, &store).unwrap();
    restore_tree(manifest, &out, None, &store).unwrap();
    assert_eq!(listing(&out), listing(&root));
    fs::remove_dir_all(dir.path()).unwrap();
}
