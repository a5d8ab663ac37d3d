//! Random trees, altered at random: a restore brings back what was saved, whatever is there and whatever is remembered.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::{Path, PathBuf};

use common::*;
use proptest::prelude::*;
use sci_snapshot::{Base, LocalState, Saved};
use sci_sys::ffi::OsStrExt as _;

#[derive(Debug, Clone)]
enum Edit {
    File(u16, u64, u64, i64),
    Sparse(u64, u64),
    Dir,
    Link(Vec<u8>),
    Another(Vec<u8>),
    Remove,
    Mode(u32),
    Touch(i64, u32),
}

fn paths() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(vec![&b"a"[..], b"a.b", b"b", b"\xff\n", b" c"]);
    prop::collection::vec(name, 1..4).prop_map(|names| names.join(&b'/'))
}

fn edits() -> impl Strategy<Value = Vec<(Vec<u8>, Edit)>> {
    let lengths = prop_oneof![6 => 0..50u64, 2 => 4_000..5_000u64, 1 => (1u64 << 20) - 1..(1 << 20) + 90_000];
    let times = || prop_oneof![Just(1_000i64), Just(-5), 0..3_000_000_000i64];
    let modes = prop::sample::select(vec![0o755u32, 0o700, 0o644, 0o600, 0o444, 0o555]);
    let edit = prop_oneof![
        6 => (0..3u16, lengths, 0..3u64, times()).prop_map(|(how, length, seed, time)| Edit::File(how, length, seed, time)),
        1 => (0..3_000_000u64, 0..3_000_000u64).prop_map(|(length, at)| Edit::Sparse(length, at)),
        2 => Just(Edit::Dir),
        1 => paths().prop_map(Edit::Link),
        2 => paths().prop_map(Edit::Another),
        2 => Just(Edit::Remove),
        1 => modes.prop_map(Edit::Mode),
        1 => (times(), 0..1_000_000_000u32).prop_map(|(secs, nanos)| Edit::Touch(secs, nanos)),
    ];
    prop::collection::vec((paths(), edit), 0..25)
}

/// Performs what of the edits is possible.
fn alter(root: &Path, edits: &[(Vec<u8>, Edit)]) {
    for (path, edit) in edits {
        let at = |path: &[u8]| -> PathBuf { root.join(OsStr::from_bytes(path)) };
        let path = at(path);
        let is_link = path.is_symlink();
        let _ = match edit {
            Edit::File(how, length, seed, time) if !is_link => {
                let made = fs::create_dir_all(path.parent().unwrap());
                let written = made.and_then(|()| fs::write(&path, noise(*length as usize, *seed)));
                // Some tools pin times: a changed file must be found all the same.
                if written.is_ok() && *how == 0 {
                    set_mtime(&path, *time, 0);
                }
                written
            }
            Edit::Sparse(length, at) if !is_link => fs::File::create(&path).and_then(|file| {
                file.set_len(*length)?;
                file.write_at(b"data", *at).map(drop)
            }),
            Edit::Dir => fs::create_dir_all(&path),
            Edit::Link(target) => symlink(OsStr::from_bytes(target), &path),
            Edit::Another(first) => fs::hard_link(at(first), &path),
            Edit::Remove => fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)),
            Edit::Mode(mode) if !is_link && path.exists() => {
                let mode = if path.is_dir() { mode | 0o700 } else { *mode };
                chmod(&path, mode);
                Ok(())
            }
            Edit::Touch(secs, nanos) if is_link || path.exists() => {
                set_mtime(&path, *secs, *nanos);
                Ok(())
            }
            _ => Ok(()),
        };
    }
}

/// Makes directories look as if nothing had been done in them for long: only such are not listed again.
fn age_directories(root: &Path) {
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            age_directories(&path);
        }
    }
    set_mtime(root, 1_000, 0);
}

/// What is remembered, by way of the disk.
fn remembered(state: &LocalState, base: &Base) -> Base {
    state.remember(base).unwrap();
    state.base().unwrap()
}

fn assert_restores(saved: &Saved, root: &Path, base: Option<&Base>, store: &Memory, wanted: &[String]) -> Base {
    let restored = restore_tree(load(saved, store).unwrap(), root, base, store).unwrap();
    assert_eq!(listing(root), wanted);
    restored.into_base()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_there_a_restore_brings_back_what_was_saved(
        built in edits(), altered in edits(), later in edits(), forgetful in any::<bool>(), aged in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (source, out) = (dir.path().join("source"), dir.path().join("out"));
        let state = LocalState::new(dir.path().join("state"));
        let store = Memory::default();
        fs::create_dir(&source).unwrap();
        alter(&source, &built);
        if aged {
            age_directories(&source);
        }
        let first = save_tree(&source, None, &store).unwrap();
        let wanted = listing(&source);
        let base = remembered(&state, &assert_restores(&first, &out, None, &store, &wanted));
        // Altered, and restored over.
        alter(&out, &altered);
        let known = (!forgetful).then_some(&base);
        let base = remembered(&state, &assert_restores(&first, &out, known, &store, &wanted));
        // Altered again, and saved as an increment.
        alter(&out, &later);
        let changed = listing(&out);
        let second = save_tree(&out, Some(&base), &store).unwrap();
        if second.unchanged {
            prop_assert_eq!(second.tree, first.tree);
        } else {
            let fresh = dir.path().join("fresh");
            assert_restores(&second, &fresh, None, &store, &changed);
            let base = assert_restores(&first, &out, None, &store, &wanted);
            let base = remembered(&state, &assert_restores(&second, &out, Some(&base), &store, &changed));
            let again = save_tree(&out, Some(&base), &store).unwrap();
            prop_assert!(again.unchanged && again.uploaded == 0);
            assert_restores(&first, &out, Some(&base), &store, &wanted);
        }
    }
}
