//! cargo: a fresh clone compiles nothing, an edit compiles what depends on it, and jobs do not take each other's state.

use std::collections::BTreeSet;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use sci_e2e::machine::finish;
use sci_e2e::rust::{clone, commit, compiled, fresh, ripgrep};
use sci_e2e::{Machine, Ran};

/// Clones, builds and saves ripgrep; returns what the first build said.
fn build_and_save(machine: &Machine) -> Ran {
    clone(machine, &ripgrep());
    machine.sci(&["restore"]).expect_verdict("target", "miss");
    let build = machine.run("cargo", &["build", "-v"]).success();
    machine.sci(&["save"]).expect_outcome("target", "saved");
    build
}

/// Another machine with the same paths: the checkout, the registry and sci's own state are gone.
fn fresh_machine(machine: &Machine) {
    machine.forget_all_but_store();
    fs::remove_dir_all(machine.home().join(".cargo/registry")).unwrap();
}

#[test]
fn a_fresh_clone_compiles_nothing() {
    let machine = Machine::new();
    let first = build_and_save(&machine);
    let all = compiled(&first.stderr);
    assert!(all.len() > 30 && all.contains("ripgrep"), "{first}");

    fresh_machine(&machine);
    clone(&machine, &ripgrep());
    machine.sci(&["restore"]).expect_verdict("target", "exact").expect_verdict("~/.cargo/registry", "exact");
    // Offline: the registry that was restored holds every crate.
    let second = machine.run("cargo", &["build", "-v", "--offline"]).success();
    assert_eq!(compiled(&second.stderr), BTreeSet::new(), "{second}");
    assert_eq!(fresh(&second.stderr), all, "{second}");
    assert!(machine.run("target/debug/rg", &["--version"]).success().stdout.starts_with("ripgrep 15"));
}

#[test]
fn an_image_may_keep_the_registry_elsewhere() {
    let mut machine = Machine::new();
    let image = machine.dir().join("usr/local/cargo");
    fs::create_dir_all(image.parent().unwrap()).unwrap();
    fs::rename(machine.home().join(".cargo"), &image).unwrap();
    machine.set("CARGO_HOME", &image);
    let all = compiled(&build_and_save(&machine).stderr);

    machine.forget_all_but_store();
    fs::remove_dir_all(image.join("registry")).unwrap();
    clone(&machine, &ripgrep());
    machine.sci(&["restore"]).expect_verdict("target", "exact").expect_verdict("~/.cargo/registry", "exact");
    assert!(image.join("registry/cache").is_dir() && !machine.home().join(".cargo").exists());
    let build = machine.run("cargo", &["build", "-v", "--offline"]).success();
    assert_eq!((compiled(&build.stderr), fresh(&build.stderr)), (BTreeSet::new(), all), "{build}");
}

#[test]
fn an_edit_compiles_the_crate_and_its_dependants() {
    let machine = Machine::new();
    build_and_save(&machine);
    machine.edit("crates/grep-matcher/src/lib.rs", "/*!", "/*! An edit.");
    commit(&machine, "an edit");
    let edited = machine.dir().join("edited.git");
    finish(machine.command("git").args(["clone", "--quiet", "--bare", "."]).arg(&edited)).success();

    fresh_machine(&machine);
    clone(&machine, &edited);
    machine.sci(&["restore"]).expect_verdict("target", "nearest").expect_verdict("~/.cargo/registry", "exact");
    let build = machine.run("cargo", &["build", "-v", "--offline"]).success();
    let expected = ["grep", "grep-matcher", "grep-printer", "grep-regex", "grep-searcher", "ripgrep"];
    assert_eq!(compiled(&build.stderr), expected.map(str::to_owned).into(), "{build}");
}

#[test]
fn jobs_that_share_a_target_each_have_their_own_state() {
    let machine = Machine::new();
    let jobs: [(&str, &[&str]); 2] =
        [("lint", &["check", "-v", "-p", "globset"]), ("test", &["test", "-v", "--no-run", "-p", "globset"])];
    let sci = |variant: &str, command: &str| {
        let mut program = machine.command(sci_e2e::machine::sci());
        finish(program.env("SCI_VARIANT", variant).args(["--json", command])).success()
    };
    for (variant, args) in jobs {
        machine.forget_all_but_store();
        clone(&machine, &ripgrep());
        sci(variant, "restore");
        machine.run("cargo", args).success();
        sci(variant, "save").expect_outcome("target", "saved");
    }
    for (variant, args) in jobs {
        machine.forget_all_but_store();
        clone(&machine, &ripgrep());
        sci(variant, "restore").expect_verdict("target", "exact");
        let build = machine.run("cargo", args).success();
        assert_eq!(compiled(&build.stderr), BTreeSet::new(), "{variant}: {build}");
    }
}

#[test]
fn what_changed_in_one_of_two_projects_is_built_once() {
    let machine = Machine::new();
    // A job on an empty runner, with this source in the second project; returns what it compiled.
    let job = |source: &str| {
        machine.forget_all_but_store();
        // Jobs of one second are not told apart.
        let second = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let begun = second();
        while second() == begun {
            std::thread::yield_now();
        }
        for (project, source) in [("a", "fn main() {}"), ("b", source)] {
            let manifest =
                format!("[package]\nname = \"{project}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n");
            machine.write(&format!("{project}/Cargo.toml"), manifest);
            machine.write(
                &format!("{project}/Cargo.lock"),
                format!("version = 4\n\n[[package]]\nname = \"{project}\"\nversion = \"0.1.0\"\n"),
            );
            machine.write(&format!("{project}/src/main.rs"), source);
        }
        machine.write(".gitignore", "target\n");
        machine.sci(&["init"]);
        machine.sci(&["restore"]);
        let build =
            |project: &str| machine.run("cargo", &["build", "-v", "--manifest-path", &format!("{project}/Cargo.toml")]);
        let built = [build("a").success(), build("b").success()];
        machine.sci(&["save"]);
        built.iter().flat_map(|ran| compiled(&ran.stderr)).collect::<Vec<_>>()
    };
    assert_eq!(job("fn main() {}"), ["a", "b"]);
    assert_eq!(job("fn main() { println!() }"), ["b"]);
    // The first project's state is of the first job still, and saw another source there.
    assert_eq!(job("fn main() { println!() }"), Vec::<String>::new());
    assert_eq!(job("fn main() {}"), Vec::<String>::new(), "the state of the first job is there, too");
}
