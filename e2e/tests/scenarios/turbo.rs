//! Turborepo: on a fresh machine every task is found, and after an edit all but the one that it concerns.

use sci_e2e::{Machine, Manager, Ran};

const LOCK: &str = r#"{ "name": "small", "lockfileVersion": 3, "packages": { "": { "name": "small" }, "node_modules/left": { "version": "1.0.0" } } }"#;

fn machine() -> Machine {
    let mut machine = Manager::Turbo.machine(env!("CARGO_TARGET_TMPDIR"));
    machine.set("TURBO_TELEMETRY_DISABLED", "1");
    // A repository of its own: turbo asks git what the files are, and one above may ignore them.
    machine.run("git", &["init", "--quiet"]).success();
    machine.write(
        "package.json",
        r#"{ "name": "small", "private": true, "packageManager": "npm@11.0.0", "workspaces": ["packages/*"] }"#,
    );
    machine.write("package-lock.json", LOCK);
    machine.write("turbo.json", r#"{ "tasks": { "build": { "outputs": ["dist/**"] } }, "cacheMaxSize": "1GB" }"#);
    machine.write(".gitignore", "node_modules\n.turbo\ndist\n");
    for name in ["a", "b"] {
        let member = |file: &str| format!("packages/{name}/{file}");
        let manifest =
            format!(r#"{{ "name": "{name}", "version": "1.0.0", "scripts": {{ "build": "node build.js" }} }}"#);
        machine.write(&member("package.json"), manifest);
        let script = "const fs = require('fs'); fs.mkdirSync('dist', { recursive: true }); fs.copyFileSync('in.txt', 'dist/out.txt');";
        machine.write(&member("build.js"), script);
        machine.write(&member("in.txt"), name);
    }
    machine.write("sci.toml", "presets = [\"turbo\"]\n");
    machine
}

fn build(machine: &Machine) -> Ran {
    machine.run("turbo", &["run", "build", "--no-color"]).success()
}

/// Removes what was built, and sci's own state.
fn fresh(machine: &Machine) {
    for name in [".turbo", "packages/a/dist", "packages/b/dist"] {
        machine.remove(name);
    }
    std::fs::remove_dir_all(machine.dir().join("state")).unwrap();
}

#[test]
fn every_task_that_nothing_concerns_is_found() {
    let machine = machine();
    machine.sci(&["restore"]).expect_verdict(".turbo/cache", "miss");
    let first = build(&machine);
    assert!(first.stdout.contains("0 cached, 2 total"), "{first}");
    machine.sci(&["save"]).expect_outcome(".turbo/cache", "saved");

    fresh(&machine);
    machine.sci(&["restore"]).expect_verdict(".turbo/cache", "exact");
    let second = build(&machine);
    assert!(second.stdout.contains("2 cached, 2 total"), "{second}");
    assert_eq!(std::fs::read_to_string(machine.path("packages/b/dist/out.txt")).unwrap(), "b");

    fresh(&machine);
    machine.write("packages/a/in.txt", "edited");
    machine.edit("package-lock.json", "1.0.0", "1.1.0");
    machine.sci(&["restore"]).expect_verdict(".turbo/cache", "nearest");
    let explained = machine.sci(&["explain"]).stdout;
    for word in ["left", "1.0.0", "1.1.0", "packages/a/in.txt"] {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
    assert!(!explained.contains("packages/b/in.txt"), "explain names a file that did not change:\n{explained}");
    let third = build(&machine);
    assert!(third.stdout.contains("1 cached, 2 total"), "{third}");
    machine.sci(&["save"]).expect_outcome(".turbo/cache", "saved");
}
