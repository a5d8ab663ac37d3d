//! Two runners over one backend, `sci serve` or the Worker: separate directories, separate local state, nothing in common but the backend.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use sci_e2e::disturb::copy_tree;
use sci_e2e::machine::finish;
use sci_e2e::rust::{clone, compiled, fresh, ripgrep};
use sci_e2e::server::{Server, command, run};
use sci_e2e::{Backend, Machine, Ran, Tree, Worker};

use crate::npm::storefront;

/// A runner in a fresh workspace with this declaration beside the store's.
fn runner(server: &impl Backend, declaration: &str) -> Machine {
    let machine = Machine::new();
    machine.write("sci.toml", format!("{}{declaration}", server.declaration()));
    machine
}

#[test]
fn what_one_runner_saved_another_restores() {
    println!("{}", saved_and_restored(&Server::start()));
}

#[test]
fn what_one_runner_saved_another_restores_from_the_worker() {
    println!("{}", saved_and_restored(&Worker::start()));
}

/// Gives how long it took.
fn saved_and_restored(server: &impl Backend) -> String {
    let token = server.token("branch:ci");
    let runners = [(); 2].map(|()| {
        let machine = Machine::new();
        fs::remove_dir(machine.workspace()).unwrap();
        copy_tree(&storefront(), &machine.workspace());
        let presets = fs::read_to_string(machine.path("sci.toml")).unwrap();
        machine.write("sci.toml", format!("{presets}{}", server.declaration()));
        machine
    });
    let [first, second] = &runners;
    let modules = first.path("node_modules");
    let before = Tree::read_without(&modules, &[".cache"]);
    fs::remove_dir_all(second.path("node_modules")).unwrap();

    run(first, &token, &["restore"]).expect_verdict("node_modules", "miss");
    let saved = run(first, &token, &["save"]).expect_outcome("node_modules", "saved");
    let restored = run(second, &token, &["restore"]).expect_verdict("node_modules", "exact");
    before.assert_same(&Tree::read_without(&second.path("node_modules"), &[".cache"]));
    second.run("npm", &["ls", "--all"]).success();

    // The same from a store on this machine, for comparison.
    let alone = Machine::new();
    fs::remove_dir(alone.workspace()).unwrap();
    copy_tree(&storefront(), &alone.workspace());
    alone.sci(&["restore"]);
    alone.sci(&["save"]);
    fs::remove_dir_all(alone.path("node_modules")).unwrap();
    let embedded = alone.sci(&["restore"]).expect_verdict("node_modules", "exact");

    // What the first one knew, the second one can ask.
    let listed = run(second, &token, &["ls"]);
    assert_eq!(listed.result()["snapshots"][0]["scope"], "branch:ci", "{listed}");
    run(second, &token, &["explain"]);
    format!(
        "{} files: saved in {:?}, restored in {:?}; embedded in {:?}",
        before.files(),
        saved.took,
        restored.took,
        embedded.took
    )
}

#[test]
fn a_scope_is_what_the_token_says() {
    scoped(&Server::start());
}

#[test]
fn a_scope_is_what_the_token_says_to_the_worker() {
    scoped(&Worker::start());
}

fn scoped(server: &impl Backend) {
    let (one, other) = (server.token("branch:one"), server.token("branch:other"));
    let machine = runner(server, "[path.out]\npath = \"out\"\nlockfiles = [\"lock\"]\n");
    machine.write("lock", "1");
    run(&machine, &one, &["restore"]).expect_verdict("out", "miss");
    machine.write("out/file", "of one");
    run(&machine, &one, &["save"]).expect_outcome("out", "saved");
    machine.remove("out");
    run(&machine, &other, &["restore"]).expect_verdict("out", "miss");
    run(&machine, &one, &["restore"]).expect_verdict("out", "exact");
    // An edited token is nobody's, and without --require that is a miss like any other trouble.
    let edited = one.replace("sci_token.", "sci_token.x");
    machine.remove("out");
    run(&machine, &edited, &["restore"]).expect_verdict("out", "miss");
    let refused = finish(&mut command(&machine, &edited, &["--require", "restore"]));
    assert_eq!(refused.code, Some(1), "{refused}");
    assert!(!format!("{refused}").contains(&edited), "a token is in the output");
}

/// A runner's checkout of ripgrep, whose store is the server's.
fn check_out(machine: &Machine, server: &Server) {
    clone(machine, &ripgrep());
    machine.write("sci.toml", format!("presets = [\"cargo\"]\n{}", server.declaration()));
}

/// Takes a runner away with all that it has, and puts another one in the same place: cargo's state is of one place.
fn replace(machine: &Machine) {
    let gone = machine.dir().join("first-runner");
    fs::create_dir(&gone).unwrap();
    for (from, name) in [
        (machine.workspace(), "work"),
        (machine.dir().join("state"), "state"),
        (machine.home().join(".cargo/registry"), "registry"),
    ] {
        fs::rename(from, gone.join(name)).unwrap();
    }
    fs::create_dir(machine.workspace()).unwrap();
    assert!(!machine.dir().join("store").exists(), "a runner has no store of its own");
}

