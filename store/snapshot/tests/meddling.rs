//! Others change the target while it is restored: the outcome is exact or an error, never a mixture, never outside.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use common::*;
use sci_snapshot::restore::recover;
use sci_snapshot::{Excludes, Manifest, RestoreRequest, Restored, Result, Silent, SnapshotError, clear, restore};
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

/// Swaps that are done at each of the places, and rounds of work that go on meanwhile, at least.
const SWAPS: u32 = 100_000 / PLACES.len() as u32;
const ROUNDS: u32 = 30;

/// Swaps `place` with a link to `elsewhere`, back and forth, while rounds of `work` are done.
fn swap_while(place: &Path, spare: &Path, elsewhere: &Path, work: impl Fn(u32)) {
    let rounds = AtomicU32::new(0);
    let swap = || {
        let mut swaps = 0;
        while swaps < SWAPS || rounds.load(Ordering::Acquire) < ROUNDS {
            // The work may have put a directory into the link's place, or removed what is there.
            if !place.is_symlink() && !spare.is_symlink() {
                let _ = fs::remove_dir_all(spare);
                symlink(elsewhere, spare).unwrap();
            }
            match renameat_with(CWD, spare, CWD, place, RenameFlags::EXCHANGE) {
                Ok(()) => swaps += 1,
                Err(_) => std::thread::yield_now(),
            }
        }
    };
    std::thread::scope(|scope| {
        let swapping = scope.spawn(swap);
        while !swapping.is_finished() {
            work(rounds.fetch_add(1, Ordering::AcqRel));
        }
    });
}

/// The target lies three directories deep, and elsewhere is the same once more.
struct Races {
    /// What is wanted, by turns: every restore has something to do.
    cases: [Case; 2],
    outside: tempfile::TempDir,
    before: Vec<String>,
}

const PLACES: [&str; 4] = ["outer", "outer/inner", "outer/inner/tree", "outer/inner/tree/d"];

impl Races {
    fn new() -> Self {
        let case = |text: &'static str| {
            Case::new(move |root| {
                for number in 0..40 {
                    write(&root.join(format!("d/e/file{number}")), text.as_bytes());
                }
                write(&root.join(text).join("file"), b"only in one of them");
            })
        };
        let outside = tempfile::tempdir().unwrap();
        for name in ["d/e/file0", "d/e/extra", "one/file", "extra"] {
            write(&outside.path().join("outer/inner/tree").join(name), b"mine");
        }
        for name in ["new/0", "trash/0", "file"] {
            write(&outside.path().join("outer/inner/.sci-stage.tree").join(name), b"mine");
        }
        chmod(&outside.path().join("outer/inner/tree/d/e"), 0o711);
        let before = listing(outside.path());
        Self { cases: [case("one"), case("two")], outside, before }
    }

    fn anchor(&self) -> &Path {
        self.cases[0].dir.path()
    }

    fn root(&self) -> PathBuf {
        self.anchor().join("outer/inner/tree")
    }

    fn restore(&self, which: usize) -> Result<Restored> {
        let case = &self.cases[which];
        let request = RestoreRequest {
            anchor: self.anchor(),
            root: &self.root(),
            manifest: case.manifest.clone().into(),
            excludes: &Excludes::default(),
            base: None,
            merge: false,
            threads: 2,
            progress: &Silent,
        };
        restore(request, &case.store)
    }

    /// Does `work` while each of the places is swapped with a link out of the anchor; it may fail, but nothing else.
    fn run(&self, work: impl Fn(u32)) {
        for place in PLACES {
            self.restore(0).unwrap();
            let (at, elsewhere) = (self.anchor().join(place), self.outside.path().join(place));
            let spare = self.anchor().join("spare");
            symlink(&elsewhere, &spare).unwrap();
            swap_while(&at, &spare, &elsewhere, &work);
            assert_eq!(listing(self.outside.path()), self.before, "{place}");
            // The directory comes back to its place.
            if at.is_symlink() && spare.is_dir() && !spare.is_symlink() {
                renameat_with(CWD, &spare, CWD, &at, RenameFlags::EXCHANGE).unwrap();
            }
            if spare.is_symlink() { fs::remove_file(&spare) } else { fs::remove_dir_all(&spare) }.unwrap();
            self.restore(1).unwrap();
            assert_eq!(listing(&self.root()), self.cases[1].wanted, "{place}");
            assert!(!self.root().with_file_name(".sci-stage.tree").exists(), "staging is gone");
        }
        assert_eq!(listing(self.outside.path()), self.before);
    }
}

#[test]
fn restores_while_a_directory_is_swapped_with_a_link_a_hundred_thousand_times_let_nothing_escape() {
    let races = Races::new();
    // Whether it succeeds is chance; what it touches is not.
    races.run(|round| drop(races.restore(round as usize % 2)));
}

#[test]
fn clearing_while_a_directory_is_swapped_with_a_link_a_hundred_thousand_times_lets_nothing_escape() {
    let races = Races::new();
    races.run(|_| {
        let _ = clear(races.anchor(), &races.root(), &Excludes::default(), &Silent);
        let _ = races.restore(0);
    });
}

#[test]
fn recovering_while_a_directory_is_swapped_with_a_link_a_hundred_thousand_times_lets_nothing_escape() {
    let races = Races::new();
    let left = races.anchor().join("left behind");
    races.restore(0).unwrap();
    // By its handle it is the same directory, wherever it is swapped to.
    let inner = fs::File::open(races.root().parent().unwrap()).unwrap();
    races.run(|_| {
        write(&left.join("new/0"), b"staged");
        write(&left.join("trash/0/file"), b"old");
        // While the last one is still there this one is for the next round.
        let _ = renameat_with(CWD, &left, &inner, ".sci-stage.tree", RenameFlags::NOREPLACE);
        let _ = recover(races.anchor(), &races.root(), &mut || Ok(()));
    });
}
