//! What package managers leave in an installed tree, held against a lockfile. The parts are separated by lines of `====`:
//! for npm the lockfile and npm's record of it, for pnpm the lockfile, `.modules.yaml` and pnpm's copy of the lockfile.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sci_fuzz as _;
use sci_presets::{Check, Proof, prove_current};
use tempfile::TempDir;

const SEPARATOR: &str = "\n====\n";
const NPM: &[&str] = &["package-lock.json", "node_modules/.package-lock.json"];
const PNPM: &[&str] = &["pnpm-lock.yaml", "node_modules/.modules.yaml", "node_modules/.pnpm/lock.yaml"];

static WORKSPACE: LazyLock<TempDir> = LazyLock::new(|| {
    let workspace = tempfile::tempdir().expect("a directory for temporary files");
    std::fs::create_dir_all(workspace.path().join("node_modules/.pnpm")).expect("room");
    workspace
});

fuzz_target!(|text: &str| {
    let parts: Vec<&str> = text.split(SEPARATOR).collect();
    let (check, names) = if parts.len() == NPM.len() { (Check::Npm, NPM) } else { (Check::Pnpm, PNPM) };
    for (name, part) in names.iter().zip(&parts) {
        std::fs::write(WORKSPACE.path().join(name), part).expect("room");
    }
    let tree = WORKSPACE.path().join("node_modules");
    let proof = prove_current(check, WORKSPACE.path(), &tree, &[PathBuf::from(names[0])]);
    if let Proof::Unknown { why } | Proof::NotCurrent { why } = proof {
        assert!(!why.is_empty());
    }
    for name in names.iter().take(parts.len()) {
        let _gone = std::fs::remove_file(WORKSPACE.path().join(Path::new(name)));
    }
});
