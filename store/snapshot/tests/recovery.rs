//! What an interrupted restore leaves behind is completed or cleared away, from any point.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::*;
use sci_snapshot::restore::{self, Recovered};
use sci_snapshot::{Manifest, Progress, RestoreRequest};

/// Version 1 on disk, version 2 in the store.
fn two_versions(dir: &Path, store: &Memory) -> (PathBuf, Manifest, Vec<String>, Vec<String>) {
    let root = dir.join("tree");
    awkward(&root);
    let old = listing(&root);
    let next = dir.join("next");
    awkward(&next);
    write(&next.join("plain"), b"another\n");
    fs::remove_dir_all(next.join("sub.d")).unwrap();
    fs::remove_file(next.join("-dash")).unwrap();
    write(&next.join("-dash/now a directory"), b"x");
    write(&next.join("brand/new/file"), b"x");
    let saved = save_tree(&next, None, store).unwrap();
    let new = listing(&next);
    let manifest = load(&saved, store).unwrap();
    (root, manifest, old, new)
}

fn request<'a>(root: &'a Path, manifest: Manifest, progress: &'a dyn Progress) -> RestoreRequest<'a> {
    static NOTHING: std::sync::LazyLock<sci_snapshot::Excludes> = std::sync::LazyLock::new(Default::default);
    let anchor = root.parent().unwrap();
    RestoreRequest {
        anchor,
        root,
        manifest: manifest.into(),
        excludes: &NOTHING,
        base: None,
        merge: false,
        threads: 1,
        progress,
    }
}

fn recover(anchor: &Path, root: &Path) -> sci_snapshot::Result<Recovered> {
    restore::recover(anchor, root, &mut || panic!("nothing was changed"))
}

#[test]
fn before_the_intent_the_old_tree_stands_and_staging_is_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let store = Memory::default();
    let (root, manifest, old, _) = two_versions(dir.path(), &store);
    let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        sci_snapshot::restore(request(&root, manifest, &Dies), &store).map(drop)
    }));
    assert!(died.is_err());
    assert!(dir.path().join(".sci-stage.tree").exists());
    assert_eq!(recover(dir.path(), &root).unwrap(), Recovered::Discarded);
    assert_eq!(listing(&root), old);
    assert!(!dir.path().join(".sci-stage.tree").exists());
    assert_eq!(recover(dir.path(), &root).unwrap(), Recovered::Nothing);
}

#[test]
fn staging_without_an_intent_is_cleared_whatever_else_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let store = Memory::default();
    let (root, manifest, _, new) = two_versions(dir.path(), &store);
    sci_snapshot::restore(request(&root, manifest, &sci_snapshot::Silent), &store).unwrap();
    // As a restore leaves it that was killed while it cleared away.
    write(&dir.path().join(".sci-stage.tree/trash/3/file"), b"old");
    write(&dir.path().join(".sci-stage.tree/new/9"), b"never installed");
    assert_eq!(recover(dir.path(), &root).unwrap(), Recovered::Discarded);
    assert_eq!(listing(&root), new);
}

#[test]
fn a_damaged_intent_is_told_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Memory::default();
    let (root, _, old, _) = two_versions(dir.path(), &store);
    write(&dir.path().join(".sci-stage.tree/intent"), b"sci intent   v2\nrubbish");
    let error = recover(dir.path(), &root).unwrap_err().to_string();
    assert!(error.contains("intent") && error.contains("damaged"), "{error}");
    assert_eq!(listing(&root), old);
}

#[test]
fn a_link_on_the_way_to_the_target_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Memory::default();
    let (_, manifest, _, _) = two_versions(dir.path(), &store);
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), dir.path().join("packages")).unwrap();
    let root = dir.path().join("packages/node_modules");
    let mut wanted = request(&root, manifest, &sci_snapshot::Silent);
    wanted.anchor = dir.path();
    let error = sci_snapshot::restore(wanted, &store).unwrap_err().to_string();
    assert!(error.contains("packages/node_modules"), "{error}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}
