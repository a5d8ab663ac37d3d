//! Jobs on a machine that keeps its disk: what one leaves behind is not the next one's work.

use std::time::{Duration, SystemTime};

use crate::sandbox::{Sandbox, assert_screen};

/// A checkout on a runner of one's own.
fn runner() -> Sandbox {
    let mut sandbox = Sandbox::new();
    let store = sandbox.beside("store");
    sandbox.set("SCI_STORE", store);
    let job = [
        ("SCI_ALLOW_EMBEDDED", "1"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_REF_PROTECTED", "true"),
        ("GITHUB_JOB", "test"),
        ("GITHUB_RUN_ATTEMPT", "1"),
    ];
    job.into_iter().for_each(|(name, value)| sandbox.set(name, value));
    for args in [&["init", "--quiet"][..], &["add", "sci.toml", "lock.txt", "src"]] {
        assert!(sandbox.program("git").args(args).status().unwrap().success());
    }
    sandbox.write(".gitignore", "/out\n");
    begin(&mut sandbox, 1);
    sandbox
}

/// The runner writes the payload of the event: all that there is by now was there before.
fn begin(sandbox: &mut Sandbox, run: u64) {
    let payload = sandbox.beside("event.json");
    std::fs::write(&payload, "{}").unwrap();
    let soon = SystemTime::now() + Duration::from_secs(60);
    std::fs::File::options().write(true).open(&payload).unwrap().set_modified(soon).unwrap();
    sandbox.set("GITHUB_EVENT_PATH", payload);
    sandbox.set("GITHUB_RUN_ID", run.to_string());
}

/// The job goes on: what is made from now on is its own.
fn go_on(sandbox: &Sandbox) {
    let payload = std::fs::File::options().write(true).open(sandbox.beside("event.json")).unwrap();
    payload.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
}

#[test]
fn what_another_job_left_is_gone_after_a_miss() {
    let mut sandbox = runner();
    sandbox.sci("restore").ends_with(0);
    sandbox.write("out/of/another.txt", "made from who knows what\n");
    begin(&mut sandbox, 2);
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 0
    ----- stdout -----
    miss      out
              the store has no snapshot of this path; what another job had left there was removed  (key [ID])
    ");
    assert!(!sandbox.path("out").exists());
    go_on(&sandbox);
    sandbox.write("out/built.txt", "built\n");
    let saved = sandbox.sci("save").ends_with(0);
    assert!(saved.stdout.contains("  settled"), "{saved}");
    assert!(!sandbox.path(".sci-stage.out").exists());
    let document = sandbox.sci("restore --json").ends_with(0).json();
    assert_eq!(document["result"]["paths"][0]["verdict"], "exact");
    assert!(document["result"]["paths"][0].get("cleared").is_none(), "{document}");
}

#[test]
fn what_the_same_job_made_stays() {
    let sandbox = runner();
    go_on(&sandbox);
    sandbox.write("out/built.txt", "built\n");
    sandbox.sci("restore").ends_with(0);
    assert_eq!(sandbox.read("out/built.txt"), "built\n");
}

#[test]
fn where_it_is_not_known_when_the_job_began_it_stays() {
    let sandbox = runner();
    std::fs::remove_file(sandbox.beside("event.json")).unwrap();
    sandbox.write("out/built.txt", "built\n");
    sandbox.sci("restore").ends_with(0);
    assert_eq!(sandbox.read("out/built.txt"), "built\n");
}

#[test]
fn what_git_keeps_stays() {
    let mut sandbox = runner();
    sandbox.write("out/kept.txt", "in the repository\n");
    assert!(sandbox.program("git").args(["add", "--force", "out/kept.txt"]).status().unwrap().success());
    begin(&mut sandbox, 2);
    let ran = sandbox.sci("restore").ends_with(0);
    assert!(!ran.stdout.contains("removed"), "{ran}");
    assert_eq!(sandbox.read("out/kept.txt"), "in the repository\n");
}

#[test]
fn what_is_excluded_stays() {
    let sandbox = runner();
    let declared = sandbox.read("sci.toml");
    sandbox.write("sci.toml", &format!("{declared}exclude = [\"mine/**\"]\n"));
    sandbox.write("out/mine/notes.txt", "not the cache's\n");
    sandbox.write("out/old.txt", "another job's\n");
    sandbox.sci("restore").ends_with(0);
    assert_eq!(sandbox.read("out/mine/notes.txt"), "not the cache's\n");
    assert!(!sandbox.path("out/old.txt").exists());
}

#[test]
fn a_store_that_does_not_answer_costs_nothing() {
    let mut sandbox = runner();
    sandbox.write("out/built.txt", "built\n");
    sandbox.write("a-file", "");
    let nowhere = sandbox.path("a-file/store");
    sandbox.set("SCI_STORE", nowhere);
    let document = sandbox.sci("restore --json").ends_with(0).json();
    assert_eq!(document["result"]["paths"][0]["trouble"], true);
    assert_eq!(sandbox.read("out/built.txt"), "built\n");
}

#[test]
fn a_developers_machine_is_left_alone() {
    let sandbox = Sandbox::new();
    assert!(sandbox.program("git").args(["init", "--quiet"]).status().unwrap().success());
    sandbox.write("out/built.txt", "built\n");
    sandbox.sci("restore").ends_with(0);
    assert_eq!(sandbox.read("out/built.txt"), "built\n");
}
