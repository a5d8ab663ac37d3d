//! npm: a large application comes back whole, one upgrade moves one package, and an install that did not happen poisons no key.

use std::fs;
use std::path::{Path, PathBuf};

use sci_e2e::disturb::copy_tree;
use sci_e2e::machine::{DELETED, shared_dir};
use sci_e2e::{Machine, Tree};

/// A small project of real packages.
const PACKAGE: &str = r#"{ "name": "small", "private": true, "dependencies": { "dayjs": "1.11.19", "preact": "10.27.2", "typescript": "5.9.2" } }"#;
const NPMRC: &str = "audit=false\nfund=false\nomit-lockfile-registry-resolved=true\n";

/// The Next.js application of the fixtures, installed once and then only copied.
pub(crate) fn storefront() -> PathBuf {
    let installed = shared_dir().join("storefront");
    if !installed.exists() {
        let machine = Machine::new();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/storefront/.");
        copy_tree(&fixture, &machine.workspace());
        // Not `npm ci`: the lockfile names the platforms that its registry had, and `ci` insists on all of them.
        machine.run("npm", &["install", "--ignore-scripts", "--loglevel=error"]).success();
        let _ = fs::rename(machine.workspace(), &installed);
    }
    installed
}

#[test]
fn a_large_application_comes_back_whole() {
    let machine = Machine::new();
    fs::remove_dir(machine.workspace()).unwrap();
    copy_tree(&storefront(), &machine.workspace());
    let modules = machine.path("node_modules");
    let before = Tree::read_without(&modules, &[".cache"]);
    assert!(before.files() >= 25_000, "only {} files", before.files());
    machine.sci(&["restore"]);
    let first = machine.sci(&["save"]).expect_outcome("node_modules", "saved");
    before.assert_same(&Tree::read_without(&modules, &[".cache"]));

    fs::remove_dir_all(&modules).unwrap();
    machine.sci(&["restore"]).expect_verdict("node_modules", "exact");
    before.assert_same(&Tree::read_without(&modules, &[".cache"]));
    machine.run("npm", &["ls", "--all"]).success();

    let objects = machine.objects();
    let second = machine.sci(&["save"]);
    assert_eq!(machine.objects(), objects, "the second save stored something\n{second}");
    let ratio = second.took.as_secs_f64() / first.took.as_secs_f64();
    println!("{} files; first save {:?}, second {:?}", before.files(), first.took, second.took);
    assert!(ratio < 0.34, "the second save took {:?}, the first {:?}", second.took, first.took);
}

/// A small project, installed and saved.
fn small() -> Machine {
    let machine = Machine::new();
    machine.write("sci.toml", "presets = [\"npm\"]\n");
    machine.write("package.json", PACKAGE);
    machine.write(".npmrc", NPMRC);
    machine.run("npm", &["install", "--package-lock-only"]).success();
    machine.sci(&["restore"]).expect_verdict("node_modules", "miss");
    machine.run("npm", &["install"]).success();
    machine.sci(&["save"]).expect_outcome("node_modules", "saved");
    machine
}

/// Upgrades one package in package.json and the lockfile, and nothing else.
fn upgrade(machine: &Machine) {
    machine.run("npm", &["install", "--package-lock-only", "dayjs@1.11.21"]).success();
}

#[test]
fn one_upgrade_is_explained_and_saves_only_what_changed() {
    let machine = small();
    let full = machine.stored_bytes();
    let key = machine.sci(&["plan"]).field("node_modules", "key");
    upgrade(&machine);
    assert_ne!(machine.sci(&["plan"]).field("node_modules", "key"), key);

    machine.remove("node_modules");
    machine.sci(&["restore"]).expect_verdict("node_modules", "nearest");
    let explained = machine.sci(&["explain"]).stdout;
    for word in ["dayjs", "1.11.19", "1.11.21"] {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
    assert!(!explained.contains("10.27.2"), "explain names a package that did not change:\n{explained}");

    let install = machine.run("npm", &["install"]).success();
    assert!(install.stdout.contains("changed 1 package"), "{install}");
    machine.sci(&["save"]).expect_outcome("node_modules", "saved");
    let added = machine.stored_bytes() - full;
    assert!(added * 5 < full, "the save of one package added {added} bytes to {full}");
    machine.sci(&["restore"]).expect_verdict("node_modules", "exact");
}

#[test]
fn what_the_workflow_runs_keeps_what_was_restored_and_npm_ci_does_not() {
    let machine = small();
    machine.remove("node_modules");
    machine.sci(&["restore"]).expect_verdict("node_modules", "exact");
    machine.workflow("npm").success();
    machine.sci(&["save"]).expect_outcome("node_modules", "skipped");

    machine.sci(&["restore"]).expect_verdict("node_modules", "exact");
    machine.run("npm", &["ci"]).success();
    let saved = machine.try_sci(&["save"]).success();
    assert!(saved.stdout.contains(DELETED) && saved.stdout.contains("as `npm ci` does"), "{saved}");
}

#[test]
fn a_failed_install_does_not_poison_the_key() {
    let machine = small();
    upgrade(&machine);
    machine.remove("node_modules");
    let run = machine.try_sci(&["run", "--", "false"]);
    assert_eq!(run.code, Some(1), "{run}");
    let next = machine.sci(&["restore"]);
    assert_ne!(next.verdict("node_modules"), "exact", "{next}");
}

#[test]
fn a_skipped_install_does_not_poison_the_key() {
    let machine = small();
    upgrade(&machine);
    machine.remove("node_modules");
    machine.sci(&["restore"]).expect_verdict("node_modules", "nearest");
    // The step succeeds, and something else in the tree changes, but nobody installs.
    machine.write("node_modules/.touched", "");
    machine.sci(&["save"]);
    let next = machine.sci(&["restore"]);
    assert_ne!(next.verdict("node_modules"), "exact", "{next}");
    // An install at last makes the key exact.
    machine.run("npm", &["install"]).success();
    machine.sci(&["save"]);
    machine.sci(&["restore"]).expect_verdict("node_modules", "exact");
}
