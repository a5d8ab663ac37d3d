//! pnpm: a workspace of two packages, with symlinks and hardlinks, comes back so that pnpm finds nothing to do.

use sci_e2e::{Machine, Tree};

const INSTANCES: [&str; 3] = ["node_modules", "packages/app/node_modules", "packages/lib/node_modules"];

/// A workspace of two packages over real ones, with its lockfile but without an install.
fn workspace() -> Machine {
    let machine = Machine::new();
    machine.write("sci.toml", "presets = [\"pnpm\"]\n");
    machine.write(".npmrc", "package-import-method=hardlink\n");
    machine.write("pnpm-workspace.yaml", "packages:\n  - packages/*\n");
    machine
        .write("package.json", r#"{ "name": "root", "private": true, "devDependencies": { "typescript": "5.9.2" } }"#);
    machine.write(
        "packages/lib/package.json",
        r#"{ "name": "lib", "version": "1.0.0", "dependencies": { "date-fns": "4.1.0" } }"#,
    );
    let app = r#"{ "name": "app", "version": "1.0.0", "dependencies": { "lib": "workspace:*", "express": "5.1.0", "date-fns": "4.1.0" } }"#;
    machine.write("packages/app/package.json", app);
    pnpm(&machine, &["--lockfile-only"]);
    machine
}

fn pnpm(machine: &Machine, args: &[&str]) -> sci_e2e::Ran {
    let store = machine.home().join("pnpm-store");
    let mut command = machine.command("pnpm");
    command.arg("install").arg("--store-dir").arg(store).arg("--ignore-scripts").args(args);
    sci_e2e::machine::finish(&mut command).success()
}

fn trees(machine: &Machine) -> Vec<Tree> {
    INSTANCES.iter().map(|instance| Tree::read_without(&machine.path(instance), &[".cache"])).collect()
}

#[test]
fn a_workspace_comes_back_and_pnpm_finds_nothing_to_do() {
    let machine = workspace();
    machine.sci(&["restore"]);
    pnpm(&machine, &["--frozen-lockfile"]);
    let before = trees(&machine);
    assert!(before[0].links() > 100 && before[0].hard_links() > 10, "pnpm makes symlinks and hardlinks");
    machine.sci(&["save"]);

    for instance in INSTANCES {
        machine.remove(instance);
    }
    let restored = machine.sci(&["restore"]);
    for instance in INSTANCES {
        assert_eq!(restored.verdict(instance), "exact", "{instance}\n{restored}");
    }
    for (before, after) in before.iter().zip(trees(&machine)) {
        before.assert_same(&after);
    }
    let offline = pnpm(&machine, &["--offline", "--frozen-lockfile"]);
    assert!(!offline.stdout.contains("Packages: "), "pnpm installed something\n{offline}");
    let after = trees(&machine);
    for (before, after) in before.iter().zip(&after) {
        let real: Vec<_> = before.differences(after).into_iter().filter(|line| !is_bookkeeping(line)).collect();
        assert!(real.is_empty(), "{real:#?}");
    }

    for package in ["lib", "app"] {
        machine.edit(&format!("packages/{package}/package.json"), r#""date-fns": "4.1.0""#, r#""date-fns": "4.0.0""#);
    }
    pnpm(&machine, &["--lockfile-only"]);
    machine.sci(&["restore"]).expect_verdict("packages/lib/node_modules", "nearest");
    let explained = machine.sci(&["explain", "packages/lib/node_modules"]).stdout;
    for word in ["date-fns", "4.1.0", "4.0.0"] {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
    assert!(!explained.contains("express"), "explain names a package that did not change:\n{explained}");
}

/// pnpm stamps its own records, and the directory that holds them, at every install, whether or not it did anything.
fn is_bookkeeping(line: &str) -> bool {
    [".pnpm-workspace-state-v1.json", ".modules.yaml", "changed: : "].iter().any(|name| line.contains(name))
}
