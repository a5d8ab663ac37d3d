//! What Yarn and bun leave in an installed tree, held against a lockfile: the lockfile and the record, separated by a line of
//! `====`. Each check looks at both.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sci_fuzz as _;
use sci_presets::{Check, Proof, prove_current};
use tempfile::TempDir;

const SEPARATOR: &str = "\n====\n";
const CHECKS: [(Check, &str, &str); 4] = [
    (Check::Yarn, "yarn.lock", "node_modules/.yarn-state.yml"),
    (Check::YarnClassic, "yarn.lock", "node_modules/.yarn-integrity"),
    (Check::YarnCache, "yarn.lock", "node_modules/left-npm-1.0.0-0123456789-10c0.zip"),
    (Check::Bun, "bun.lock", "node_modules/left/package.json"),
];

static WORKSPACE: LazyLock<TempDir> = LazyLock::new(|| {
    let workspace = tempfile::tempdir().expect("a directory for temporary files");
    std::fs::create_dir_all(workspace.path().join("node_modules/left")).expect("room");
    workspace
});

fuzz_target!(|text: &str| {
    let (lockfile, record) = text.split_once(SEPARATOR).unwrap_or((text, ""));
    for (check, lockfile_name, record_name) in CHECKS {
        for (name, content) in [(lockfile_name, lockfile), (record_name, record)] {
            std::fs::write(WORKSPACE.path().join(name), content).expect("room");
        }
        let tree = WORKSPACE.path().join("node_modules");
        let proof = prove_current(check, WORKSPACE.path(), &tree, &[PathBuf::from(lockfile_name)]);
        if let Proof::Unknown { why } | Proof::NotCurrent { why } = proof {
            assert!(!why.is_empty());
        }
        for name in [lockfile_name, record_name] {
            std::fs::remove_file(WORKSPACE.path().join(name)).expect("it was written");
        }
    }
});
