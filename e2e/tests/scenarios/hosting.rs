//! What `docs/SELF_HOSTING.md` tells the administrator of a store to do, done word for word.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sci_e2e::machine::finish;
use sci_e2e::server::{Server, command, run};
use sci_e2e::{Backend as _, Machine, Tree};

const DOCUMENT: &str = include_str!("../../../docs/SELF_HOSTING.md");
const DECLARATION: &str = "[path.out]\npath = \"out\"\nlockfiles = [\"lock\"]\n";

/// The blocks of a language below a heading of the page.
fn blocks(heading: &str, language: &str) -> Vec<&'static str> {
    let at = DOCUMENT.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    let section = &DOCUMENT[at + 4..];
    let section = &section[..section.find("\n## ").unwrap_or(section.len())];
    let begins = format!("\n```{language}\n");
    section.split(begins.as_str()).skip(1).map(|rest| rest.split("\n```").next().unwrap_or_default()).collect()
}

/// Runs lines of the page with its directories in place of those that it names.
fn shell(script: &str, store: &Path, backup: &Path) {
    let script = script.replace("/var/lib/sci", store.to_str().unwrap()).replace("/backup", backup.to_str().unwrap());
    let mut shell = Command::new("sh");
    finish(shell.args(["-eu", "-c", &script]).stdin(Stdio::null())).success();
}

/// A runner in a fresh workspace.
fn runner(server: &Server) -> Machine {
    let machine = Machine::new();
    machine.write("sci.toml", server.declaration() + DECLARATION);
    machine
}

/// Saves the version of a tree that is partly new each time.
fn save(machine: &Machine, token: &str, version: u32) -> Tree {
    machine.write("lock", format!("{version}"));
    run(machine, token, &["restore"]);
    fill(machine, version);
    run(machine, token, &["save"]).expect_outcome("out", "saved");
    Tree::read(&machine.path("out"))
}

fn fill(machine: &Machine, version: u32) {
    for number in 0..100 {
        machine.write(&format!("out/dir/{number}"), format!("{number}").repeat(500));
    }
    let mut random = fastrand::Rng::with_seed(u64::from(version));
    machine.write(&format!("out/new-{version}"), (0..2_000_000).map(|_| random.u8(..)).collect::<Vec<u8>>());
}

#[test]
fn a_store_is_backed_up_while_it_runs_and_restored_after_it_is_lost() {
    let mut server = Server::start();
    let token = server.token("branch:ci");
    let machine = runner(&server);
    let before: Vec<Tree> = (0..3).map(|version| save(&machine, &token, version)).collect();

    // Somebody saves meanwhile: that one may be in the backup or not.
    machine.write("lock", "meanwhile");
    run(&machine, &token, &["restore"]);
    fill(&machine, 99);
    let mut meanwhile = command(&machine, &token, &["save"]);
    let mut meanwhile = meanwhile.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let backup = machine.dir().join("backup");
    fs::create_dir(&backup).unwrap();
    let steps = blocks("Backup and restore", "sh");
    let [backing_up, restoring] = steps.as_slice() else { panic!("the section has other steps: {steps:?}") };
    shell(backing_up, &server.store(), &backup);
    assert!(meanwhile.wait().unwrap().success());
    save(&machine, &token, 100);

    server.lose_store(|store| {
        shell(restoring, store, &backup);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&store.join("signing-key.json")), 0o600);
    });
    let admin = server.administer(&["token", "create", "--admin"]).result()["token"].as_str().unwrap().to_owned();
    let other = runner(&server);
    let verified = run(&other, &admin, &["verify", "--read-data"]);
    assert!(verified.result()["snapshots"].as_u64() >= Some(3), "{verified}");
    // The same token, the same key, another machine: what was acknowledged before the backup is there.
    for (version, tree) in before.iter().enumerate() {
        other.write("lock", format!("{version}"));
        run(&other, &token, &["restore"]).expect_verdict("out", "exact");
        tree.assert_same(&Tree::read(&other.path("out")));
    }
    // What was saved after it is lost, and stored anew by whoever saves next.
    machine.write("lock", "100");
    let lost = run(&machine, &token, &["restore"]);
    assert_ne!(lost.verdict("out"), "exact", "{lost}");
    fill(&machine, 100);
    machine.write("out/built", "again");
    run(&machine, &token, &["save"]).expect_outcome("out", "saved");
    run(&machine, &token, &["restore"]).expect_verdict("out", "exact");
}

#[test]
fn the_unit_says_nothing_that_systemd_does_not_understand() {
    let [unit] = blocks("As a service", "ini")[..] else { panic!("the section has no unit, or several") };
    let machine = Machine::new();
    // It looks whether the program is there.
    let program = std::env::current_exe().unwrap();
    machine.write("sci.service", unit.replace("/usr/local/bin/sci", program.to_str().unwrap()));
    let verified = machine.run("systemd-analyze", &["verify", "--man=no", "./sci.service"]).success();
    assert_eq!(verified.stderr, "", "{verified}");
}
