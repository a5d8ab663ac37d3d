//! A path that a tool is told to keep elsewhere than below the home directory.

use std::path::PathBuf;

use crate::sandbox::{Sandbox, assert_screen};

const ARCHIVE: &str = "cache/index.crates.io-0/one-1.0.0.crate";

/// A project of Rust on a machine where cargo is told to keep its things beside the home directory.
fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::empty();
    sandbox.write("sci.toml", "presets = [\"cargo\"]\n");
    sandbox.write("src/main.rs", "fn main() {}\n");
    sandbox.write(
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"one\"\nversion = \"1.0.0\"\n\
         source = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"\n",
    );
    sandbox.set("CARGO_HOME", sandbox.beside("image/cargo"));
    sandbox
}

/// Saves a registry with one crate, and removes it; gives where the crate was.
fn saved(sandbox: &Sandbox) -> PathBuf {
    let archive = sandbox.beside("image/cargo/registry").join(ARCHIVE);
    std::fs::create_dir_all(archive.parent().unwrap()).unwrap();
    std::fs::write(&archive, "the crate").unwrap();
    sandbox.sci("save cargo-registry").ends_with(0);
    std::fs::remove_dir_all(sandbox.beside("image")).unwrap();
    archive
}

#[test]
fn what_is_kept_elsewhere_is_saved_and_restored_there() {
    let sandbox = sandbox();
    let archive = saved(&sandbox);
    sandbox.sci("restore cargo-registry --require").ends_with(0);
    assert_eq!(std::fs::read(&archive).unwrap(), b"the crate");
    assert!(!sandbox.beside("home/.cargo").exists());
    // It is the same state for a machine that keeps it in the usual place.
    let mut sandbox = sandbox;
    sandbox.set("CARGO_HOME", "");
    sandbox.sci("restore cargo-registry --require").ends_with(0);
    assert!(sandbox.beside("home/.cargo/registry").join(ARCHIVE).exists());
}

#[test]
fn a_restore_that_was_cut_off_there_is_completed() {
    let sandbox = sandbox();
    let archive = saved(&sandbox);
    // What is there already makes it a restore in several steps.
    std::fs::create_dir_all(archive.parent().unwrap()).unwrap();
    let mut restore = sandbox.command(&["restore", "cargo-registry"]);
    let killed = sandbox.ran(restore.env("SCI_FAULT", "kill:restore.intent.written:1")).unwrap();
    assert_eq!(killed.code, None, "{killed}");
    assert!(!archive.exists());
    let listed = sandbox.sci("doctor");
    assert!(listed.stderr.contains("~/.cargo/registry: an interrupted restore was completed"), "{listed}");
    assert_eq!(std::fs::read(&archive).unwrap(), b"the crate");
}

#[test]
fn what_is_saved_from_another_place_than_was_planned_is_not_exact() {
    let mut sandbox = sandbox();
    let archive = saved(&sandbox);
    let unpacked = |number: usize| format!("src/index.crates.io-0/one-1.0.0/{number}.rs");
    for number in 0..10 {
        let file = sandbox.beside("image/cargo/registry").join(unpacked(number));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "").unwrap();
    }
    std::fs::create_dir_all(archive.parent().unwrap()).unwrap();
    std::fs::write(&archive, "the crate").unwrap();
    sandbox.sci("save cargo-registry").ends_with(0);
    sandbox.sci("restore cargo-registry --require").ends_with(0);
    let other = sandbox.beside("other/registry").join(ARCHIVE);
    std::fs::create_dir_all(other.parent().unwrap()).unwrap();
    std::fs::write(&other, "of some other build").unwrap();
    sandbox.set("CARGO_HOME", sandbox.beside("other"));
    let saved = sandbox.sci("save cargo-registry --json").json();
    let path = &saved["result"]["paths"][0];
    assert_eq!(
        (&path["settled"], path["reason"].as_str()),
        (&false.into(), Some("before the run a variable said that it is in another place"))
    );
    assert_eq!(path["warnings"].as_array().map_or(0, Vec::len), 0, "{saved}");
    let restored = sandbox.sci("restore cargo-registry --json").json();
    assert_eq!(restored["result"]["paths"][0]["verdict"], "nearest");
}

#[test]
fn a_plan_says_where_it_is_and_a_person_may_call_it_so() {
    let sandbox = sandbox();
    let place = sandbox.beside("image/cargo/registry");
    assert_screen!(sandbox.sci(&format!("plan {}", place.display())), @r"
    exit code: 0
    ----- stdout -----
    ~/.cargo/registry  key [DIGEST]
      at           [TOP]/image/cargo/registry  (CARGO_HOME)
      system       [ID]  13 inputs
      lockfiles    [ID]  1 input
      variant      [ID]  1 input
    ");
    let planned = sandbox.sci("plan --json").json();
    let paths = planned["result"]["paths"].as_array().unwrap();
    let elsewhere: Vec<_> = paths.iter().map(|path| (path["instance"].as_str(), path["elsewhere"].as_str())).collect();
    assert_eq!(elsewhere, [(Some("~/.cargo/registry"), Some("CARGO_HOME")), (Some("target"), None)]);
}

#[test]
fn neither_the_store_nor_the_state_may_be_there() {
    let mut sandbox = sandbox();
    let inside = sandbox.beside("image/cargo/registry/store");
    assert_screen!(sandbox.sci(&format!("restore --store {}", inside.display())), @r"
    exit code: 2
    ----- stderr -----
    Error: the store [TOP]/image/cargo/registry/store is in the workspace path `~/.cargo/registry`
    Hint: a restore would roll it back too: name another with --store
    ");
    sandbox.set("SCI_STATE", inside);
    assert_screen!(sandbox.sci("plan"), @r"
    exit code: 2
    ----- stderr -----
    Error: the local state [TOP]/image/cargo/registry/store is in the workspace path `~/.cargo/registry`
    Hint: a restore would roll it back too: name another with --state
    ");
}

#[test]
fn a_place_in_the_workspace_is_told_how_to_be_declared() {
    let mut sandbox = sandbox();
    sandbox.set("CARGO_HOME", sandbox.path(".rust"));
    assert_screen!(sandbox.sci("plan cargo-registry"), @r#"
    exit code: 0
    ----- stdout -----
    ~/.cargo/registry  no key: not restored, not saved
      CARGO_HOME is `[TOP]/ws/.rust`, which is in the workspace
      Hint: declare it as it is: [path.cargo-registry] with `path = ".rust/registry"`
    "#);
    sandbox.write("sci.toml", "presets = [\"cargo\"]\n[path.cargo-registry]\npath = \".rust/registry\"\n");
    sandbox.write(&format!(".rust/registry/{ARCHIVE}"), "the crate");
    sandbox.write(".rust/registry/cache/index.crates.io-0/other-1.0.0.crate", "a neighbour's");
    sandbox.sci("save cargo-registry").ends_with(0);
    sandbox.remove(".rust");
    sandbox.sci("restore cargo-registry --require").ends_with(0);
    assert!(sandbox.path(".rust/registry").join(ARCHIVE).exists());
    assert!(!sandbox.path(".rust/registry/cache/index.crates.io-0/other-1.0.0.crate").exists());
}
