//! A user who is not root: directories without write permission, files nobody may read, entries of somebody else.
//!
//! Root may do everything, so the tests run themselves anew as another user when they are run by root.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::*;

const SCRATCH: &str = "SCI_TEST_SCRATCH";
const NOBODY: u32 = 65_534;

/// Runs `test` in a scratch directory as a user who is not root; `prepare` runs before that, as whoever runs the tests.
fn unprivileged(name: &str, prepare: fn(&Path), test: fn(&Path)) {
    if let Some(scratch) = std::env::var_os(SCRATCH) {
        return test(&PathBuf::from(scratch));
    }
    let dir = tempfile::tempdir().unwrap();
    let scratch = dir.path().join("scratch");
    fs::create_dir(&scratch).unwrap();
    prepare(&scratch);
    if !sci_sys::process::geteuid().is_root() {
        return test(&scratch);
    }
    // The other user needs a way to the program and to the directory.
    let program = dir.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    chmod(dir.path(), 0o755);
    std::os::unix::fs::chown(&scratch, Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = Command::new(program);
    command.args(["--exact", name]).env(SCRATCH, &scratch).current_dir(&scratch).uid(NOBODY).gid(NOBODY);
    let output = loop {
        match command.output() {
            // A test beside this one forked while the copy was being written, and has not come to its own program yet.
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            output => break output.unwrap(),
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    chmod(dir.path(), 0o700);
}

#[test]
fn read_only_directories_are_restored_repaired_and_removed() {
    unprivileged(
        "read_only_directories_are_restored_repaired_and_removed",
        |_| (),
        |scratch| {
            let (source, out) = (scratch.join("source"), scratch.join("out"));
            awkward(&source);
            chmod(&source.join("sub/inner"), 0o555);
            chmod(&source.join("sub"), 0o555);
            let store = Memory::default();
            let saved = save_tree(&source, None, &store).unwrap();
            let restore = || {
                restore_tree(load(&saved, &store).unwrap(), &out, None, &store).unwrap();
                assert_eq!(listing(&out), listing(&source));
            };
            restore();
            type Harm = fn(&Path);
            let harms: [Harm; 6] = [
                |out| set_mtime(&out.join("locked/below/file"), 1, 1),
                |out| chmod(&out.join("locked/below/file"), 0),
                |out| {
                    chmod(&out.join("locked/below"), 0o700);
                    write(&out.join("locked/below/file"), b"other");
                    chmod(&out.join("locked/below"), 0o500);
                },
                |out| {
                    write(&out.join("extra/locked/file"), b"x");
                    chmod(&out.join("extra/locked"), 0o500);
                    chmod(&out.join("extra"), 0o500);
                },
                |out| {
                    chmod(&out.join("locked"), 0o700);
                    chmod(&out.join("locked/below"), 0o700);
                    fs::remove_dir_all(out.join("locked/below")).unwrap();
                    write(&out.join("locked/below"), b"a file");
                    chmod(&out.join("locked"), 0o555);
                },
                |out| chmod(out, 0o555),
            ];
            for harm in harms {
                harm(&out);
                restore();
            }
        },
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    unprivileged(
        "what_cannot_be_read_is_named",
        |_| (),
        |scratch| {
            let source = scratch.join("source");
            for (path, mode) in [("a/file", 0o200), ("b/dir", 0o300)] {
                write(&source.join("a/file"), b"x");
                fs::create_dir_all(source.join("b/dir")).unwrap();
                chmod(&source.join(path), mode);
                let error = save_tree(&source, None, &Memory::default()).unwrap_err();
                assert!(error.to_string().contains(path) && error.hint().is_some(), "{error}");
                chmod(&source.join(path), 0o700);
            }
        },
    );
}

/// Files of root's lie in the target when root runs the tests; else they are this user's own, and all the easier.
#[test]
fn another_users_files_are_replaced_and_their_directories_told_before_anything_is_touched() {
    fn prepare(scratch: &Path) {
        for tree in ["source", "theirs", "mine"] {
            write(&scratch.join(tree).join("d/file"), b"wanted");
            write(&scratch.join(tree).join("top"), b"wanted");
            for path in ["d/file", "top", "d", ""] {
                set_mtime(&scratch.join(tree).join(path), 1_000, 0);
            }
        }
        if sci_sys::process::geteuid().is_root() {
            for path in ["mine", "mine/d", "theirs"] {
                std::os::unix::fs::chown(scratch.join(path), Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        // The contents are right, and the times are wrong.
        set_mtime(&scratch.join("mine/d/file"), 5, 0);
        set_mtime(&scratch.join("theirs/d"), 5, 0);
        write(&scratch.join("theirs/top"), b"not yet");
    }
    let name = "another_users_files_are_replaced_and_their_directories_told_before_anything_is_touched";
    unprivileged(name, prepare, |scratch| {
        let store = Memory::default();
        let source = scratch.join("source");
        let manifest = load(&save_tree(&source, None, &store).unwrap(), &store).unwrap();
        restore_tree(manifest.clone(), &scratch.join("mine"), None, &store).unwrap();
        assert_eq!(listing(&scratch.join("mine")), listing(&source));
        let theirs = scratch.join("theirs");
        let before = listing(&theirs);
        match restore_tree(manifest, &theirs, None, &store) {
            Ok(_) => assert_eq!(listing(&theirs), listing(&source)),
            Err(error) => {
                assert!(error.to_string().contains("theirs/d: it belongs to another user"), "{error}");
                assert_eq!(listing(&theirs), before);
                assert!(!scratch.join(".sci-stage.theirs").exists());
            }
        }
    });
}

/// The same as above: when root does not run the tests there is nobody else's directory, and all goes.
#[test]
fn another_users_directory_that_must_go_is_told_before_anything_is_touched() {
    fn prepare(scratch: &Path) {
        write(&scratch.join("tree/old/theirs/file"), b"theirs");
        write(&scratch.join("tree/file"), b"old");
        fs::create_dir(scratch.join("tree/old/empty")).unwrap();
        if sci_sys::process::geteuid().is_root() {
            for path in ["tree", "tree/old", "tree/old/empty"] {
                std::os::unix::fs::chown(scratch.join(path), Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
    }
    unprivileged("another_users_directory_that_must_go_is_told_before_anything_is_touched", prepare, |scratch| {
        let tree = scratch.join("tree");
        let before = listing(&tree);
        match sci_snapshot::clear(scratch, &tree, &sci_snapshot::Excludes::default(), &sci_snapshot::Silent) {
            Ok(_) => assert!(!tree.exists()),
            Err(error) => {
                assert!(error.to_string().contains("tree/old/theirs: it belongs to another user"), "{error}");
                assert_eq!(listing(&tree), before);
                assert!(!scratch.join(".sci-stage.tree").exists());
            }
        }
    });
}
