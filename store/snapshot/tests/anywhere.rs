//! What holds on every system, Windows among them: what is saved comes back, and what came back is found unchanged.

#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::fs;
use std::path::Path;

use common::*;
use sci_snapshot::{Base, LocalState, Restored};

/// A tree of files, links to them, and directories, some of them old, empty or not to be written to.
fn tree(root: &Path) {
    let at = |name: &str| root.join(name);
    write(&at("plain"), b"hi\n");
    write(&at("sub/inner/file.txt"), b"inner");
    write(&at("read-only"), b"y\n");
    write(&at("zero"), b"");
    write(&at("a name with blanks"), b"b");
    write(&at("naïve-日本"), b"unicode");
    write(&at("large"), &noise(3 << 20, 1));
    write(&at("very large"), &noise((17 << 20) + 321, 2));
    fs::create_dir_all(at("empty/deep")).unwrap();
    fs::hard_link(at("plain"), at("sub/hard")).unwrap();
    chmod(&at("read-only"), 0o444);
    set_mtime(&at("plain"), 1_000_000_000, 123_456_789);
    set_mtime(&at("sub"), 1_500_000_000, 999_999_999);
}

struct Fixture {
    directory: tempfile::TempDir,
    store: Memory,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Self { directory: tempfile::tempdir().unwrap(), store: Memory::default() };
        tree(&fixture.root());
        fixture
    }

    fn root(&self) -> std::path::PathBuf {
        self.directory.path().join("from")
    }

    fn to(&self) -> std::path::PathBuf {
        self.directory.path().join("to")
    }

    fn restore(&self, saved: &sci_snapshot::Saved, base: Option<&Base>) -> Restored {
        restore_tree(load(saved, &self.store).unwrap(), &self.to(), base, &self.store).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn what_was_saved_comes_back_and_is_then_found_unchanged() {
    let fixture = Fixture::new();
    let saved = save_tree(&fixture.root(), None, &fixture.store).unwrap();
    let restored = fixture.restore(&saved, None);
    assert_eq!((restored.kept, restored.files), (0, 9));
    assert_eq!(listing(&fixture.to()), listing(&fixture.root()));
    assert_eq!(fixture.names(), ["from", "to"], "no staging is left");

    let again = fixture.restore(&saved, None);
    assert_eq!((again.written, again.adjusted, again.removed), (0, 0, 0));
    let base = restored.into_base();
    let again = fixture.restore(&saved, Some(&base));
    assert_eq!((again.written, again.adjusted, again.removed), (0, 0, 0));

    let unchanged = save_tree(&fixture.to(), Some(&base), &fixture.store).unwrap();
    assert!(unchanged.unchanged && unchanged.tree == saved.tree);
    assert_eq!(unchanged.manifest, saved.manifest);
}

#[test]
fn only_what_differs_is_written_whatever_happened_to_it() {
    let fixture = Fixture::new();
    let saved = save_tree(&fixture.root(), None, &fixture.store).unwrap();
    let base = fixture.restore(&saved, None).into_base();
    let at = |name: &str| fixture.to().join(name);
    write(&at("plain"), b"something else");
    chmod(&at("read-only"), 0o644);
    fs::remove_file(at("zero")).unwrap();
    fs::remove_dir_all(at("empty")).unwrap();
    write(&at("empty"), b"a file in a directory's place");
    fs::remove_file(at("a name with blanks")).unwrap();
    write(&at("a name with blanks/inner"), b"and the other way round");
    write(&at("extra/deep/file"), b"too much");
    chmod(&at("extra/deep/file"), 0o444);
    let restored = fixture.restore(&saved, Some(&base));
    assert_eq!(listing(&fixture.to()), listing(&fixture.root()));
    // Both names of one file, the empty file, two directories, and the file with blanks.
    assert_eq!((restored.written, restored.removed), (6, 3));
    assert_eq!(fixture.names(), ["from", "to"]);
}

#[test]
fn a_change_is_saved_and_restored_as_one() {
    let fixture = Fixture::new();
    let first = save_tree(&fixture.root(), None, &fixture.store).unwrap();
    let base = fixture.restore(&first, None).into_base();
    write(&fixture.root().join("sub/new"), &noise(100_000, 3));
    let second = save_tree(&fixture.root(), None, &fixture.store).unwrap();
    let restored = fixture.restore(&second, Some(&base));
    assert_eq!((restored.written, restored.removed), (1, 0));
    assert_eq!(listing(&fixture.to()), listing(&fixture.root()));
    let back = fixture.restore(&first, Some(&restored.into_base()));
    assert_eq!((back.written, back.removed), (0, 1));
}

#[test]
fn an_empty_directory_is_replaced() {
    let fixture = Fixture::new();
    let saved = save_tree(&fixture.root(), None, &fixture.store).unwrap();
    fs::create_dir(fixture.to()).unwrap();
    fixture.restore(&saved, None);
    assert_eq!(listing(&fixture.to()), listing(&fixture.root()));
    assert_eq!(fixture.names(), ["from", "to"]);
}

#[test]
fn what_a_tree_looked_like_is_remembered_from_one_run_to_the_next() {
    let fixture = Fixture::new();
    let saved = save_tree(&fixture.root(), None, &fixture.store).unwrap();
    let base = fixture.restore(&saved, None).into_base();
    let state = LocalState::new(fixture.directory.path().join("state"));
    state.remember(&base).unwrap();
    let base = state.base().unwrap();
    // What is vouched for is not read: this store has nothing that could be.
    let restored = restore_tree(load(&saved, &fixture.store).unwrap(), &fixture.to(), Some(&base), &Memory::default());
    assert!(restored.unwrap().remembered);
}
