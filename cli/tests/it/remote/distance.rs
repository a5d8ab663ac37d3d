//! A store that is far away: how often a command goes the way there and back, one time after the other.

use super::backend::{Backend, served};
use crate::sandbox::Sandbox;

/// Milliseconds to the store and back: so long that what is sent together is not taken for one after the other.
const AWAY: u64 = 150;
/// Where another machine keeps its state.
const ELSEWHERE: &str = "elsewhere";

/// A workspace of three paths with larger and smaller files, saved five times with a little changed.
fn history() -> (Sandbox, Backend) {
    let (mut sandbox, backend) = served();
    let others = ["more", "most"].map(|name| format!("\n[path.{name}]\npath = \"{name}\"\nsources = [\"src/**\"]\n"));
    sandbox.write("sci.toml", &(sandbox.read("sci.toml") + &others.concat()));
    sandbox.set("SCI_TIMEOUT", "30s");
    for version in 0..5 {
        sandbox.write("src/main.txt", &format!("version {version}\n"));
        let fill = format!("mkdir -p out more most; seq {version} 400000 > out/a; seq 200 | split -l 1 -a 3 - out/; ");
        let edit = format!("echo {version} > out/b; echo {version} > more/c; seq {version} 9 > most/d");
        sandbox.sci_run("", &(fill + &edit)).ends_with(0);
    }
    (sandbox, backend)
}

/// Restores these paths on a machine that has nothing, and gives the rounds that this took.
fn rounds(sandbox: &mut Sandbox, backend: &Backend, paths: &[&str], verdict: &str) -> u64 {
    let state = sandbox.beside(ELSEWHERE);
    for left in ["out", "more", "most"].map(|name| sandbox.path(name)).iter().chain([&state]).filter(|it| it.exists()) {
        std::fs::remove_dir_all(left).unwrap();
    }
    sandbox.set("SCI_STATE", state);
    backend.distance.rounds();
    backend.distance.set(AWAY);
    let restored = sandbox.sci(&format!("restore --json {}", paths.join(" "))).ends_with(0);
    backend.distance.set(0);
    let document = restored.json();
    assert!(document["result"]["plan"].is_string(), "{restored}");
    let restored = document["result"]["paths"].as_array().unwrap();
    assert_eq!(restored.iter().filter(|path| path["verdict"] == verdict).count(), paths.len(), "{document}");
    backend.distance.rounds()
}

#[test]
fn a_restore_goes_the_way_to_the_store_a_few_times_only() {
    let (mut sandbox, backend) = history();
    let all = ["out", "more", "most"];
    // The session, the verdicts, and the plan at the end; for each path its manifest and its blocks.
    assert!(rounds(&mut sandbox, &backend, &["out"], "exact") <= 3 + 2);
    assert!(rounds(&mut sandbox, &backend, &all, "exact") <= 3 + 3 * 2);
    // The inputs that the store does not know are sent meanwhile.
    sandbox.write("src/main.txt", "never saved\n");
    assert!(rounds(&mut sandbox, &backend, &["out"], "nearest") <= 3 + 2);
    assert!(rounds(&mut sandbox, &backend, &all, "nearest") <= 3 + 3 * 2);
}
