//! Files that change while they are saved: what is stored is one state of each file, or nothing is.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::*;
use sci_snapshot::{Excludes, Progress, Result, SaveRequest, Saved, SnapshotError, save};

fn save_while(root: &Path, progress: &dyn Progress, store: &Memory) -> Result<Saved> {
    let request = SaveRequest {
        anchor: root.parent().unwrap(),
        root,
        excludes: &Excludes::default(),
        select: None,
        base: None,
        references: None,
        inputs: Vec::new(),
        threads: 3,
        progress,
    };
    save(request, store)
}

fn tree(dir: &Path) -> PathBuf {
    let root = dir.join("tree");
    write(&root.join("small"), b"before");
    write(&root.join("large"), &noise(20 << 20, 1));
    write(&root.join("first"), b"one file");
    fs::hard_link(root.join("first"), root.join("second")).unwrap();
    root
}

#[test]
fn a_file_that_changes_once_is_saved_as_it_is_then() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 7] = [
        ("grows", |root| write(&root.join("small"), &noise(2 << 20, 3))),
        ("shrinks", |root| write(&root.join("large"), b"small")),
        ("loses its end", |root| {
            fs::OpenOptions::new().write(true).open(root.join("large")).unwrap().set_len(9 << 20).unwrap();
        }),
        ("is rewritten", |root| write(&root.join("large"), &noise(20 << 20, 2))),
        ("gets another mode", |root| chmod(&root.join("small"), 0o600)),
        ("is rewritten under both names", |root| write(&root.join("second"), b"1 FILE")),
        ("is replaced", |root| {
            write(&root.with_file_name("next"), b"next");
            fs::rename(root.with_file_name("next"), root.join("small")).unwrap();
        }),
    ];
    for (what, change) in changes {
        let dir = tempfile::tempdir().unwrap();
        let root = tree(dir.path());
        let store = Memory::default();
        let saved = save_while(&root, &Meddler(|| change(&root)), &store).unwrap();
        let out = dir.path().join("out");
        restore_tree(load(&saved, &store).unwrap(), &out, None, &store).unwrap();
        // The directory's own time is that of before the rename.
        assert_eq!(listing(&out)[1..], listing(&root)[1..], "a file {what}");
    }
}

#[test]
fn a_file_that_vanishes_or_is_no_longer_one_with_its_links_is_no_state_to_keep() {
    type Change = fn(&Path);
    let changes: [Change; 4] = [
        |root| fs::remove_file(root.join("large")).unwrap(),
        |root| {
            fs::remove_file(root.join("small")).unwrap();
            assert!(Command::new("mkfifo").arg(root.join("small")).status().unwrap().success());
        },
        |root| {
            fs::remove_file(root.join("small")).unwrap();
            fs::create_dir(root.join("small")).unwrap();
        },
        |root| {
            write(&root.with_file_name("next"), b"next");
            fs::rename(root.with_file_name("next"), root.join("first")).unwrap();
        },
    ];
    for change in changes {
        let dir = tempfile::tempdir().unwrap();
        let root = tree(dir.path());
        let error = save_while(&root, &Meddler(|| change(&root)), &Memory::default()).unwrap_err();
        assert!(matches!(error, SnapshotError::Changing { .. }), "{error}");
    }
}

#[test]
fn a_link_on_the_way_is_refused_even_when_no_file_needs_reading() {
    let dir = tempfile::tempdir().unwrap();
    let (workspace, outside) = (dir.path().join("workspace"), dir.path().join("outside"));
    fs::create_dir_all(outside.join("tree/empty")).unwrap();
    fs::create_dir(&workspace).unwrap();
    std::os::unix::fs::symlink(&outside, workspace.join("packages")).unwrap();
    let root = workspace.join("packages/tree");
    let request = SaveRequest {
        anchor: &workspace,
        root: &root,
        excludes: &Excludes::default(),
        select: None,
        base: None,
        references: None,
        inputs: Vec::new(),
        threads: 1,
        progress: &sci_snapshot::Silent,
    };
    assert!(save(request, &Memory::default()).is_err());
}

#[test]
fn a_panic_in_one_thread_ends_them_all() {
    let dir = tempfile::tempdir().unwrap();
    let root = tree(dir.path());
    let died = std::panic::catch_unwind(|| save_while(&root, &Dies, &Memory::default()).map(drop));
    assert!(died.is_err());
}
