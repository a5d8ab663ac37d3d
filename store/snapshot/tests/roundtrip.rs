//! What is saved comes back exactly, whatever the target holds.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use common::*;
use sci_snapshot::LocalState;

fn scratch() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    fs::create_dir(&root).unwrap();
    (dir, root)
}

#[test]
fn an_awkward_tree_comes_back_exactly() {
    let (dir, root) = scratch();
    awkward(&root);
    let store = Memory::default();
    let saved = save_tree(&root, None, &store).unwrap();
    let out = dir.path().join("out");
    let restored = restore_tree(load(&saved, &store).unwrap(), &out, None, &store).unwrap();
    assert_eq!(listing(&out), listing(&root));
    assert!(fs::metadata(out.join("sparse")).unwrap().blocks() * 512 < 8 << 20, "holes take no room");
    assert_eq!(restored.kept, 0);
    assert!(!dir.path().join(".sci-stage.out").exists(), "staging is gone");
}

#[test]
fn identical_content_is_stored_once_and_packs_are_reproducible() {
    let (dir, root) = scratch();
    awkward(&root);
    let (first, second) = (Memory::default(), Memory::default());
    let saved = save_tree(&root, None, &first).unwrap();
    // 3 MiB + 17 MiB of noise, though 23 MiB are there.
    assert!(first.bytes() < (20 << 20) + (100 << 10) + 321, "stored {}", first.bytes());
    let again = save_tree(&root, None, &second).unwrap();
    assert_eq!(saved.objects, again.objects);
    drop(dir);
}

#[test]
fn a_file_or_a_link_alone_is_a_tree() {
    let (dir, _) = scratch();
    let store = Memory::default();
    let file = dir.path().join("file");
    write(&file, b"only");
    let link = dir.path().join("link");
    std::os::unix::fs::symlink("file", &link).unwrap();
    for root in [&file, &link] {
        let saved = save_tree(root, None, &store).unwrap();
        let out = dir.path().join("out");
        restore_tree(load(&saved, &store).unwrap(), &out, None, &store).unwrap();
        assert_eq!(listing(&out), listing(root));
        restore_tree(load(&saved, &store).unwrap(), &out, None, &store).unwrap();
        fs::remove_file(&out).unwrap();
    }
}

/// All bits of a mode, those included that no snapshot has.
fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn of_setuid_setgid_and_sticky_nothing_is_saved_and_nothing_comes_back() {
    let (dir, root) = scratch();
    let modes = [("setuid", 0o4755), ("setgid", 0o2750), ("both", 0o6711), ("shared", 0o1777), ("group", 0o2775)];
    write(&root.join("both"), b"b");
    write(&root.join("setuid"), b"u");
    write(&root.join("setgid"), b"g");
    fs::create_dir(root.join("shared")).unwrap();
    fs::create_dir(root.join("group")).unwrap();
    for (name, mode_before) in modes {
        chmod(&root.join(name), mode_before);
        assert_eq!(mode(&root.join(name)), mode_before, "the file system keeps {name}");
    }
    let store = Memory::default();
    let saved = save_tree(&root, None, &store).unwrap();
    let manifest = load(&saved, &store).unwrap();
    let entry = |name: &str| {
        let tree = &manifest.tree;
        tree.entries().find(|(index, _)| tree.path(*index) == name.as_bytes()).unwrap().1
    };
    for (name, mode_before) in modes {
        assert_eq!(u32::from(entry(name).mode), mode_before & 0o777, "{name} in the manifest");
    }
    // Into nothing; and over files of other content that are of other users' rights.
    let (fresh, over) = (dir.path().join("fresh"), dir.path().join("over"));
    write(&over.join("setuid"), b"another");
    write(&over.join("setgid"), b"another");
    chmod(&over.join("setuid"), 0o4755);
    chmod(&over.join("setgid"), 0o6777);
    for out in [&fresh, &over] {
        restore_tree(manifest.clone(), out, None, &store).unwrap();
        for (name, mode_before) in modes {
            assert_eq!(mode(&out.join(name)), mode_before & 0o777, "{name} in {}", out.display());
        }
    }
}

