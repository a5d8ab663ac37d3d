//! Told to stop, the engine leaves everything as it was, wherever it is; or it has passed the point of no return.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use sci_snapshot::{Excludes, Progress, RestoreRequest, Room, SaveRequest, SnapshotError, restore, save};

/// Stops at the nth question whether to.
struct StopsAt {
    nth: usize,
    asked: AtomicUsize,
    room: Mutex<Room>,
}

impl StopsAt {
    fn new(nth: usize) -> Self {
        Self { nth, asked: AtomicUsize::new(0), room: Mutex::default() }
    }
}

impl Progress for StopsAt {
    fn total(&self, _items: u64, _bytes: u64) {}
    fn advance(&self, _items: u64, _bytes: u64) {}
    fn room(&self, room: Room) {
        *self.room.lock().unwrap() = room;
    }
    fn interrupted(&self) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed) >= self.nth
    }
}

fn request<'a>(root: &'a Path, manifest: sci_snapshot::Manifest, progress: &'a dyn Progress) -> RestoreRequest<'a> {
    static NOTHING: std::sync::LazyLock<Excludes> = std::sync::LazyLock::new(Default::default);
    let anchor = root.parent().unwrap();
    let manifest = manifest.into();
    RestoreRequest { anchor, root, manifest, excludes: &NOTHING, base: None, merge: false, threads: 2, progress }
}

/// A tree of many files and a large one, whose version 2 differs in a part of them.
fn lay(root: &Path, version: u64) {
    for number in 0..600 {
        let content = if number % 3 == 0 { number * 10 + version } else { number };
        write(&root.join(format!("d{}/f{number}", number % 9)), &noise(2_000, content));
    }
    write(&root.join("large"), &noise(9 << 20, version));
}

#[test]
fn an_interrupted_restore_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Memory::default();
    lay(&dir.path().join("next"), 2);
    let manifest = load(&save_tree(&dir.path().join("next"), None, &store).unwrap(), &store).unwrap();
    let new = listing(&dir.path().join("next"));
    for existing in [false, true] {
        let work = tempfile::tempdir().unwrap();
        let root = work.path().join("tree");
        if existing {
            lay(&root, 1);
        }
        let before = existing.then(|| listing(&root));
        let mut interrupted = 0;
        for nth in 0.. {
            match restore(request(&root, manifest.clone(), &StopsAt::new(nth)), &store) {
                Err(SnapshotError::Interrupted) => interrupted += 1,
                Err(error) => panic!("{error}"),
                Ok(_) => break,
            }
            assert_eq!(root.exists().then(|| listing(&root)), before, "stopped at {nth}");
            let left = fs::read_dir(work.path()).unwrap().count();
            assert_eq!(left, usize::from(existing), "stopped at {nth}: something was left behind");
        }
        assert!(interrupted > 4, "it was asked {interrupted} times only");
        assert_eq!(listing(&root), new);
    }
}

#[test]
fn an_interrupted_save_can_be_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    lay(&root, 1);
    let store = Memory::default();
    let whole = save_tree(&root, None, &Memory::default()).unwrap();
    let mut interrupted = 0;
    for nth in 0.. {
        let progress = StopsAt::new(nth);
        let request = SaveRequest {
            anchor: dir.path(),
            root: &root,
            excludes: &Excludes::default(),
            select: None,
            base: None,
            references: None,
            inputs: Vec::new(),
            threads: 2,
            progress: &progress,
        };
        match save(request, &store) {
            Err(SnapshotError::Interrupted) => interrupted += 1,
            Err(error) => panic!("{error}"),
            Ok(saved) => {
                assert_eq!(saved.objects, whole.objects, "what was put before is found again");
                break;
            }
        }
        assert!(!store.0.lock().unwrap().contains_key(&whole.manifest), "stopped at {nth}");
    }
    assert!(interrupted > 4, "it was asked {interrupted} times only");
    assert_eq!(store.0.lock().unwrap().len(), whole.objects.len(), "nothing else was put");
}

#[test]
fn the_room_that_is_reckoned_is_what_the_tree_takes() {
    let dir = tempfile::tempdir().unwrap();
    let store = Memory::default();
    let root = dir.path().join("tree");
    awkward(&root);
    for number in 0..2_000 {
        write(&root.join(format!("small/{}/f{number}", number % 40)), &noise(1 + number % 700, number as u64));
    }
    let manifest = load(&save_tree(&root, None, &store).unwrap(), &store).unwrap();
    let out = dir.path().join("out");
    let progress = StopsAt::new(usize::MAX);
    let restored = restore(request(&out, manifest.clone(), &progress), &store).unwrap();
    assert_eq!(*progress.room.lock().unwrap(), restored.room);
    let (bytes, entries) = usage(&out);
    assert_eq!(restored.room.entries, entries);
    // Directories of many names take more than a block, and some file systems put small files into the inode.
    let reckoned = restored.room.bytes;
    assert!(reckoned >= bytes * 9 / 10, "{reckoned} reckoned, {bytes} taken");
    assert!(reckoned >= 2_000 * 512, "small files take a block each: {reckoned}");
    // What stays takes nothing, what is replaced takes its new self.
    write(&out.join("plain"), b"altered");
    let again = restore(request(&out, manifest, &progress), &store).unwrap();
    assert!(again.room.entries == 1 && again.room.bytes < 1 << 20, "{:?}", again.room);
}

/// Bytes in blocks and inodes of a tree.
fn usage(root: &Path) -> (u64, u64) {
    let mut inodes = std::collections::HashMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(path) = left.pop() {
        let stat = fs::symlink_metadata(&path).unwrap();
        inodes.insert(stat.ino(), stat.blocks() * 512);
        if stat.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    (inodes.values().sum(), inodes.len() as u64)
}
