//! Merges into shared directories, excluded entries, and selections: what is there stays, what is missing comes.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use common::*;
use sci_snapshot::tree::Stat;
use sci_snapshot::{Excludes, Manifest, RestoreRequest, Restored, SaveRequest, Saved, Silent, restore, save};

fn merge(manifest: Manifest, root: &Path, excludes: &Excludes, merge: bool, store: &Memory) -> Restored {
    let (anchor, base, threads) = (root.parent().unwrap(), None, 2);
    restore(
        RestoreRequest { anchor, root, manifest: manifest.into(), excludes, base, merge, threads, progress: &Silent },
        store,
    )
    .unwrap()
}

fn select(root: &Path, store: &Memory, select: &(dyn Fn(&[u8], &Stat) -> bool + Sync)) -> Saved {
    let request = SaveRequest {
        anchor: root.parent().unwrap(),
        root,
        excludes: &Excludes::default(),
        select: Some(select),
        base: None,
        references: None,
        inputs: Vec::new(),
        threads: 2,
        progress: &Silent,
    };
    save(request, store).unwrap()
}

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

#[test]
fn a_merge_fills_an_empty_directory_and_leaves_its_mode() {
    let dir = tempfile::tempdir().unwrap();
    let (source, out) = (dir.path().join("source"), dir.path().join("out"));
    write(&source.join("cache/one"), b"one");
    let store = Memory::default();
    let manifest = load(&save_tree(&source, None, &store).unwrap(), &store).unwrap();
    fs::create_dir(&out).unwrap();
    chmod(&out, 0o711);
    merge(manifest.clone(), &out, &Excludes::default(), true, &store);
    assert_eq!(fs::read(out.join("cache/one")).unwrap(), b"one");
    assert_eq!(fs::metadata(&out).unwrap().mode() & 0o777, 0o711);
    assert_eq!(merge(manifest, &out, &Excludes::default(), true, &store).written, 0);
}

#[test]
fn links_to_a_file_that_stays_are_built_as_files_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let (source, out) = (dir.path().join("source"), dir.path().join("out"));
    write(&source.join("bin/cargo"), b"a proxy");
    for name in ["bin/rustc", "bin/rustdoc", "more/rustfmt"] {
        fs::create_dir_all(source.join(name).parent().unwrap()).unwrap();
        fs::hard_link(source.join("bin/cargo"), source.join(name)).unwrap();
    }
    write(&source.join("large"), &noise(3 << 20, 4));
    fs::hard_link(source.join("large"), source.join("larger")).unwrap();
    chmod(&source.join("bin/cargo"), 0o755);
    set_mtime(&source.join("bin/cargo"), 1_000, 0);
    let store = Memory::default();
    let manifest = load(&save_tree(&source, None, &store).unwrap(), &store).unwrap();
    write(&out.join("bin/cargo"), b"mine");
    write(&out.join("large"), b"mine too");
    let base = merge(manifest.clone(), &out, &Excludes::default(), true, &store).into_base();
    assert_eq!(fs::read(out.join("bin/cargo")).unwrap(), b"mine");
    assert_eq!(fs::read(out.join("larger")).unwrap(), noise(3 << 20, 4));
    for name in ["bin/rustc", "bin/rustdoc", "more/rustfmt"] {
        let stat = fs::metadata(out.join(name)).unwrap();
        assert_eq!(fs::read(out.join(name)).unwrap(), b"a proxy", "{name}");
        assert_eq!((stat.mode() & 0o777, stat.mtime()), (0o755, 1_000));
        assert_eq!(stat.ino(), inode(&out.join("bin/rustc")), "they are one file, as in the snapshot");
    }
    assert_eq!(merge(manifest, &out, &Excludes::default(), true, &store).written, 0);
    // What is vouched for is cited unread: a save by this base must see the user's own files.
    let saved = save_tree(&out, Some(&base), &store).unwrap();
    let again = dir.path().join("again");
    restore_tree(load(&saved, &store).unwrap(), &again, None, &store).unwrap();
    assert_eq!(listing(&again), listing(&out));
}

#[test]
fn what_is_excluded_stays_even_in_a_directory_that_goes() {
    let dir = tempfile::tempdir().unwrap();
    let (source, out) = (dir.path().join("source"), dir.path().join("out"));
    write(&source.join("debug/keep"), b"k");
    let store = Memory::default();
    let manifest = load(&save_tree(&source, None, &store).unwrap(), &store).unwrap();
    let excludes = Excludes::new(&["**/incremental", "*.log"]).unwrap();
    for path in ["release/deps/incremental/huge", "build.log"] {
        write(&out.join(path), b"h");
    }
    merge(manifest.clone(), &out, &excludes, false, &store);
    write(&out.join("release/deps/gone"), b"x");
    write(&out.join("release/gone/too"), b"x");
    assert_eq!(merge(manifest.clone(), &out, &excludes, false, &store).removed, 2);
    for path in ["release/deps/incremental/huge", "build.log", "debug/keep"] {
        assert!(out.join(path).exists(), "{path}");
    }
    assert_eq!(fs::read_dir(out.join("release")).unwrap().count(), 1);
    assert_eq!(merge(manifest, &out, &excludes, false, &store).removed, 0);
}

#[test]
fn a_target_that_holds_nothing_but_what_is_excluded_is_restored_around_it() {
    let dir = tempfile::tempdir().unwrap();
    let (source, out) = (dir.path().join("source"), dir.path().join("out"));
    write(&source.join("keep"), b"k");
    let store = Memory::default();
    let manifest = load(&save_tree(&source, None, &store).unwrap(), &store).unwrap();
    write(&out.join("build.log"), b"log");
    write(&out.join(".sci-stage.nested/new/1"), b"of a path below this one");
    merge(manifest, &out, &Excludes::new(&["*.log"]).unwrap(), false, &store);
    assert_eq!(fs::read(out.join("keep")).unwrap(), b"k");
    assert_eq!(fs::read(out.join("build.log")).unwrap(), b"log");
}

#[test]
fn a_selection_keeps_the_links_between_what_it_takes() {
    let dir = tempfile::tempdir().unwrap();
    let (source, out) = (dir.path().join("source"), dir.path().join("out"));
    write(&source.join("a"), b"one file");
    for name in ["b", "c", "d"] {
        fs::hard_link(source.join("a"), source.join(name)).unwrap();
    }
    let store = Memory::default();
    let saved = select(&source, &store, &|path, _| path != b"a" && path != b"c");
    restore_tree(load(&saved, &store).unwrap(), &out, None, &store).unwrap();
    assert_eq!(fs::read_dir(&out).unwrap().count(), 2);
    assert_eq!(inode(&out.join("b")), inode(&out.join("d")));
}