#[test]
fn a_restore_repairs_whatever_was_altered() {
    let (dir, root) = scratch();
    awkward(&root);
    let wanted = listing(&root);
    let store = Memory::default();
    let saved = save_tree(&root, None, &store).unwrap();
    let manifest = load(&saved, &store).unwrap();
    let base = saved.into_base();
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 12] = [
        ("content", |root| write(&root.join("plain"), b"HI\n")),
        ("same size, mtime put back", |root| {
            let path = root.join("sub/inner/file");
            let stat = fs::metadata(&path).unwrap();
            write(&path, b"INNER");
            set_mtime(&path, stat.mtime(), stat.mtime_nsec() as u32);
        }),
        ("mode", |root| chmod(&root.join("exec"), 0o644)),
        ("directory mode", |root| chmod(&root.join("sub"), 0o700)),
        ("mtime", |root| set_mtime(&root.join("zero"), 7, 7)),
        ("extra", |root| write(&root.join("sub/extra/more/file"), b"x")),
        ("missing", |root| fs::remove_dir_all(root.join("sub.d")).unwrap()),
        ("file to directory", |root| {
            fs::remove_file(root.join("-dash")).unwrap();
            write(&root.join("-dash/inside"), b"x");
        }),
        ("directory to link", |root| {
            fs::remove_dir_all(root.join("empty")).unwrap();
            std::os::unix::fs::symlink("/tmp", root.join("empty")).unwrap();
        }),
        ("link to file", |root| {
            fs::remove_file(root.join("link")).unwrap();
            write(&root.join("link"), b"no link");
        }),
        ("hard link broken", |root| {
            let content = fs::read(root.join("hard1")).unwrap();
            fs::remove_file(root.join("hard1")).unwrap();
            write(&root.join("hard1"), &content);
        }),
        ("hard link to a stranger", |root| {
            fs::remove_file(root.join("copy of large")).unwrap();
            fs::hard_link(root.join("large"), root.join("copy of large")).unwrap();
        }),
    ];
    for (name, harm) in harms {
        for known in [Some(&base), None] {
            chmod(&root.join("locked"), 0o755);
            harm(&root);
            restore_tree(manifest.clone(), &root, known, &store).unwrap();
            assert_eq!(listing(&root), wanted, "after {name}");
        }
    }
    drop(dir);
}

#[test]
fn a_second_restore_writes_nothing_and_a_second_save_stores_nothing() {
    let (dir, root) = scratch();
    awkward(&root);
    let store = Memory::default();
    let saved = save_tree(&root, None, &store).unwrap();
    let out = dir.path().join("out");
    let restored = restore_tree(load(&saved, &store).unwrap(), &out, None, &store).unwrap();
    let state = LocalState::new(dir.path().join("state"));
    // What a killed process left of an attempt is written over.
    write(&state.dir().join("base.partial"), &noise(100_000, 9));
    state.remember(&restored.into_base()).unwrap();
    assert_eq!(fs::read_dir(state.dir()).unwrap().count(), 1);
    let base = state.base().unwrap();
    let again = restore_tree(load(&saved, &store).unwrap(), &out, Some(&base), &store).unwrap();
    assert_eq!((again.written, again.adjusted, again.removed), (0, 0, 0));
    let before = store.bytes();
    let saved_again = save_tree(&out, Some(&base), &store).unwrap();
    assert!(saved_again.unchanged);
    assert_eq!((saved_again.uploaded, store.bytes()), (0, before));
    assert_eq!(saved_again.manifest, saved.manifest);
}

#[test]
fn an_increment_stores_what_changed_and_restores_over_the_old_tree() {
    let (dir, root) = scratch();
    for number in 0..3_000 {
        write(&root.join(format!("package{}/file{number}", number % 60)), format!("content {number}").as_bytes());
    }
    write(&root.join("library"), &noise(8 << 20, 3));
    let store = Memory::default();
    let first = save_tree(&root, None, &store).unwrap();
    let old = load(&first, &store).unwrap();
    let (before, base) = (store.bytes(), first.into_base());
    write(&root.join("package7/file7"), b"changed");
    let mut library = noise(8 << 20, 3);
    library.splice(5_000_000..5_000_000, *b"an insertion");
    write(&root.join("library"), &library);
    fs::remove_dir_all(root.join("package9")).unwrap();
    let second = save_tree(&root, Some(&base), &store).unwrap();
    assert!(!second.unchanged);
    let growth = store.bytes() - before;
    assert!(growth < 900 << 10, "{growth} bytes for one changed chunk and file");
    let out = dir.path().join("out");
    let restored = restore_tree(old, &out, None, &store).unwrap().into_base();
    let next = restore_tree(load(&second, &store).unwrap(), &out, Some(&restored), &store).unwrap();
    assert_eq!(listing(&out), listing(&root));
    assert_eq!((next.written, next.removed), (2, 1));
}

#[test]
fn same_size_edits_with_their_mtime_put_back_are_saved() {
    let (dir, root) = scratch();
    write(&root.join("file"), b"before");
    set_mtime(&root.join("file"), 1_600_000_000, 0);
    let store = Memory::default();
    let first = save_tree(&root, None, &store).unwrap();
    let out = dir.path().join("out");
    let base = restore_tree(load(&first, &store).unwrap(), &out, None, &store).unwrap().into_base();
    write(&out.join("file"), b"behind");
    set_mtime(&out.join("file"), 1_600_000_000, 0);
    let second = save_tree(&out, Some(&base), &store).unwrap();
    assert!(!second.unchanged);
    assert_ne!(second.tree, first.tree);
}

