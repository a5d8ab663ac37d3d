//! A project's life with the Worker: what its machines save, restore, ask, refuse and collect, on the npm workload.

use std::collections::BTreeSet;
use std::fs;

use sci_e2e::disturb::copy_tree;
use sci_e2e::machine::finish;
use sci_e2e::server::{command, run};
use sci_e2e::{Backend, Machine, Ran, Tree, Worker};

use crate::npm::storefront;

const MAIN: &str = "trusted:refs/heads/main";
/// Of the package that is changed: the lockfile's version, main's next, and a pull request's.
const VERSIONS: [&str; 3] = ["4.3.0", "4.1.0", "4.2.1"];

/// A runner's fresh checkout: the storefront, with nothing installed.
fn runner(worker: &Worker) -> Machine {
    let machine = Machine::new();
    for name in ["package.json", "package-lock.json", ".npmrc", ".gitignore", "sci.toml"] {
        fs::copy(storefront().join(name), machine.path(name)).unwrap();
    }
    let presets = fs::read_to_string(machine.path("sci.toml")).unwrap();
    machine.write("sci.toml", format!("{presets}{}", worker.declaration()));
    copy_tree(&storefront().join("app"), &machine.path("app"));
    machine
}

fn npm(machine: &Machine, args: &[&str]) -> Ran {
    machine.run("npm", &[args, &["--ignore-scripts", "--prefer-offline", "--loglevel=error"]].concat()).success()
}

/// Changes the dependency in package.json and the lockfile, and installs nothing.
fn depend_on(machine: &Machine, version: &str) {
    npm(machine, &["install", "--package-lock-only", &format!("date-fns@{version}")]);
}

fn modules(machine: &Machine) -> Tree {
    Tree::read_without(&machine.path("node_modules"), &[".cache"])
}

fn name_of(ran: &Ran) -> String {
    ran.result()["run"].as_str().unwrap_or_else(|| panic!("no run\n{ran}")).to_owned()
}

