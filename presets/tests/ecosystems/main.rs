//! The lockfiles of Yarn, bun, Python, Go, Ruby, PHP, Maven and Gradle, and Playwright's browsers: what they name, and which installation is current for them.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its tree fails")]

mod jvm;
mod node;
mod php;
mod playwright;
mod python_and_go;
mod ruby;

use std::fs;
use std::path::{Path, PathBuf};

use sci_presets::lockfiles::read;
use sci_presets::{Check, Proof, SharedMembers, prove_current};
use tempfile::TempDir;

/// A workspace made of files: (path, content).
pub(crate) fn workspace(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    directory
}

pub(crate) fn prove(check: Check, workspace: &TempDir, tree: &str, lockfile: &str) -> Proof {
    prove_current(check, workspace.path(), &workspace.path().join(tree), &[PathBuf::from(lockfile)])
}

#[track_caller]
pub(crate) fn assert_not_current(proof: &Proof, expected: &str) {
    assert!(matches!(proof, Proof::NotCurrent { why } if why.contains(expected)), "{proof:?}, expected {expected}");
}

#[track_caller]
pub(crate) fn assert_unknown(proof: &Proof, expected: &str) {
    assert!(matches!(proof, Proof::Unknown { why } if why.contains(expected)), "{proof:?}, expected {expected}");
}

/// Name, version, source and digest of each package, on a line.
pub(crate) fn told(name: &str, text: &str) -> Vec<String> {
    let packages = read(Path::new(name), text.as_bytes()).unwrap().unwrap();
    let words = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    packages
        .into_iter()
        .map(|it| format!("{} {} {} {}", it.name, it.version, words(it.source), words(it.integrity)))
        .collect()
}

#[track_caller]
pub(crate) fn assert_malformed(name: &str, text: &str) {
    let error = read(Path::new(name), text.as_bytes()).unwrap().unwrap_err().to_string();
    assert!(!error.contains('\n') && error.len() < 400, "{name}: {error}");
}

pub(crate) fn members(lockfile: &str, text: &str) -> SharedMembers {
    let packages = read(Path::new(lockfile), text.as_bytes()).unwrap().unwrap();
    SharedMembers::of(Path::new(lockfile), &packages).unwrap()
}
