//! Yarn, the classic one and the later ones: what it installed comes back so that it finds nothing to do, and needs no network.

use std::fs;

use sci_e2e::{Machine, Manager, Ran, Tree};

const PACKAGE: &str = r#"{ "name": "small", "private": true, "dependencies": { "dayjs": "1.11.19", "ms": "2.1.3", "react": "18.3.1", "use-sync-external-store": "1.5.0" }, "optionalDependencies": { "fsevents": "2.3.3" } }"#;

fn machine(manager: &Manager, preset: &str, yarnrc: &str) -> Machine {
    let machine = manager.machine(env!("CARGO_TARGET_TMPDIR"));
    machine.write("package.json", PACKAGE);
    machine.write(".yarnrc.yml", yarnrc);
    machine.write("yarn.lock", "");
    machine.run("yarn", &["install"]).success();
    machine.sci(&["init"]);
    assert!(fs::read_to_string(machine.path("sci.toml")).unwrap().contains(&format!("presets = [\"{preset}\"]")));
    machine
}

/// Another machine with the same checkout: what was installed or downloaded, and sci's own state, are gone.
fn fresh(machine: &Machine) {
    for name in ["node_modules", ".yarn", ".pnp.cjs", ".pnp.loader.mjs"] {
        if machine.path(name).exists() {
            machine.remove(name);
        }
    }
    for dir in [machine.home().join(".yarn"), machine.home().join(".cache"), machine.dir().join("state")] {
        if dir.exists() {
            fs::remove_dir_all(dir).unwrap();
        }
    }
}

/// Upgrades one package, in package.json and the lockfile, and checks what is said of it.
fn upgrade(machine: &Machine, sibling: &str) {
    machine.run("yarn", &["add", "dayjs@1.11.18", "--exact"]).success();
    machine.sci(&["restore"]).expect_verdict("node_modules", "nearest");
    let explained = machine.sci(&["explain", "node_modules"]).stdout;
    for word in ["dayjs", "1.11.19", "1.11.18"] {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
    assert!(!explained.contains(sibling), "explain names a package that did not change:\n{explained}");
}

/// What the modules do when they are run.
fn greeting(machine: &Machine) -> Ran {
    let script = "console.log(require('ms')('2 days'), require('react').version)";
    machine.run("yarn", &["node", "-e", script]).success()
}

#[test]
fn a_classic_install_comes_back() {
    let machine = machine(&Manager::YarnClassic, "yarn-classic", "");
    fresh(&machine);
    machine.sci(&["restore"]).expect_verdict("node_modules", "miss");
    machine.run("yarn", &["install", "--frozen-lockfile"]).success();
    let before = Tree::read(&machine.path("node_modules"));
    machine.sci(&["save"]).expect_outcome("node_modules", "saved");

    fresh(&machine);
    machine.sci(&["restore"]).expect_verdict("node_modules", "exact");
    before.assert_same(&Tree::read(&machine.path("node_modules")));
    let install = machine.run("yarn", &["install", "--frozen-lockfile", "--offline"]).success();
    assert!(install.stdout.contains("Already up-to-date"), "{install}");
    machine.run("yarn", &["check", "--verify-tree"]).success();
    upgrade(&machine, "18.3.1");
}

#[test]
fn node_modules_of_a_later_yarn_come_back_with_their_cache() {
    let machine = machine(&Manager::Yarn, "yarn", "nodeLinker: node-modules\nenableTelemetry: false\n");
    fresh(&machine);
    machine.sci(&["restore"]).expect_verdict("node_modules", "miss");
    machine.run("yarn", &["install", "--immutable"]).success();
    // What another workspace downloads into the same cache is not this one's.
    fs::write(machine.home().join(".yarn/berry/cache/secret-npm-1.0.0-0123456789-10c0.zip"), "another's").unwrap();
    let before = Tree::read(&machine.path("node_modules"));
    let saved = machine.sci(&["save"]).expect_outcome("node_modules", "saved");
    saved.expect_outcome("~/.yarn/berry/cache", "saved").expect_outcome(".yarn/install-state.gz", "saved");

    fresh(&machine);
    let restored = machine.sci(&["restore"]).expect_verdict("node_modules", "exact");
    restored.expect_verdict("~/.yarn/berry/cache", "exact").expect_verdict(".yarn/install-state.gz", "exact");
    before.assert_same(&Tree::read(&machine.path("node_modules")));
    assert!(!machine.home().join(".yarn/berry/cache/secret-npm-1.0.0-0123456789-10c0.zip").exists());
    install_without_network(&machine);
    before.assert_same(&Tree::read(&machine.path("node_modules")));
    greeting(&machine);
    upgrade(&machine, "18.3.1");
}

#[test]
fn plug_and_play_runs_from_the_cache() {
    let machine = machine(&Manager::Yarn, "yarn", "enableTelemetry: false\n");
    fresh(&machine);
    machine.sci(&["restore"]);
    machine.run("yarn", &["install", "--immutable"]).success();
    let before = greeting(&machine).stdout;
    machine.sci(&["save"]).expect_outcome("~/.yarn/berry/cache", "saved");

    fresh(&machine);
    machine.sci(&["restore"]).expect_verdict("~/.yarn/berry/cache", "exact");
    install_without_network(&machine);
    assert_eq!(greeting(&machine).stdout, before);
}

/// Yarn fails when it has to ask for anything.
fn install_without_network(machine: &Machine) {
    let mut yarn = machine.command("yarn");
    let install = sci_e2e::machine::finish(yarn.args(["install", "--immutable"]).env("YARN_ENABLE_NETWORK", "0"));
    let install = install.success();
    assert!(!install.stdout.contains("was added") && !install.stdout.contains("were added"), "{install}");
}
