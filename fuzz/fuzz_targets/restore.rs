//! A restore of a hostile manifest: it fails or succeeds, and nothing outside its target changes.
//!
//! There are no packs, so only trees without contents get as far as the disk: directories, links, empty files, holes.
#![no_main]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sci_fuzz as _;
use sci_snapshot::{Excludes, RestoreRequest, Silent, fuzzing, restore};
use tempfile::TempDir;

/// A workspace with a target to restore, and something beside it.
static WORKSPACE: LazyLock<TempDir> = LazyLock::new(|| {
    let workspace = tempfile::tempdir().expect("a directory for temporary files");
    std::fs::create_dir_all(workspace.path().join("inner/beside/target")).expect("room");
    workspace
});

fuzz_target!(|bytes: &[u8]| {
    let Some(manifest) = fuzzing::manifest(bytes) else { return };
    let anchor = WORKSPACE.path().join("inner");
    let root = anchor.join("target");
    let request = RestoreRequest {
        anchor: &anchor,
        root: &root,
        manifest: manifest.into(),
        excludes: &Excludes::default(),
        base: None,
        merge: false,
        threads: 1,
        progress: &Silent,
    };
    let before = outside(WORKSPACE.path(), &root);
    let restored = restore(request, &fuzzing::Nothing);
    assert_eq!(outside(WORKSPACE.path(), &root), before, "{restored:?}");
    assert!(restored.is_ok() || !root.exists(), "a failed restore left something: {restored:?}");
    clear(&root);
});

/// Everything that is not in `root`.
fn outside(directory: &Path, root: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory).expect("it is there").flatten() {
        let path = entry.path();
        if path == root {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(outside(&path, root));
        }
        found.insert(path);
    }
    found
}

/// Removes what was restored, whatever its modes.
fn clear(root: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(facts) = root.symlink_metadata() else { return };
    if !facts.is_dir() {
        return std::fs::remove_file(root).expect("it can be removed");
    }
    std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o700)).expect("it is ours");
    for entry in std::fs::read_dir(root).expect("it can be read").flatten() {
        clear(&entry.path());
    }
    std::fs::remove_dir(root).expect("it is empty");
}
