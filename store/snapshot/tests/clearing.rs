//! Clearing a path: it is nothing then, and nothing else is touched.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use common::*;
use sci_snapshot::{Excludes, Silent, clear};

fn cleared(root: &Path, excludes: &[String]) -> bool {
    clear(root.parent().unwrap(), root, &Excludes::new(excludes).unwrap(), &Silent).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn whatever_stands_there_goes_and_nothing_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    write(&dir.path().join("beside/file"), b"kept");
    let make: [&dyn Fn(); 4] = [
        &|| {
            write(&root.join("deep/er/file"), b"old");
            symlink("../beside", root.join("link")).unwrap();
            fs::set_permissions(root.join("deep/er"), fs::Permissions::from_mode(0o500)).unwrap();
        },
        &|| write(&root, b"a file"),
        &|| symlink("beside", &root).unwrap(),
        &|| fs::create_dir(&root).unwrap(),
    ];
    for (number, make) in make.into_iter().enumerate() {
        make();
        assert!(cleared(&root, &[]), "{number}");
        assert_eq!(names(dir.path()), ["beside"], "{number}");
        assert_eq!(fs::read(dir.path().join("beside/file")).unwrap(), b"kept");
    }
    assert!(!cleared(&root, &[]));
    assert!(!cleared(&dir.path().join("not/there"), &[]));
}

#[test]
fn what_is_excluded_stays_with_the_directories_that_lead_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    write(&root.join("a/keep/file"), b"mine");
    write(&root.join("a/old"), b"old");
    write(&root.join("b/old"), b"old");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o710)).unwrap();
    let before = fs::metadata(&root).unwrap();
    assert!(cleared(&root, &["a/keep/**".to_owned()]));
    let after = fs::metadata(&root).unwrap();
    assert_eq!(
        (after.permissions().mode(), after.modified().unwrap()),
        (before.permissions().mode(), before.modified().unwrap())
    );
    assert_eq!((names(&root), names(&root.join("a"))), (vec!["a".to_owned()], vec!["keep".to_owned()]));
    assert_eq!(fs::read(root.join("a/keep/file")).unwrap(), b"mine");
    assert!(!cleared(&root, &["a/keep/**".to_owned()]), "nothing is left that could go");
}

#[test]
fn a_link_on_the_way_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("elsewhere/tree/file"), b"kept");
    let anchor = dir.path().join("workspace");
    fs::create_dir(&anchor).unwrap();
    symlink("../elsewhere", anchor.join("sub")).unwrap();
    let refused = clear(&anchor, &anchor.join("sub/tree"), &Excludes::default(), &Silent).unwrap_err();
    let shown = |path: &str| anchor.join(path).display().to_string();
    let said = format!("cannot use {}: {} is a symbolic link", shown("sub/tree"), shown("sub"));
    assert!(refused.to_string().starts_with(&said), "{refused}");
    assert!(refused.hint().unwrap().ends_with("the link leads to ../elsewhere"));
    assert_eq!(fs::read(dir.path().join("elsewhere/tree/file")).unwrap(), b"kept");
}
