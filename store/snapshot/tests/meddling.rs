//! Others change the target while it is restored: the outcome is exact or an error, never a mixture, never outside.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use common::*;
use sci_snapshot::{Excludes, Manifest, RestoreRequest, Restored, Result, SnapshotError, restore};
use sci_sys::fs::{CWD, RenameFlags, renameat_with};

struct Case {
    dir: tempfile::TempDir,
    store: Memory,
    manifest: Manifest,
    wanted: Vec<String>,
}

impl Case {
    fn new(build: impl Fn(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source");
        build(&source);
        let store = Memory::default();
        let manifest = load(&save_tree(&source, None, &store).unwrap(), &store).unwrap();
        let wanted = listing(&source);
        Self { dir, store, manifest, wanted }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("tree")
    }

    fn restore(&self, meddle: impl Fn() + Sync) -> Result<Restored> {
        let request = RestoreRequest {
            anchor: self.dir.path(),
            root: &self.root(),
            manifest: self.manifest.clone().into(),
            excludes: &Excludes::default(),
            base: None,
            merge: false,
            threads: 2,
            progress: &Meddler(meddle),
        };
        restore(request, &self.store)
    }

    fn assert_exact(&self) {
        assert_eq!(listing(&self.root()), self.wanted);
        assert!(!self.dir.path().join(".sci-stage.tree").exists(), "staging is gone");
    }
}

fn two_files(root: &Path) {
    write(&root.join("a/file"), b"wanted");
    write(&root.join("b/file"), b"wanted too");
}

#[test]
fn what_was_to_be_removed_may_be_gone_already() {
    let case = Case::new(two_files);
    write(&case.root().join("a/extra/below"), b"x");
    case.restore(|| fs::remove_dir_all(case.root().join("a/extra")).unwrap()).unwrap();
    case.assert_exact();
}

#[test]
fn what_comes_into_the_way_is_replaced() {
    let case = Case::new(two_files);
    write(&case.root().join("a/other"), b"x");
    case.restore(|| {
        write(&case.root().join("a/file/is now/a directory"), b"x");
        write(&case.root().join("b"), b"a file where a directory goes");
    })
    .unwrap();
    case.assert_exact();
}

#[test]
fn a_fifo_where_a_directory_goes_is_replaced() {
    let case = Case::new(two_files);
    write(&case.root().join("a/file"), b"x");
    let made = std::process::Command::new("mkfifo").arg(case.root().join("b")).status().unwrap();
    assert!(made.success());
    case.restore(|| ()).unwrap();
    case.assert_exact();
}

#[test]
fn a_directory_removed_meanwhile_is_an_error_and_the_next_restore_is_exact() {
    let case = Case::new(two_files);
    write(&case.root().join("a/other"), b"x");
    let error = case.restore(|| fs::remove_dir_all(case.root().join("a")).unwrap()).unwrap_err();
    assert!(matches!(&error, SnapshotError::Overtaken { path } if path.ends_with("tree/a/file")), "{error}");
    assert!(!case.dir.path().join(".sci-stage.tree").exists(), "staging is gone");
    case.restore(|| ()).unwrap();
    case.assert_exact();
}

#[test]
fn a_file_that_changes_after_it_was_compared_is_not_taken_for_the_snapshots() {
    let case = Case::new(two_files);
    case.restore(|| ()).unwrap();
    let path = case.root().join("a/file");
    set_mtime(&path, 5, 5);
    let error = case.restore(|| write(&path, b"edited")).unwrap_err();
    assert!(matches!(error, SnapshotError::Overtaken { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"edited", "nothing was touched");
    case.restore(|| ()).unwrap();
    case.assert_exact();
}

#[test]
fn restores_of_one_target_wait_for_each_other() {
    let case = Case::new(awkward);
    for before in ["nothing", "an empty directory", "another tree"] {
        match before {
            "nothing" => {}
            "an empty directory" => fs::create_dir(case.root()).unwrap(),
            _ => write(&case.root().join("sub/inner/file/below"), b"x"),
        }
        std::thread::scope(|scope| {
            let restores: Vec<_> = (0..6).map(|_| scope.spawn(|| case.restore(|| ()))).collect();
            for outcome in restores {
                outcome.join().unwrap().unwrap();
            }
        });
        case.assert_exact();
        fs::remove_dir_all(case.root()).unwrap();
    }
}

/// A directory of the tree is swapped with a link that leads out of it, back and forth, while the tree is restored.
#[test]
fn a_directory_swapped_with_a_link_thousands_of_times_lets_nothing_escape() {
    const SWAPS: u32 = 100_000;
    const RESTORES: u32 = 60;
    let case = Case::new(|root| {
        for number in 0..40 {
            write(&root.join(format!("d/e/file{number}")), b"wanted");
        }
    });
    let outside = tempfile::tempdir().unwrap();
    write(&outside.path().join("e/file0"), b"mine");
    write(&outside.path().join("e/extra"), b"mine");
    chmod(&outside.path().join("e"), 0o711);
    let before = listing(outside.path());
    case.restore(|| ()).unwrap();
    let (link, place) = (case.dir.path().join("link"), case.root().join("d"));
    let restored = AtomicU32::new(0);
    let swap = || {
        for done in 0.. {
            if done >= SWAPS && restored.load(Ordering::Acquire) >= RESTORES {
                return;
            }
            // A restore may have replaced the link by a directory, which then is what was swapped out.
            if !link.is_symlink() {
                let _ = fs::remove_dir_all(&link);
                symlink(outside.path(), &link).unwrap();
            }
            let _ = renameat_with(CWD, &link, CWD, &place, RenameFlags::EXCHANGE);
        }
    };
    std::thread::scope(|scope| {
        let swapping = scope.spawn(swap);
        while !swapping.is_finished() {
            let round = restored.fetch_add(1, Ordering::AcqRel);
            fs::write(case.root().join(format!("extra{round}")), b"x").unwrap();
            set_mtime(&case.root(), 1, 0);
            // Whether it succeeds is chance; what it touches is not.
            let _ = case.restore(|| ());
        }
    });
    assert_eq!(listing(outside.path()), before);
    case.restore(|| ()).unwrap();
    case.assert_exact();
}