#[test]
fn cargo_builds_nothing_that_another_runner_has_built() {
    let server = Server::start();
    let token = server.token("branch:ci");
    let machine = Machine::new();
    check_out(&machine, &server);
    run(&machine, &token, &["restore"]).expect_verdict("target", "miss");
    let first = machine.run("cargo", &["build", "-v"]).success();
    let all = compiled(&first.stderr);
    assert!(all.len() > 30 && all.contains("ripgrep"), "{first}");
    let saved = run(&machine, &token, &["save"]).expect_outcome("target", "saved");

    replace(&machine);
    check_out(&machine, &server);
    let restored = run(&machine, &token, &["restore"]);
    let restored = restored.expect_verdict("target", "exact").expect_verdict("~/.cargo/registry", "exact");
    // Offline: the registry that was restored holds every crate.
    let second = machine.run("cargo", &["build", "-v", "--offline"]).success();
    assert_eq!(compiled(&second.stderr), BTreeSet::new(), "{second}");
    assert_eq!(fresh(&second.stderr), all, "{second}");
    assert!(machine.run("target/debug/rg", &["--version"]).success().stdout.starts_with("ripgrep 15"));
    println!(
        "{} crates: built in {:?}, saved in {:?}, restored in {:?}, found fresh in {:?}",
        all.len(),
        first.took,
        saved.took,
        restored.took,
        second.took
    );
}

#[test]
fn a_run_is_found_by_the_name_that_restore_and_save_give() {
    found_by_name(&Server::start());
}

#[test]
fn a_run_is_found_in_the_worker_by_the_name_that_restore_and_save_give() {
    found_by_name(&Worker::start());
}

fn found_by_name(server: &impl Backend) {
    let token = server.token("branch:ci");
    let machine = runner(server, "[path.out]\npath = \"out\"\nlockfiles = [\"lock\"]\n");
    let name = |ran: &Ran| ran.result()["run"].as_str().unwrap_or_else(|| panic!("no run\n{ran}")).to_owned();
    machine.write("lock", "1");
    let restored = run(&machine, &token, &["restore"]).expect_verdict("out", "miss");
    machine.write("out/file", "built");
    let saved = run(&machine, &token, &["save"]).expect_outcome("out", "saved");
    assert_eq!(name(&restored), name(&saved));
    // Another run, so that the newest plan is not the one that is asked for.
    run(&machine, &token, &["restore"]).expect_verdict("out", "exact");

    let other = runner(server, "");
    let explained = run(&other, &token, &["explain", "--run", &name(&restored)]);
    assert_eq!(explained.result()["paths"][0]["verdict"]["verdict"], "miss", "{explained}");
    let listed = run(&other, &token, &["ls", "--run", &name(&saved)]);
    assert_eq!(listed.result()["snapshots"].as_array().map(Vec::len), Some(1), "{listed}");
    let quarantined = server.administer(&["quarantine", "--repository", "1001", "--run", &name(&saved)]);
    assert_eq!(quarantined.result()["snapshots"].as_array().map(Vec::len), Some(1), "{quarantined}");
}

/// Kills of the server while somebody saves.
const KILLS: u32 = 50;

#[test]
fn a_server_that_is_killed_loses_nothing_that_it_acknowledged() {
    let mut server = Server::start();
    let token = server.token("branch:ci");
    let machine = runner(&server, "[path.out]\npath = \"out\"\nlockfiles = [\"lock\"]\n");
    let mut acknowledged = Vec::new();
    let mut save_time = Duration::from_millis(200);
    for round in 0..KILLS {
        machine.write("lock", format!("{round}"));
        run(&machine, &token, &["restore"]);
        fill(&machine.path("out"), round);
        let start = Instant::now();
        let mut save = command(&machine, &token, &["--timeout", "2s", "--require", "save"]);
        let mut save = save.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        if round % 5 == 0 {
            // One in five is left alone: how long a save takes says when to kill the next ones.
            assert!(save.wait().unwrap().success());
            save_time = start.elapsed();
            acknowledged.push(round);
            continue;
        }
        let until = start + save_time * (round % 10 + 1) / 10;
        while Instant::now() < until && save.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        server.kill_and_restart();
        if save.wait().unwrap().success() {
            acknowledged.push(round);
        }
    }
    println!("{} of {KILLS} saves were acknowledged", acknowledged.len());
    for round in acknowledged {
        machine.write("lock", format!("{round}"));
        machine.remove("out");
        run(&machine, &token, &["restore"]).expect_verdict("out", "exact");
        assert_eq!(fs::read(machine.path("out/new")).unwrap(), content(round));
    }
    // A save whose answer was lost may be there all the same: then it is whole, too.
    let listed = run(&machine, &token, &["ls"]).result();
    for snapshot in listed["snapshots"].as_array().unwrap() {
        run(&machine, &token, &["show", "--tree", snapshot["snapshot"].as_str().unwrap()]);
    }
}

/// A tree of which a part is new each time.
fn fill(out: &Path, round: u32) {
    fs::create_dir_all(out.join("dir")).unwrap();
    for number in 0..200_u32 {
        fs::write(out.join(format!("dir/{number}")), format!("{number}").repeat(200)).unwrap();
    }
    fs::write(out.join("new"), content(round)).unwrap();
}

/// Three megabytes that do not compress.
fn content(round: u32) -> Vec<u8> {
    let mut state = u64::from(round) + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..400_000).flat_map(|_| next()).collect()
}
