//! Which directories are listed, and of which of them the names are remembered.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::Manifest;
use crate::local::receipts_of_read;

/// A tree of one directory for each way in which its names may be known.
fn tree() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, file) in [("plain", "a"), ("staged", ".sci-stage.x"), ("excluded", "no"), ("mixed", "b")] {
        fs::create_dir(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join(file), "").unwrap();
    }
    fs::create_dir(dir.path().join("special")).unwrap();
    UnixListener::bind(dir.path().join("special/socket")).unwrap();
    dir
}

fn excludes() -> Excludes {
    Excludes::new(&["*/no"]).unwrap()
}

/// Much later than whatever happens in a test.
fn later() -> i64 {
    now() + 60_000_000_000
}

fn walked(started: i64, root: &Path, base: Option<&Base>) -> Walked {
    walk_at(started, root, &excludes(), base, 2).unwrap().unwrap()
}

fn lasting(walked: &Walked) -> Vec<String> {
    let paths = (0..walked.tree.len()).filter(|index| walked.is_lasting(*index)).map(|index| walked.tree.path(index));
    paths.map(|path| String::from_utf8(path).unwrap()).collect()
}

fn names(walked: &Walked) -> Vec<String> {
    (1..walked.tree.len()).map(|index| String::from_utf8(walked.tree.path(index)).unwrap()).collect()
}

/// What is remembered of `walked`, but that every `a` is said to be an `x`: so it shows who is asked.
fn told(walked: Walked) -> Base {
    let device = walked.device;
    let (found, receipts) = receipts_of_read(walked, later());
    let mut tree = Tree::default();
    for (index, entry) in found.entries() {
        let name = if found.name(index) == b"a" { b"x" } else { found.name(index) };
        tree.push(entry.parent, name, entry.kind, entry.mode, entry.mtime, entry.size);
    }
    Base::new(Arc::new(Manifest { tree, ..Manifest::default() }), receipts, device)
}

#[test]
fn names_last_where_the_tree_has_all_of_them() {
    let dir = tree();
    assert_eq!(lasting(&walked(later(), dir.path(), None)), ["mixed", "plain"]);
    assert!(lasting(&walked(now(), dir.path(), None)).is_empty(), "so young a directory may change unseen");
}

#[test]
fn names_do_not_last_where_some_are_left_out() {
    let dir = tree();
    fs::write(dir.path().join("mixed/c"), "").unwrap();
    let mut walked = walked(later(), dir.path(), None);
    walked.retain(&|path, _| !path.ends_with(b"c"));
    assert_eq!(names(&walked), ["mixed", "mixed/b", "plain", "plain/a"]);
    assert_eq!(lasting(&walked), ["plain"]);
}

#[test]
fn a_directory_that_looks_as_it_did_is_not_listed() {
    let dir = tree();
    let base = told(walked(later(), dir.path(), None));
    let again = walked(now(), dir.path(), Some(&base));
    // What is told and is not there is as if it had just been removed.
    assert_eq!(names(&again), ["excluded", "mixed", "mixed/b", "plain", "special", "staged"]);
    assert_eq!(lasting(&again), ["mixed", "plain"]);
}

#[test]
fn a_directory_that_changed_is_listed() {
    let dir = tree();
    let base = told(walked(later(), dir.path(), None));
    fs::write(dir.path().join("plain/new"), "").unwrap();
    let again = walked(now(), dir.path(), Some(&base));
    assert_eq!(names(&again)[3..6], ["plain", "plain/a", "plain/new"]);
    // And one in its place.
    fs::remove_dir_all(dir.path().join("mixed")).unwrap();
    fs::rename(dir.path().join("plain"), dir.path().join("mixed")).unwrap();
    let again = walked(now(), dir.path(), Some(&base));
    assert_eq!(names(&again)[1..4], ["mixed", "mixed/a", "mixed/new"]);
}

#[test]
fn what_is_remembered_of_another_device_is_not_believed() {
    let dir = tree();
    let mut base = told(walked(later(), dir.path(), None));
    base.device += 1;
    assert!(names(&walked(now(), dir.path(), Some(&base))).contains(&"plain/a".to_owned()));
}

#[test]
fn what_is_excluded_by_now_is_not_found() {
    let dir = tree();
    let base = told(walked(later(), dir.path(), None));
    let excludes = Excludes::new(&["mixed/b"]).unwrap();
    let again = walk_at(now(), dir.path(), &excludes, Some(&base), 2).unwrap().unwrap();
    assert!(!names(&again).contains(&"mixed/b".to_owned()));
}
