//! Turborepo: on a fresh machine every task is found, and after an edit all but the one that it concerns.

use sci_e2e::{Machine, Manager, Ran};

use crate::tasks;

const LOCK: &str = r#"{ "name": "small", "lockfileVersion": 3, "packages": { "": { "name": "small" }, "node_modules/left": { "version": "1.0.0" } } }"#;

fn machine() -> Machine {
    let mut machine = Manager::Turbo.machine(env!("CARGO_TARGET_TMPDIR"));
    machine.set("TURBO_TELEMETRY_DISABLED", "1");
    tasks::lay_out(&machine);
    machine.write(
        "package.json",
        r#"{ "name": "small", "private": true, "packageManager": "npm@11.0.0", "workspaces": ["packages/*"] }"#,
    );
    machine.write("package-lock.json", LOCK);
    machine.write("turbo.json", r#"{ "tasks": { "build": { "outputs": ["dist/**"] } }, "cacheMaxSize": "1GB" }"#);
    machine.write(".gitignore", "node_modules\n.turbo\ndist\n");
    machine.write("sci.toml", "presets = [\"turbo\"]\n");
    machine
}

fn build(machine: &Machine) -> Ran {
    machine.run("turbo", &["run", "build", "--no-color"]).success()
}

#[test]
fn every_task_that_nothing_concerns_is_found() {
    let machine = machine();
    machine.sci(&["restore"]).expect_verdict(".turbo/cache", "miss");
    let first = build(&machine);
    assert!(first.stdout.contains("0 cached, 2 total"), "{first}");
    machine.sci(&["save"]).expect_outcome(".turbo/cache", "saved");

    tasks::fresh(&machine, ".turbo");
    machine.sci(&["restore"]).expect_verdict(".turbo/cache", "exact");
    let second = build(&machine);
    assert!(second.stdout.contains("2 cached, 2 total"), "{second}");
    assert_eq!(std::fs::read_to_string(machine.path("packages/b/dist/out.txt")).unwrap(), "b");

    tasks::fresh(&machine, ".turbo");
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
