//! State that is restored from the nearest, changed and saved again, thirty times over, is no larger than a clean build's.
//!
//! Each change is made as a developer makes it, elsewhere, and reaches an empty runner as a checkout. cargo removes nothing by
//! itself, so sci does; npm does, and sci has nothing to do. The scenarios need a file system that keeps access times (`relatime`
//! is enough): elsewhere other features of a package stay until its version changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use sci_e2e::rust::compiled;
use sci_e2e::{Machine, Ran, Tree};

const CHANGES: usize = 30;
/// How much larger than a clean build's the state may be at the end.
const BOUND: f64 = 1.15;

/// Dependencies of the program, by name: the version and the features.
type Dependencies = BTreeMap<&'static str, (&'static str, &'static str)>;

/// One change of the dependencies: another version, other features, one more, one less.
type Change = (&'static str, Option<(&'static str, &'static str)>);

const BEGINNING: [Change; 4] = [
    ("either", Some(("1.13.0", ""))),
    ("itoa", Some(("1.0.11", ""))),
    ("num-traits", Some(("0.2.18", "std"))),
    ("smallvec", Some(("1.13.1", ""))),
];

/// What a project sees in a year: up, down, in, out, and features to and fro.
const YEAR: [Change; 15] = [
    ("itoa", Some(("1.0.14", ""))),
    ("smallvec", Some(("1.13.2", ""))),
    ("smallvec", Some(("1.13.2", "union"))),
    ("hex", Some(("0.4.3", "std"))),
    ("num-traits", Some(("0.2.19", "std"))),
    ("either", Some(("1.12.0", ""))),
    ("num-traits", Some(("0.2.19", ""))),
    ("either", Some(("1.13.0", "use_std"))),
    ("hex", None),
    ("smallvec", Some(("1.13.1", "union"))),
    ("itoa", Some(("1.0.11", ""))),
    ("fnv", Some(("1.0.7", "std"))),
    ("num-traits", Some(("0.2.18", "std"))),
    ("fnv", None),
    ("smallvec", Some(("1.13.1", ""))),
];

const SCI: &str = "presets = [\"cargo\"]\n";
const WORKSPACE: &str = "[workspace]\nresolver = \"2\"\nmembers = [\"app\", \"parts\"]\n[profile.dev]\ndebug = 0\n";
const PARTS: &str = "[package]\nname = \"parts\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nnum-traits = { version = \"*\", default-features = false }\n";

fn manifest(dependencies: &Dependencies) -> String {
    let line = |(name, (version, features)): (&&str, &(&str, &str))| {
        let features: Vec<String> = features.split_whitespace().map(|feature| format!("\"{feature}\"")).collect();
        format!(
            "{name} = {{ version = \"={version}\", default-features = false, features = [{}] }}\n",
            features.join(", ")
        )
    };
    let lines: String = dependencies.iter().map(line).collect();
    format!(
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nparts = {{ path = \"../parts\" }}\n{lines}"
    )
}

/// Lays a checkout into the workspace of `machine`.
fn check_out(machine: &Machine, commit: usize, dependencies: &Dependencies, lockfile: Option<&str>) {
    machine.write("sci.toml", SCI);
    // No two commits are the same, although the dependencies may be those of another one.
    machine.write("commit", commit.to_string());
    machine.write(".gitignore", "/target\n");
    machine.write("Cargo.toml", WORKSPACE);
    machine.write("parts/Cargo.toml", PARTS);
    machine.write("parts/src/lib.rs", "pub fn one() -> u8 { num_traits::one() }\n");
    machine.write("app/Cargo.toml", manifest(dependencies));
    machine.write("app/src/main.rs", "fn main() { println!(\"{}\", parts::one()); }\n");
    machine.write("app/tests/it.rs", "#[test]\nfn one() { assert_eq!(parts::one(), 1); }\n");
    if let Some(lockfile) = lockfile {
        machine.write("Cargo.lock", lockfile);
    }
}

/// The lockfile that a developer commits with these dependencies.
fn lockfile(developer: &Machine, dependencies: &Dependencies) -> String {
    check_out(developer, 0, dependencies, None);
    developer.run("cargo", &["update", "--quiet", "--workspace"]).success();
    fs::read_to_string(developer.path("Cargo.lock")).unwrap()
}

/// What the job does: two commands, whose features and dependencies differ.
fn job(machine: &Machine) -> BTreeSet<String> {
    let build = machine.run("cargo", &["build", "-v", "--locked"]).success();
    let test = machine.run("cargo", &["test", "-v", "--no-run", "--locked"]).success();
    compiled(&(build.stderr + &test.stderr))
}

/// What cargo has to build where these were built before: what is not the same, and what leans on it.
fn what_differs(before: &Dependencies, now: &Dependencies) -> BTreeSet<String> {
    let mut names: BTreeSet<&str> = now.keys().copied().filter(|name| before.get(name) != now.get(name)).collect();
    if names.contains("num-traits") {
        names.insert("parts");
    }
    names.insert("app");
    names.into_iter().map(str::to_owned).collect()
}

/// The bytes of an instance that a save says the snapshot has, and how many it left out.
fn saved(ran: &Ran, instance: &str) -> (u64, u64) {
    let work = ran.paths()[instance]["work"].clone();
    (work["bytes"].as_u64().unwrap(), work["pruned_bytes"].as_u64().unwrap())
}

/// An empty runner: nothing is there but the store.
fn empty(machine: &Machine) {
    machine.forget_all_but_store();
    let _absent = fs::remove_dir_all(machine.home().join(".cargo/registry"));
}

/// What there is as a multiple of what a clean build has.
fn multiple(has: u64, clean: u64) -> f64 {
    has as f64 / clean as f64
}

#[test]
fn thirty_changes_of_cargo_dependencies_leave_no_more_than_a_clean_build() {
    let (developer, runner) = (Machine::new(), Machine::new());
    let mut dependencies: Dependencies = BEGINNING.iter().filter_map(|(name, to)| Some((*name, (*to)?))).collect();
    let mut lock = lockfile(&developer, &dependencies);
    check_out(&runner, 0, &dependencies, Some(&lock));
    runner.sci(&["restore"]).expect_verdict("target", "miss");
    job(&runner);
    let save = runner.sci(&["save"]).expect_outcome("target", "saved");
    let mut snapshots = BTreeMap::from([(save.field("target", "snapshot"), dependencies.clone())]);

    let mut pruned = 0;
    for (number, (name, to)) in YEAR.iter().cycle().take(CHANGES).enumerate() {
        match to {
            Some(to) => drop(dependencies.insert(name, *to)),
            None => drop(dependencies.remove(name)),
        }
        // The commits of the second year are none of the first's.
        dependencies.insert("cfg-if", (["1.0.0", "1.0.1"][number / YEAR.len()], ""));
        lock = lockfile(&developer, &dependencies);
        empty(&runner);
        check_out(&runner, number + 1, &dependencies, Some(&lock));
        let restore = runner.sci(&["restore"]).expect_verdict("target", "nearest");
        // Often not the newest: an older one may have more packages in common.
        let restored = &snapshots[&restore.field("target", "snapshot")];
        let built = job(&runner);
        let expected = what_differs(restored, &dependencies);
        assert!(built.contains("app") && built.is_subset(&expected), "change {number}, of {name}: {built:?}");
        let save = runner.sci(&["save"]).expect_outcome("target", "saved");
        snapshots.insert(save.field("target", "snapshot"), dependencies.clone());
        let (bytes, left_out) = saved(&save, "target");
        println!("{number:>2} {name:<12} {bytes:>10} saved, {left_out:>10} left out");
        pruned += left_out;
    }
    assert!(pruned > 0, "nothing was ever left out");

    // The next run has nothing to do, and a further one finds that.
    for _ in 0..2 {
        empty(&runner);
        check_out(&runner, CHANGES, &dependencies, Some(&lock));
        runner.sci(&["restore"]).expect_verdict("target", "exact").expect_verdict("~/.cargo/registry", "exact");
        assert_eq!(job(&runner), BTreeSet::new());
        runner.sci(&["save"]).expect_outcome("target", "skipped");
    }

    let clean = Machine::new();
    check_out(&clean, CHANGES, &dependencies, Some(&lock));
    clean.sci(&["restore"]);
    job(&clean);
    let (clean_save, last) = (clean.sci(&["save"]), runner.sci(&["save"]));
    for instance in ["target", "~/.cargo/registry"] {
        let multiple = multiple(saved(&last, instance).0, saved(&clean_save, instance).0);
        println!("{instance}: {multiple:.3} times a clean build's");
        assert!(multiple <= BOUND, "{instance}: {multiple:.3}\n{last}\n{clean_save}");
    }
    let on_disk = |machine: &Machine| Tree::read_without(&machine.path("target"), &["incremental"]).bytes();
    let multiple = multiple(on_disk(&runner), on_disk(&clean));
    println!("target on disk: {multiple:.3} times a clean build's");
    assert!(multiple <= BOUND, "{multiple:.3}");
}

/// A year of a project of npm's.
const NPM_YEAR: [Change; 10] = [
    ("dayjs", Some(("1.11.19", ""))),
    ("ms", Some(("2.1.2", ""))),
    ("debug", Some(("4.3.7", ""))),
    ("dayjs", Some(("1.11.18", ""))),
    ("chalk", Some(("4.1.2", ""))),
    ("debug", Some(("4.4.1", ""))),
    ("ms", Some(("2.1.3", ""))),
    ("chalk", Some(("5.4.1", ""))),
    ("debug", None),
    ("chalk", None),
];

fn package(commit: usize, dependencies: &Dependencies) -> String {
    let lines: Vec<String> =
        dependencies.iter().map(|(name, (version, _))| format!("\"{name}\": \"{version}\"")).collect();
    format!(
        "{{ \"name\": \"small\", \"version\": \"0.0.{commit}\", \"private\": true, \"dependencies\": {{ {} }} }}",
        lines.join(", ")
    )
}

/// Lays a checkout of npm's project into the workspace of `machine`.
fn check_out_npm(machine: &Machine, commit: usize, dependencies: &Dependencies, lockfile: Option<&str>) {
    machine.write("sci.toml", "presets = [\"npm\"]\n");
    machine.write(".npmrc", "audit=false\nfund=false\nomit-lockfile-registry-resolved=true\n");
    machine.write("package.json", package(commit, dependencies));
    if let Some(lockfile) = lockfile {
        machine.write("package-lock.json", lockfile);
    }
}

#[test]
fn thirty_changes_of_npm_dependencies_leave_no_more_than_a_clean_install() {
    let (developer, runner) = (Machine::new(), Machine::new());
    let mut dependencies: Dependencies = [("dayjs", ("1.11.18", "")), ("preact", ("10.27.2", ""))].into();
    let mut lock = String::new();
    for (number, (name, to)) in NPM_YEAR.iter().cycle().take(CHANGES + 1).enumerate() {
        match to {
            Some(to) => drop(dependencies.insert(name, *to)),
            None => drop(dependencies.remove(name)),
        }
        check_out_npm(&developer, number, &dependencies, None);
        developer.run("npm", &["install", "--package-lock-only", "--prefer-offline"]).success();
        lock = fs::read_to_string(developer.path("package-lock.json")).unwrap();
        runner.forget_all_but_store();
        check_out_npm(&runner, number, &dependencies, Some(&lock));
        let expected = if number == 0 { "miss" } else { "nearest" };
        runner.sci(&["restore"]).expect_verdict("node_modules", expected);
        runner.run("npm", &["install", "--prefer-offline"]).success();
        // What bundlers keep there is no part of the state.
        runner.write(&format!("node_modules/.cache/{number}"), [0; 100_000]);
        runner.sci(&["save"]);
    }
    runner.forget_all_but_store();
    check_out_npm(&runner, CHANGES, &dependencies, Some(&lock));
    runner.sci(&["restore"]).expect_verdict("node_modules", "exact");
    runner.run("npm", &["ls", "--all"]).success();

    let clean = Machine::new();
    check_out_npm(&clean, CHANGES, &dependencies, Some(&lock));
    clean.sci(&["restore"]);
    clean.run("npm", &["ci", "--prefer-offline"]).success();
    let on_disk = |machine: &Machine| Tree::read(&machine.path("node_modules")).bytes();
    let multiple = multiple(on_disk(&runner), on_disk(&clean));
    println!("node_modules: {multiple:.3} times a clean install's");
    assert!(multiple <= BOUND, "{multiple:.3}");
}