/// The scopes of all snapshots that are listed.
fn scopes(worker: &Worker) -> Vec<String> {
    let listed = worker.administer(&["--project", "1001", "ls", "--remote", "--all"]).result();
    let snapshots = listed["snapshots"].as_array().unwrap().iter();
    snapshots.map(|snapshot| snapshot["scope"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_project_lives_with_the_worker() {
    let mut worker = Worker::start();
    let main = worker.token(MAIN);
    let first = install_and_save(&worker, &main);
    next_machine_restores(&worker, &main, &first);
    let upgraded = dependency_is_changed(&worker, &main);
    anybody_may_look(&worker, &main, &upgraded);
    pull_request_writes_nothing_of_mains(&worker, &main);
    quarantined(&worker, &main, &first);
    collected(&mut worker, &main);
}

/// The first machine: its run, and its tree.
struct First {
    run: String,
    tree: Tree,
}

fn install_and_save(worker: &Worker, main: &str) -> First {
    let machine = runner(worker);
    let key = run(&machine, main, &["plan"]).field("node_modules", "key");
    let missed = run(&machine, main, &["restore"]).expect_verdict("node_modules", "miss");
    assert_eq!(missed.field("node_modules", "key"), key);
    npm(&machine, &["ci"]);
    let tree = modules(&machine);
    assert!(tree.files() >= 25_000, "only {} files", tree.files());
    let saved = run(&machine, main, &["save"]).expect_outcome("node_modules", "saved");
    First { run: name_of(&saved), tree }
}

fn next_machine_restores(worker: &Worker, main: &str, first: &First) {
    let machine = runner(worker);
    run(&machine, main, &["restore"]).expect_verdict("node_modules", "exact");
    first.tree.assert_same(&modules(&machine));
    npm(&machine, &["ls", "--all"]);
    let install = npm(&machine, &["install"]);
    assert!(install.stdout.contains("up to date"), "{install}");
}

/// Gives the run that restored the nearest snapshot and saved the upgrade.
fn dependency_is_changed(worker: &Worker, main: &str) -> String {
    let machine = runner(worker);
    depend_on(&machine, VERSIONS[1]);
    let restored = run(&machine, main, &["restore"]).expect_verdict("node_modules", "nearest");
    let explained = run(&machine, main, &["explain"]).stdout;
    for word in ["date-fns", VERSIONS[0], VERSIONS[1]] {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
    assert!(!explained.contains("\"@mui/material\""), "explain names a package that did not change:\n{explained}");
    let before = worker.stored_bytes();
    let install = npm(&machine, &["install"]);
    assert!(install.stdout.contains("changed 1 package"), "{install}");
    run(&machine, main, &["save"]).expect_outcome("node_modules", "saved");
    let added = worker.stored_bytes() - before;
    assert!(added * 5 < before, "the save of one package added {added} bytes to {before}");

    // It was one of the upgrade and one only: a machine that has that lockfile gets it.
    let other = runner(worker);
    depend_on(&other, VERSIONS[1]);
    run(&other, main, &["restore"]).expect_verdict("node_modules", "exact");
    modules(&machine).assert_same(&modules(&other));
    name_of(&restored)
}

fn anybody_may_look(worker: &Worker, main: &str, upgraded: &str) {
    // From a machine without a checkout.
    let explained = worker.administer(&["--project", "1001", "explain", "--run", upgraded]);
    assert_eq!(explained.result()["paths"][0]["verdict"]["verdict"], "nearest", "{explained}");
    assert!(explained.stdout.contains("date-fns"), "{explained}");
    let machine = runner(worker);
    let page = run(&machine, main, &["ls", "--remote", "--limit", "1"]).result();
    assert_eq!(page["snapshots"].as_array().map(Vec::len), Some(1), "{page}");
    let rest = run(&machine, main, &["ls", "--remote", "--before", &page["next"].to_string()]).result();
    assert_eq!(rest["snapshots"].as_array().map(Vec::len), Some(1), "{rest}");
    assert_eq!(scopes(worker), [MAIN, MAIN]);
    let verified = run(&machine, main, &["verify", "--read-data"]);
    assert_eq!(verified.result()["snapshots"], 2, "{verified}");
}

fn pull_request_writes_nothing_of_mains(worker: &Worker, main: &str) {
    let token = worker.token("pr:42");
    let machine = runner(worker);
    // It reads what main saved,
    run(&machine, &token, &["restore"]).expect_verdict("node_modules", "exact");
    // and saves under a key that main will have next.
    depend_on(&machine, VERSIONS[2]);
    run(&machine, &token, &["restore"]).expect_verdict("node_modules", "nearest");
    npm(&machine, &["install"]);
    machine.write("node_modules/planted.js", "");
    run(&machine, &token, &["save"]).expect_outcome("node_modules", "saved");
    assert_eq!(scopes(worker), ["pr:42", MAIN, MAIN]);

    let merged = runner(worker);
    depend_on(&merged, VERSIONS[2]);
    run(&merged, main, &["restore"]).expect_verdict("node_modules", "nearest");
    assert!(!merged.path("node_modules/planted.js").exists());
    // Nor does it take anything of main's away.
    let snapshot = run(&machine, main, &["ls", "--scope", MAIN]).result()["snapshots"][0]["snapshot"].clone();
    let refused = finish(&mut command(&machine, &token, &["forget", snapshot.as_str().unwrap()]));
    // It may not see whether there is such a snapshot for it to forget.
    assert_eq!(refused.code, Some(4), "{refused}");
    assert_eq!(scopes(worker).len(), 3);
    run(&machine, &token, &["forget", "--scope", "pr:42"]);
    assert_eq!(scopes(worker), [MAIN, MAIN]);
}

fn quarantined(worker: &Worker, main: &str, first: &First) {
    let refused = worker.administer(&["quarantine", "--repository", "1001", "--run", &first.run]);
    // What the upgrade and the pull request saved was installed upon what this run had saved; that the latter's is forgotten
    // does not matter, since something might descend from it.
    assert_eq!(refused.result()["snapshots"].as_array().map(Vec::len), Some(3), "{refused}");
    for version in &VERSIONS[..2] {
        let machine = runner(worker);
        depend_on(&machine, version);
        run(&machine, main, &["restore"]).expect_verdict("node_modules", "miss");
        let explained = run(&machine, main, &["explain"]);
        assert!(explained.stdout.contains("quarantine"), "{explained}");
        assert!(!machine.path("node_modules").exists());
    }
}

fn collected(worker: &mut Worker, main: &str) {
    // A machine builds from nothing again, and what it saves is nobody's descendant.
    let machine = runner(worker);
    run(&machine, main, &["restore"]).expect_verdict("node_modules", "miss");
    npm(&machine, &["ci"]);
    let saved = run(&machine, main, &["save"]).expect_outcome("node_modules", "saved");
    let kept = saved.field("node_modules", "snapshot");
    let listed = worker.administer(&["--project", "1001", "ls", "--remote"]).result();
    for snapshot in listed["snapshots"].as_array().unwrap() {
        let snapshot = snapshot["snapshot"].as_str().unwrap();
        if snapshot != kept {
            worker.administer(&["forget", "--repository", "1001", snapshot]);
        }
    }

    let before = worker.stored_bytes();
    let gc = ["--project", "1001", "gc"];
    let early =
        finish(&mut command(&machine, worker.admin(), &[&gc[..], &["--grace", "1h", "--unsafe-grace"]].concat()));
    assert_eq!(early.code, Some(3), "a grace below a day: {early}");
    let marked = worker.administer(&gc).result();
    assert_eq!(marked["done"]["deleted"].as_array().map(Vec::len), Some(0), "{marked}");
    assert_eq!(worker.collect()["collected"], 0);
    assert_eq!(worker.stored_bytes(), before, "something was deleted within its grace");
    worker.let_pass(49);
    let swept = worker.collect();
    assert!(swept["collected"].as_u64() >= Some(2), "{swept}");
    assert!(worker.stored_bytes() < before, "{swept}");
    assert_eq!(worker.collect()["collected"], 0);

    let verified = run(&machine, main, &["verify", "--read-data"]);
    assert_eq!(verified.result()["snapshots"], 1, "{verified}");
    let last = runner(worker);
    run(&last, main, &["restore"]).expect_verdict("node_modules", "exact");
    modules(&machine).assert_same(&modules(&last));
    let left: BTreeSet<String> = scopes(worker).into_iter().collect();
    assert_eq!(left, BTreeSet::from([MAIN.to_owned()]));
}
