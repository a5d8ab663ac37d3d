//! Trees at the edges: very deep, very wide, longer paths than a system call takes, disks that are full.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::fs;
use std::path::Path;

use common::*;
use sci_sys::fd::OwnedFd;
use sci_sys::fs::{Mode, OFlags};

const DIR: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

/// A chain of directories far deeper than a path can say, with a file and a second directory at each level.
fn deep(root: &Path, levels: usize, content: &[u8]) {
    fs::create_dir(root).unwrap();
    let mut at: OwnedFd = sci_sys::fs::open(root, DIR, Mode::empty()).unwrap();
    for _ in 0..levels {
        for name in ["a long name for a directory", "Another"] {
            sci_sys::fs::mkdirat(&at, name, Mode::RWXU).unwrap();
        }
        let file = sci_sys::fs::openat(&at, "file", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR | Mode::WUSR).unwrap();
        sci_sys::io::write(&file, content).unwrap();
        at = sci_sys::fs::openat(&at, "a long name for a directory", DIR, Mode::empty()).unwrap();
    }
}

#[test]
fn a_tree_deeper_than_handles_can_be_open_and_paths_can_be_long() {
    // Fewer than there are levels.
    let limit = sci_sys::process::getrlimit(sci_sys::process::Resource::Nofile);
    let few = sci_sys::process::Rlimit { current: Some(300), ..limit };
    sci_sys::process::setrlimit(sci_sys::process::Resource::Nofile, few).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (source, out) = (dir.path().join("source"), dir.path().join("out"));
    deep(&source, 400, b"first");
    let store = Memory::default();
    let first = save_tree(&source, None, &store).unwrap();
    assert_eq!(first.files, 400);
    let restored = restore_tree(load(&first, &store).unwrap(), &out, None, &store).unwrap();
    assert_eq!(restored.written, 3 * 400 + 1);
    assert_eq!(save_tree(&out, None, &store).unwrap().tree, first.tree);
    // Another chain: the old one goes.
    let other = dir.path().join("other");
    deep(&other.with_file_name("inner"), 300, b"second");
    fs::create_dir(&other).unwrap();
    fs::rename(other.with_file_name("inner"), other.join("inner")).unwrap();
    let second = save_tree(&other, None, &store).unwrap();
    restore_tree(load(&second, &store).unwrap(), &out, None, &store).unwrap();
    assert_eq!(save_tree(&out, None, &store).unwrap().tree, second.tree);
    assert!(!dir.path().join(".sci-stage.out").exists());
    // The standard library would need a handle for each level to remove these.
    for root in [&source, &out, &other] {
        let empty = dir.path().join("empty");
        fs::create_dir_all(&empty).unwrap();
        let nothing = load(&save_tree(&empty, None, &store).unwrap(), &store).unwrap();
        restore_tree(nothing, root, None, &store).unwrap();
        fs::remove_dir(root).unwrap();
    }
}

#[test]
fn many_files_in_one_directory() {
    const FILES: u32 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    let (source, out) = (dir.path().join("source"), dir.path().join("out"));
    fs::create_dir(&source).unwrap();
    for number in 0..FILES {
        fs::write(source.join(format!("{number}")), number.to_le_bytes()).unwrap();
    }
    let store = Memory::default();
    let saved = save_tree(&source, None, &store).unwrap();
    let manifest = load(&saved, &store).unwrap();
    let base = restore_tree(manifest.clone(), &out, None, &store).unwrap().into_base();
    assert_eq!(save_tree(&out, Some(&base), &store).unwrap().tree, saved.tree);
    fs::remove_file(out.join("77")).unwrap();
    let again = restore_tree(manifest, &out, Some(&base), &store).unwrap();
    assert_eq!((again.written, again.removed), (1, 0));
}
