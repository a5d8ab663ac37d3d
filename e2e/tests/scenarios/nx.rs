//! Nx: on a fresh checkout every task is found, and after an edit all but the one that it concerns, wherever Nx keeps its results.

use std::fs;

use sci_e2e::{Machine, Manager, Ran, ecosystems};

use crate::tasks;

const LOCK: &str = r#"{ "name": "small", "lockfileVersion": 3, "packages": {
  "": { "name": "small", "workspaces": ["packages/*"] },
  "node_modules/left": { "version": "1.0.0" },
  "node_modules/a": { "resolved": "packages/a", "link": true }, "packages/a": { "version": "1.0.0" },
  "node_modules/b": { "resolved": "packages/b", "link": true }, "packages/b": { "version": "1.0.0" } } }"#;

const SETTINGS: &str = r#""analytics": false, "neverConnectToCloud": true,
  "targetDefaults": { "build": { "cache": true, "outputs": ["{projectRoot}/dist"] } } }"#;

/// A machine with a workspace; `settings` is how its nx.json begins.
fn machine(settings: &str) -> Machine {
    let mut machine = Manager::Nx.machine(env!("CARGO_TARGET_TMPDIR"));
    for (name, value) in [("NX_DAEMON", "false"), ("NX_NO_CLOUD", "true"), ("NX_TUI", "false")] {
        machine.set(name, value);
    }
    tasks::lay_out(&machine);
    machine.write("package.json", r#"{ "name": "small", "private": true, "workspaces": ["packages/*"] }"#);
    machine.write("package-lock.json", LOCK);
    machine.write("nx.json", format!("{{ {settings}{SETTINGS}"));
    machine.write(".gitignore", "node_modules\n.nx\ndist\n");
    // Nx runs as the one that the workspace has installed.
    let tools = ecosystems::modules(env!("CARGO_TARGET_TMPDIR"));
    std::os::unix::fs::symlink(tools, machine.path("node_modules")).unwrap();
    machine.write("sci.toml", "presets = [\"nx\"]\n");
    machine
}

fn build(machine: &Machine) -> Ran {
    machine.run("nx", &["run-many", "--target", "build"]).success()
}

#[test]
fn every_task_that_nothing_concerns_is_found() {
    let machine = machine(r#""cacheDirectory": ".nx/cache", "#);
    machine.sci(&["restore"]).expect_verdict(".nx", "miss");
    let first = build(&machine);
    assert!(first.stdout.contains("0/2 hit"), "{first}");
    machine.sci(&["save"]).expect_outcome(".nx", "saved");

    tasks::fresh(&machine, ".nx");
    machine.sci(&["restore"]).expect_verdict(".nx", "exact");
    let kept: Vec<_> =
        fs::read_dir(machine.path(".nx/workspace-data")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(kept.iter().all(|name| name.to_string_lossy().contains(".db")), "{kept:?}");
    let second = build(&machine);
    assert!(second.stdout.contains("2/2 hit"), "{second}");
    assert_eq!(fs::read_to_string(machine.path("packages/b/dist/out.txt")).unwrap(), "b");

    tasks::fresh(&machine, ".nx");
    machine.write("packages/a/in.txt", "edited");
    machine.sci(&["restore"]).expect_verdict(".nx", "nearest");
    let explained = machine.sci(&["explain"]).stdout;
    assert!(explained.contains("packages/a/in.txt") && !explained.contains("packages/b/in.txt"), "{explained}");
    let third = build(&machine);
    assert!(third.stdout.contains("1/2 hit"), "{third}");
    machine.sci(&["save"]).expect_outcome(".nx", "saved");

    machine.edit(
        "package-lock.json",
        r#""node_modules/left": { "version": "1.0.0" }"#,
        r#""node_modules/left": { "version": "1.0.1" }"#,
    );
    machine.sci(&["restore"]).expect_verdict(".nx", "nearest");
    let explained = machine.sci(&["explain"]).stdout;
    for word in ["left", "1.0.0", "1.0.1"] {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
}

/// Nx does so only where the home directory is not below `/tmp`.
#[test]
fn what_nx_keeps_in_the_home_directory_is_found_too() {
    let machine = machine("");
    // By its address Nx knows the repository again.
    machine.run("git", &["remote", "add", "origin", "https://git.example/owner/small.git"]).success();
    let kept = machine.home().join(".nx");
    machine.sci(&["restore"]).expect_verdict("~/.nx", "miss");
    let first = build(&machine);
    assert!(first.stdout.contains("0/2 hit"), "{first}");
    // What Nx Cloud would download, to run it.
    fs::create_dir_all(kept.join("cloud-client/0123456789abcdef")).unwrap();
    machine.sci(&["save"]).expect_outcome("~/.nx", "saved");

    let fresh = || {
        tasks::fresh(&machine, ".nx");
        fs::remove_dir_all(&kept).unwrap();
    };
    fresh();
    machine.sci(&["restore"]).expect_verdict("~/.nx", "exact");
    let restored: Vec<_> = fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(restored.len() == 1 && restored[0].len() == 16, "{restored:?}");
    let second = build(&machine);
    assert!(second.stdout.contains("2/2 hit"), "{second}");
    assert_eq!(fs::read_to_string(machine.path("packages/b/dist/out.txt")).unwrap(), "b");

    fresh();
    machine.write("packages/a/in.txt", "edited");
    machine.sci(&["restore"]).expect_verdict("~/.nx", "nearest");
    let third = build(&machine);
    assert!(third.stdout.contains("1/2 hit"), "{third}");
}
