//! An installation is current exactly when the package manager's own record says what the lockfile says.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its tree fails")]

use std::fs;
use std::path::{Path, PathBuf};

use sci_presets::lockfiles::read;
use sci_presets::{Check, Proof, SharedMembers, prove_current};
use tempfile::TempDir;

/// A workspace made of files: (path, content).
fn workspace(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, content) in files {
        write(&directory, path, content);
    }
    directory
}

fn write(workspace: &TempDir, path: &str, content: &str) {
    let path = workspace.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn prove(check: Check, workspace: &TempDir, tree: &str, lockfile: &str) -> Proof {
    prove_current(check, workspace.path(), &workspace.path().join(tree), &[PathBuf::from(lockfile)])
}

#[track_caller]
fn assert_not_current(proof: &Proof, expected: &str) {
    assert!(matches!(proof, Proof::NotCurrent { why } if why.contains(expected)), "{proof:?}, expected {expected}");
}

#[track_caller]
fn assert_unknown(proof: &Proof, expected: &str) {
    assert!(matches!(proof, Proof::Unknown { why } if why.contains(expected)), "{proof:?}, expected {expected}");
}

const LEFT: &str = r#""node_modules/left": { "version": "1.0.0", "integrity": "sha512-left" }"#;
const SCOPED: &str = r#""node_modules/@scope/right": { "version": "2.0.0", "integrity": "sha512-right" }"#;

fn npm_lock(entries: &[&str]) -> String {
    format!(r#"{{ "lockfileVersion": 3, "packages": {{ {} }} }}"#, entries.join(", "))
}

/// A project whose lockfile has `locked`, and whose install recorded `recorded` and left `left` and `@scope/right`.
fn npm_project(locked: &[&str], recorded: &[&str]) -> TempDir {
    workspace(&[
        ("package-lock.json", &npm_lock(locked)),
        ("node_modules/.package-lock.json", &npm_lock(recorded)),
        ("node_modules/left/package.json", "{}"),
        ("node_modules/@scope/right/package.json", "{}"),
        ("node_modules/.bin/left", ""),
    ])
}

fn npm(workspace: &TempDir) -> Proof {
    prove(Check::Npm, workspace, "node_modules", "package-lock.json")
}

#[test]
fn npm_tree_that_was_installed_from_its_lockfile_is_current() {
    let root = r#""": { "name": "app", "version": "1.0.0" }"#;
    assert_eq!(npm(&npm_project(&[root, LEFT, SCOPED], &[LEFT, SCOPED])), Proof::Current);
}

#[test]
fn npm_differences_are_named() {
    let newer = r#""node_modules/left": { "version": "1.0.1", "integrity": "sha512-newer" }"#;
    let forged = r#""node_modules/left": { "version": "1.0.0", "integrity": "sha512-forged" }"#;
    let proof = npm(&npm_project(&[newer, SCOPED], &[LEFT, SCOPED]));
    assert_not_current(&proof, "node_modules/left is installed as 1.0.0, locked as 1.0.1");
    assert_not_current(&npm(&npm_project(&[forged, SCOPED], &[LEFT, SCOPED])), "node_modules/left");
    assert_not_current(&npm(&npm_project(&[LEFT], &[LEFT, SCOPED])), "@scope/right 2.0.0 is installed but not locked");
    let other = r#""node_modules/other": { "version": "3.0.0" }"#;
    let proof = npm(&npm_project(&[LEFT, SCOPED, other], &[LEFT, SCOPED]));
    assert_not_current(&proof, "node_modules/other 3.0.0 is locked but not installed");
    assert_not_current(&npm(&npm_project(&[newer, other], &[LEFT, SCOPED])), "and 2 more differences");
}

#[test]
fn npm_optional_packages_may_be_missing_and_development_ones_all_together() {
    let optional = r#""node_modules/fsevents": { "version": "2.3.3", "optional": true, "os": ["darwin"] }"#;
    let dev = r#""node_modules/dev-a": { "version": "1.0.0", "dev": true }"#;
    let other_dev = r#""node_modules/dev-b": { "version": "1.0.0", "dev": true }"#;
    assert_eq!(npm(&npm_project(&[LEFT, SCOPED, optional], &[LEFT, SCOPED])), Proof::Current);
    assert_eq!(npm(&npm_project(&[LEFT, SCOPED, dev, other_dev], &[LEFT, SCOPED])), Proof::Current);
    let project = npm_project(&[LEFT, SCOPED, dev, other_dev], &[LEFT, SCOPED, dev]);
    write(&project, "node_modules/dev-a/package.json", "{}");
    assert_not_current(&npm(&project), "node_modules/dev-b 1.0.0 is locked but not installed");
}

#[test]
fn npm_tree_that_was_touched_by_hand_is_not_current() {
    let project = npm_project(&[LEFT, SCOPED], &[LEFT, SCOPED]);
    write(&project, "node_modules/@scope/stray/package.json", "{}");
    assert_not_current(&npm(&project), "node_modules/@scope/stray was not installed by npm");
    fs::remove_dir_all(project.path().join("node_modules/@scope/stray")).unwrap();
    assert_eq!(npm(&project), Proof::Current);
    fs::remove_dir_all(project.path().join("node_modules/left")).unwrap();
    assert_not_current(&npm(&project), "node_modules/left was installed but is gone");
}

#[test]
fn npm_install_that_did_not_end_is_not_current() {
    let project = npm_project(&[LEFT, SCOPED], &[]);
    fs::remove_file(project.path().join("node_modules/.package-lock.json")).unwrap();
    assert_not_current(&npm(&project), "no install ended");
    write(&project, "package-lock.json", r#"{ "lockfileVersion": 1, "dependencies": { "left": { "version": "1" } } }"#);
    assert_unknown(&npm(&project), "npm 6");
}

#[test]
fn npm_members_of_a_workspace_have_trees_of_their_own() {
    let nested = r#""packages/a/node_modules/left": { "version": "0.9.0" }"#;
    let member = r#""packages/a": { "name": "a", "version": "1.0.0" }"#;
    let link = r#""node_modules/a": { "resolved": "packages/a", "link": true }"#;
    let project = npm_project(&[LEFT, SCOPED, nested, member, link], &[LEFT, SCOPED, nested, member, link]);
    std::os::unix::fs::symlink("../packages/a", project.path().join("node_modules/a")).unwrap();
    let tree = |tree| prove(Check::Npm, &project, tree, "package-lock.json");
    assert_eq!(tree("node_modules"), Proof::Current);
    assert_not_current(&tree("packages/a/node_modules"), "packages/a/node_modules/left was installed but is gone");
    write(&project, "packages/a/node_modules/left/package.json", "{}");
    assert_eq!(tree("packages/a/node_modules"), Proof::Current);
    assert_eq!(tree("packages/b/node_modules"), Proof::Current, "a member that needs no tree of its own");
}

#[cfg(unix)]
#[test]
fn what_stands_in_the_place_of_a_tree_is_none() {
    let project = npm_project(&[LEFT, SCOPED], &[LEFT, SCOPED]);
    let tree = project.path().join("node_modules");
    assert_eq!(npm(&project), Proof::Current);
    fs::rename(&tree, project.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", &tree).unwrap();
    assert_not_current(&npm(&project), "not a directory");
    fs::remove_file(&tree).unwrap();
    fs::write(&tree, "x").unwrap();
    assert_not_current(&npm(&project), "not a directory");
}

#[test]
fn what_cannot_be_read_proves_nothing() {
    let project = npm_project(&[LEFT], &[LEFT]);
    assert_unknown(&prove(Check::Npm, &project, "node_modules", "missing/package-lock.json"), "node_modules");
    assert_unknown(&prove(Check::Npm, &project, "node_modules", "missing.json"), "does not exist");
    assert_unknown(&prove_current(Check::Npm, project.path(), project.path(), &[]), "no lockfile");
    write(&project, "node_modules/.package-lock.json", "{ cut off");
    assert_unknown(&npm(&project), ".package-lock.json");
}

const PNPM_LOCK: &str = "\
lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      left: {specifier: ^1.0.0, version: 1.0.0(right@2.0.0)}
    optionalDependencies:
      native: {specifier: ^3.0.0, version: 3.0.0}
  packages/a:
    devDependencies:
      right: {specifier: ^2.0.0, version: 2.0.0}
packages:
  left@1.0.0:
    resolution: {integrity: sha512-left}
  native@3.0.0:
    resolution: {integrity: sha512-native}
    os: [darwin]
  right@2.0.0:
    resolution: {integrity: sha512-right}
snapshots:
  left@1.0.0(right@2.0.0):
    dependencies: {right: 2.0.0}
  native@3.0.0:
    optional: true
  right@2.0.0: {}
";

/// What pnpm records on a platform that `native` does not suit.
fn pnpm_record() -> String {
    PNPM_LOCK
        .replace("    optionalDependencies:\n      native: {specifier: ^3.0.0, version: 3.0.0}\n", "")
        .replace("  native@3.0.0:\n    resolution: {integrity: sha512-native}\n    os: [darwin]\n", "")
        .replace("  native@3.0.0:\n    optional: true\n", "")
}

fn pnpm_project(record: &str) -> TempDir {
    workspace(&[
        ("pnpm-lock.yaml", PNPM_LOCK),
        ("node_modules/.modules.yaml", r#"{"included": {"dependencies": true, "devDependencies": true}}"#),
        ("node_modules/.pnpm/lock.yaml", record),
        ("node_modules/left/package.json", "{}"),
        ("packages/a/node_modules/right/package.json", "{}"),
    ])
}

fn pnpm(workspace: &TempDir, tree: &str) -> Proof {
    prove(Check::Pnpm, workspace, tree, "pnpm-lock.yaml")
}

#[test]
fn pnpm_tree_that_was_installed_from_its_lockfile_is_current() {
    for record in [PNPM_LOCK, &pnpm_record()] {
        let project = pnpm_project(record);
        assert_eq!(pnpm(&project, "node_modules"), Proof::Current);
        assert_eq!(pnpm(&project, "packages/a/node_modules"), Proof::Current);
        assert_eq!(pnpm(&project, "packages/without-dependencies/node_modules"), Proof::Current);
    }
}

#[test]
fn pnpm_differences_are_named() {
    for (from, to, expected) in [
        ("version: 1.0.0(right@2.0.0)", "version: 0.9.0", "left is linked to 0.9.0, locked to 1.0.0(right@2.0.0)"),
        ("sha512-left", "sha512-forged", "left@1.0.0 is installed with another content than is locked"),
        ("  right@2.0.0:\n    resolution: {integrity: sha512-right}\n", "", "right@2.0.0 is locked but not installed"),
        (
            "  left@1.0.0(right@2.0.0):",
            "  left@1.0.0(right@2.0.1):",
            "left@1.0.0(right@2.0.0) is locked but not installed",
        ),
        ("packages:\n", "packages:\n  stray@9.0.0: {}\n", "stray@9.0.0 is installed but not locked"),
    ] {
        let record = pnpm_record().replacen(from, to, 1);
        assert_ne!(record, pnpm_record());
        assert_not_current(&pnpm(&pnpm_project(&record), "node_modules"), expected);
    }
}

#[test]
fn pnpm_links_are_compared_member_by_member() {
    let record = pnpm_record().replace("      right: {specifier: ^2.0.0", "      moved: {specifier: ^2.0.0");
    let project = pnpm_project(&record);
    assert_eq!(pnpm(&project, "node_modules"), Proof::Current);
    assert_not_current(&pnpm(&project, "packages/a/node_modules"), "right 2.0.0 is locked but not linked");
    let project = pnpm_project(&pnpm_record());
    fs::remove_dir_all(project.path().join("node_modules/left")).unwrap();
    assert_not_current(&pnpm(&project, "node_modules"), "left was installed but is gone");
}

#[test]
fn pnpm_install_that_did_not_end_or_left_things_out_is_not_proved() {
    let project = pnpm_project(&pnpm_record());
    write(&project, "node_modules/.modules.yaml", "included:\n  dependencies: true\n  devDependencies: false\n");
    assert_unknown(&pnpm(&project, "node_modules"), "leave out");
    fs::remove_file(project.path().join("node_modules/.modules.yaml")).unwrap();
    assert_not_current(&pnpm(&project, "node_modules"), "no install ended");
}

#[test]
fn pnpm_virtual_store_may_be_elsewhere() {
    let project = pnpm_project("lockfileVersion: '9.0'\n");
    write(&project, "node_modules/.modules.yaml", r#"{"virtualStoreDir": "../.store"}"#);
    write(&project, ".store/lock.yaml", &pnpm_record());
    assert_eq!(pnpm(&project, "node_modules"), Proof::Current);
}

#[test]
fn a_device_is_no_record_of_an_install() {
    let project = pnpm_project("lockfileVersion: '9.0'\n");
    fs::remove_file(project.path().join("node_modules/.pnpm/lock.yaml")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", project.path().join("node_modules/.pnpm/lock.yaml")).unwrap();
    assert_unknown(&pnpm(&project, "node_modules"), "it is not a file");
}

const CARGO_LOCK: &str = r#"
version = 4
[[package]]
name = "app"
version = "0.1.0"
[[package]]
name = "abc"
version = "1.0.0"
source = "registry+https://registry.example/index"
[[package]]
name = "Winner"
version = "2.0.0"
source = "sparse+https://registry.example/index/"
[[package]]
name = "forked"
version = "3.0.0"
source = "git+https://git.example/forked#0123456789abcdef0123456789abcdef01234567"
"#;

#[test]
fn cargo_registry_is_current_when_every_archive_is_there() {
    let project = workspace(&[("Cargo.lock", CARGO_LOCK), ("registry/cache/other/else-1.0.0.crate", "")]);
    let proof = || prove(Check::CargoRegistry, &project, "registry", "Cargo.lock");
    assert_not_current(&proof(), "none of the 2 locked archives");
    write(&project, "registry/cache/index-0123/abc-1.0.0.crate", "");
    assert_unknown(&proof(), "1 of 2 locked archives are not there, such as Winner-2.0.0.crate");
    write(&project, "registry/cache/index-4567/Winner-2.0.0.crate", "");
    assert_eq!(proof(), Proof::Current);
}

#[test]
fn the_worst_of_several_lockfiles_counts() {
    let project = workspace(&[("Cargo.lock", CARGO_LOCK), ("none/Cargo.lock", "version = 4")]);
    let lockfiles = ["none/Cargo.lock", "Cargo.lock", "missing/Cargo.lock"].map(PathBuf::from);
    let prove = |count| prove_current(Check::CargoRegistry, project.path(), project.path(), &lockfiles[..count]);
    assert_eq!(prove(1), Proof::Current);
    assert_not_current(&prove(2), "none of");
    assert_not_current(&prove(3), "none of");
}

#[test]
fn a_workspace_shares_only_the_crates_that_its_lockfile_names() {
    let packages = read(Path::new("Cargo.lock"), CARGO_LOCK.as_bytes()).unwrap().unwrap();
    let members = SharedMembers::of(Path::new("Cargo.lock"), &packages).unwrap();
    for member in [
        "",
        "CACHEDIR.TAG",
        "cache",
        "cache/index-0123",
        "cache/index-0123/abc-1.0.0.crate",
        "src/index-0123/abc-1.0.0",
        "src/index-0123/abc-1.0.0/src/lib.rs",
        "index/index-0123/config.json",
        "index/index-0123/.cache/3/a/abc",
        "index/index-0123/.cache/wi/nn",
        "index/index-0123/.cache/wi/nn/winner",
    ] {
        assert!(members.contains(Path::new(member)), "{member}");
    }
    for other in [
        "cache/index-0123/abc-1.0.1.crate",
        "cache/index-0123/app-0.1.0.crate",
        "cache/index-0123/forked-3.0.0.crate",
        "cache/index-0123/private-1.0.0.crate",
        "cache/index-0123/abc-1.0.0",
        "src/index-0123/private-1.0.0/src/lib.rs",
        "index/index-0123/.cache/pr/iv/private",
        "index/index-0123/.cache/pr",
        "index/index-0123/.git/HEAD",
        "elsewhere",
    ] {
        assert!(!members.contains(Path::new(other)), "{other}");
    }
}