/// Saves all but what is excluded.
fn save_without(excludes: &sci_snapshot::Excludes, root: &Path, store: &Memory) -> sci_snapshot::Saved {
    let request = sci_snapshot::SaveRequest {
        anchor: root.parent().unwrap(),
        root,
        excludes,
        select: None,
        base: None,
        references: None,
        inputs: Vec::new(),
        threads: 1,
        progress: &sci_snapshot::Silent,
    };
    sci_snapshot::save(request, store).unwrap()
}

#[test]
fn excluded_entries_are_neither_saved_nor_touched() {
    let (dir, root) = scratch();
    write(&root.join("debug/keep"), b"k");
    write(&root.join("debug/incremental/huge"), b"h");
    let store = Memory::default();
    let excludes = sci_snapshot::Excludes::new(&["**/incremental"]).unwrap();
    let saved = save_without(&excludes, &root, &store);
    assert_eq!(saved.files, 1);
    fs::remove_file(root.join("debug/keep")).unwrap();
    let request = sci_snapshot::RestoreRequest {
        anchor: dir.path(),
        root: &root,
        manifest: load(&saved, &store).unwrap().into(),
        excludes: &excludes,
        base: None,
        merge: false,
        threads: 1,
        progress: &sci_snapshot::Silent,
    };
    sci_snapshot::restore(request, &store).unwrap();
    assert_eq!(fs::read(root.join("debug/keep")).unwrap(), b"k");
    assert_eq!(fs::read(root.join("debug/incremental/huge")).unwrap(), b"h");
}

#[test]
fn entries_that_are_excluded_by_name_are_not_saved_and_leave_their_other_names() {
    let (_dir, root) = scratch();
    write(&root.join("deps/app-old"), b"old");
    write(&root.join("deps/app-new"), b"new");
    write(&root.join("build/app-old/out/table"), b"t");
    fs::create_dir_all(root.join("build/app-new/out")).unwrap();
    // A second name of what is left out, in a place that is kept.
    fs::hard_link(root.join("deps/app-old"), root.join("example")).unwrap();
    let store = Memory::default();
    let paths = ["deps/app-old", "build/app-old"].map(|path| path.as_bytes().to_vec());
    let excludes = sci_snapshot::Excludes::default().with_paths(paths.into());
    let saved = save_without(&excludes, &root, &store);
    assert_eq!(saved.files, 2);
    // Where nothing is excluded, a restore makes the tree the snapshot's.
    restore_tree(load(&saved, &store).unwrap(), &root, None, &store).unwrap();
    assert!(!root.join("deps/app-old").exists() && !root.join("build/app-old").exists());
    assert!(root.join("build/app-new/out").is_dir());
    assert_eq!(fs::read(root.join("example")).unwrap(), b"old");
}

#[test]
fn a_merge_only_adds() {
    let (dir, root) = scratch();
    write(&root.join("cache/one"), b"one");
    write(&root.join("cache/two"), b"two");
    let store = Memory::default();
    let saved = save_tree(&root, None, &store).unwrap();
    let out = dir.path().join("out");
    write(&out.join("cache/two"), b"mine");
    write(&out.join("cache/three"), b"three");
    let request = sci_snapshot::RestoreRequest {
        anchor: dir.path(),
        root: &out,
        manifest: load(&saved, &store).unwrap().into(),
        excludes: &sci_snapshot::Excludes::default(),
        base: None,
        merge: true,
        threads: 1,
        progress: &sci_snapshot::Silent,
    };
    sci_snapshot::restore(request, &store).unwrap();
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(
        (read("cache/one"), read("cache/two"), read("cache/three")),
        ("one".into(), "mine".into(), "three".into())
    );
}

#[test]
fn every_flipped_bit_is_found_and_leaves_the_tree_alone() {
    let (dir, root) = scratch();
    for number in 0..40u64 {
        write(&root.join(format!("d{}/f{number}", number % 7)), &noise(3_000, number));
    }
    let store = Memory::default();
    let saved = save_tree(&root, None, &store).unwrap();
    let out = dir.path().join("out");
    write(&out.join("mine"), b"mine");
    let before = listing(&out);
    for (round, object) in saved.objects.iter().cycle().take(1_000).enumerate() {
        let at = (round as u64 * 7_919_777) % object.size;
        let flip =
            |store: &Memory| store.0.lock().unwrap().get_mut(&object.id).unwrap()[at as usize] ^= 1 << (round % 8);
        flip(&store);
        let outcome = load(&saved, &store).and_then(|manifest| restore_tree(manifest, &out, None, &store));
        let error = outcome.expect_err("a flipped bit went unnoticed").to_string();
        assert!(error.contains("damaged"), "{error}");
        assert_eq!(listing(&out), before);
        flip(&store);
    }
}
