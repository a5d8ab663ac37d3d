//! Nx: on a fresh checkout every task is found, and after an edit all but the one that it concerns.

use std::fs;

use sci_e2e::{Machine, Manager, Ran};

const LOCK: &str = r#"{ "name": "small", "lockfileVersion": 3, "packages": {
  "": { "name": "small", "workspaces": ["packages/*"] },
  "node_modules/left": { "version": "1.0.0" },
  "node_modules/a": { "resolved": "packages/a", "link": true }, "packages/a": { "version": "1.0.0" },
  "node_modules/b": { "resolved": "packages/b", "link": true }, "packages/b": { "version": "1.0.0" } } }"#;

const SETTINGS: &str = r#"{ "cacheDirectory": ".nx/cache", "analytics": false, "neverConnectToCloud": true,
  "targetDefaults": { "build": { "cache": true, "outputs": ["{projectRoot}/dist"] } } }"#;

fn machine() -> Machine {
    let mut machine = Manager::Nx.machine(env!("CARGO_TARGET_TMPDIR"));
    for (name, value) in [("NX_DAEMON", "false"), ("NX_NO_CLOUD", "true"), ("NX_TUI", "false")] {
        machine.set(name, value);
    }
    // A repository of its own: Nx asks git what the files are, and one above may ignore them.
    machine.run("git", &["init", "--quiet"]).success();
    machine.write("package.json", r#"{ "name": "small", "private": true, "workspaces": ["packages/*"] }"#);
    machine.write("package-lock.json", LOCK);
    machine.write("nx.json", SETTINGS);
    machine.write(".gitignore", "node_modules\n.nx\ndist\n");
    // Nx runs as the one that the workspace has installed.
    let tools =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("tools/ecosystems/node_modules");
    std::os::unix::fs::symlink(tools, machine.path("node_modules")).unwrap();
    for name in ["a", "b"] {
        let member = |file: &str| format!("packages/{name}/{file}");
        let manifest =
            format!(r#"{{ "name": "{name}", "version": "1.0.0", "scripts": {{ "build": "node build.js" }} }}"#);
        machine.write(&member("package.json"), manifest);
        let script = "const fs = require('fs'); fs.mkdirSync('dist', { recursive: true }); fs.copyFileSync('in.txt', 'dist/out.txt');";
        machine.write(&member("build.js"), script);
        machine.write(&member("in.txt"), name);
    }
    machine.write("sci.toml", "presets = [\"nx\"]\n");
    machine
}

fn build(machine: &Machine) -> Ran {
    machine.run("nx", &["run-many", "--target", "build"]).success()
}

/// Removes what was built, and sci's own state.
fn fresh(machine: &Machine) {
    for name in [".nx", "packages/a/dist", "packages/b/dist"] {
        machine.remove(name);
    }
    fs::remove_dir_all(machine.dir().join("state")).unwrap();
}

#[test]
fn every_task_that_nothing_concerns_is_found() {
    let machine = machine();
    machine.sci(&["restore"]).expect_verdict(".nx", "miss");
    let first = build(&machine);
    assert!(first.stdout.contains("0/2 hit"), "{first}");
    machine.sci(&["save"]).expect_outcome(".nx", "saved");

    fresh(&machine);
    machine.sci(&["restore"]).expect_verdict(".nx", "exact");
    let kept: Vec<_> =
        fs::read_dir(machine.path(".nx/workspace-data")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(kept.iter().all(|name| name.to_string_lossy().contains(".db")), "{kept:?}");
    let second = build(&machine);
    assert!(second.stdout.contains("2/2 hit"), "{second}");
    assert_eq!(fs::read_to_string(machine.path("packages/b/dist/out.txt")).unwrap(), "b");

    fresh(&machine);
    machine.write("packages/a/in.txt", "edited");
    machine.sci(&["restore"]).expect_verdict(".nx", "nearest");
    let explained = machine.sci(&["explain"]).stdout;
    assert!(explained.contains("packages/a/in.txt") && !explained.contains("packages/b/in.txt"), "{explained}");
    let third = build(&machine);
    assert!(third.stdout.contains("1/2 hit"), "{third}");
    machine.sci(&["save"]).expect_outcome(".nx", "saved");
}
