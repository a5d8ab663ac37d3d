//! Jobs on a machine that keeps its disk: what one leaves behind is not the next one's work.

use std::path::Path;
use std::time::SystemTime;

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

/// A job begins: all that there is by now was there before. The runner makes a directory with the event's payload.
fn begin(sandbox: &mut Sandbox, run: u64) {
    let (mark, directory) = (sandbox.beside("mark"), sandbox.beside("_temp/_github_workflow"));
    std::fs::write(&mark, "").unwrap();
    let before = mark.metadata().unwrap().modified().unwrap();
    // Times are not finer than the clock of the file system.
    while began(&directory).is_none_or(|began| began <= before) {
        let _absent = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("event.json"), "{}").unwrap();
    }
    sandbox.set("GITHUB_EVENT_PATH", directory.join("event.json"));
    sandbox.set("GITHUB_RUN_ID", run.to_string());
}

fn began(directory: &Path) -> Option<SystemTime> {
    let made = directory.metadata().ok()?.modified().unwrap();
    Some(directory.join("event.json").metadata().unwrap().created().map_or(made, |file| made.min(file)))
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
    sandbox.write("out/built.txt", "built\n");
    // The runner writes the payload before every step.
    std::fs::write(sandbox.beside("_temp/_github_workflow/event.json"), "{ }").unwrap();
    sandbox.sci("restore").ends_with(0);
    assert_eq!(sandbox.read("out/built.txt"), "built\n");
}

#[test]
fn what_the_same_job_restored_stays() {
    let mut sandbox = runner();
    sandbox.sci("restore").ends_with(0);
    sandbox.write("out/built.txt", "built\n");
    sandbox.sci("save").ends_with(0);
    begin(&mut sandbox, 2);
    // All is in place, so nothing is written.
    assert!(sandbox.sci("restore").ends_with(0).stdout.starts_with("exact"));
    let declared = sandbox.read("sci.toml");
    sandbox.write("sci.toml", &format!("{declared}restore = \"exact\"\n"));
    sandbox.write("lock.txt", "one 2.0.0\n");
    assert!(sandbox.sci("restore").ends_with(0).stdout.starts_with("miss"));
    assert_eq!(sandbox.read("out/built.txt"), "built\n");
}

#[test]
fn where_it_is_not_known_when_the_job_began_it_stays() {
    let mut sandbox = runner();
    sandbox.write("out/built.txt", "built\n");
    begin(&mut sandbox, 2);
    std::fs::remove_file(sandbox.beside("_temp/_github_workflow/event.json")).unwrap();
    sandbox.sci("restore").ends_with(0);
    assert_eq!(sandbox.read("out/built.txt"), "built\n");
}

#[test]
fn what_the_cache_does_not_concern_stays() {
    for policy in ["restore = \"never\"", "save = \"never\""] {
        let mut sandbox = runner();
        let declared = sandbox.read("sci.toml");
        sandbox.write("sci.toml", &format!("{declared}{policy}\n"));
        sandbox.write("out/built.txt", "built\n");
        begin(&mut sandbox, 2);
        sandbox.sci("restore").ends_with(0);
        assert_eq!(sandbox.read("out/built.txt"), "built\n", "{policy}");
    }
}

#[test]
fn without_git_it_stays() {
    let mut sandbox = runner();
    sandbox.remove(".git");
    sandbox.write("out/built.txt", "built\n");
    begin(&mut sandbox, 2);
    sandbox.sci("restore").ends_with(0);
    assert_eq!(sandbox.read("out/built.txt"), "built\n");
}

#[test]
fn what_a_repository_in_the_workspace_keeps_stays() {
    let mut sandbox = runner();
    sandbox.write("sci.toml", "[path.out]\npath = \"sub/out\"\nlockfiles = [\"lock.txt\"]\n");
    sandbox.write("sub/out/kept.txt", "in the inner repository\n");
    for args in [&["init", "--quiet"][..], &["add", "out"]] {
        assert!(sandbox.program("git").arg("-C").arg("sub").args(args).status().unwrap().success());
    }
    begin(&mut sandbox, 2);
    sandbox.sci("restore").ends_with(0);
    assert_eq!(sandbox.read("sub/out/kept.txt"), "in the inner repository\n");
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
    let mut sandbox = runner();
    let declared = sandbox.read("sci.toml");
    sandbox.write("sci.toml", &format!("{declared}exclude = [\"mine/**\"]\n"));
    sandbox.write("out/mine/notes.txt", "not the cache's\n");
    sandbox.write("out/old.txt", "another job's\n");
    begin(&mut sandbox, 2);
    assert_eq!(sandbox.sci("restore --json").ends_with(0).json()["result"]["paths"][0]["cleared"], true);
    assert_eq!(sandbox.read("out/mine/notes.txt"), "not the cache's\n");
    assert!(!sandbox.path("out/old.txt").exists());
    begin(&mut sandbox, 3);
    assert!(sandbox.sci("restore --json").ends_with(0).json()["result"]["paths"][0].get("cleared").is_none());
}

#[test]
fn with_a_store_that_does_not_answer_it_stays_and_is_not_taken_for_this_jobs() {
    let mut sandbox = runner();
    sandbox.write("out/old.txt", "another job's\n");
    begin(&mut sandbox, 2);
    sandbox.write("a-file", "");
    let (nowhere, store) = (sandbox.path("a-file/store"), sandbox.beside("store"));
    sandbox.set("SCI_STORE", nowhere);
    let document = sandbox.sci("restore --json").ends_with(0).json();
    assert_eq!(document["result"]["paths"][0]["trouble"], true);
    assert_eq!(sandbox.read("out/old.txt"), "another job's\n");
    sandbox.set("SCI_STORE", store);
    sandbox.write("out/built.txt", "built\n");
    let saved = sandbox.sci("save").ends_with(0);
    assert!(saved.stdout.contains("unsettled") && saved.stdout.contains("another job's files"), "{saved}");
}

#[test]
fn a_developers_machine_is_left_alone() {
    let mut sandbox = runner();
    sandbox.set("GITHUB_ACTIONS", "");
    sandbox.write("out/built.txt", "built\n");
    begin(&mut sandbox, 2);
    sandbox.sci("restore").ends_with(0);
    assert_eq!(sandbox.read("out/built.txt"), "built\n");
}

#[test]
fn git_runs_no_program_that_a_checkout_names() {
    let mut sandbox = Sandbox::new();
    let mark = sandbox.beside("mark");
    // To git the checkout is a bare repository, which lacks its commit and says how it is to be fetched.
    let missing = "0123456789012345678901234567890123456789";
    let upload = format!("touch {}; git-upload-pack", mark.display());
    let config = format!(
        "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tpartialClone = x\n[remote \"x\"]\n\tpromisor = true\n\t\
         url = {}\n\tuploadpack = {upload:?}\n",
        sandbox.root().display()
    );
    sandbox.write("HEAD", "ref: refs/heads/main\n");
    sandbox.write("refs/heads/main", &format!("{missing}\n"));
    sandbox.write("objects/info/packs", "");
    sandbox.write("config", &config);
    for (name, value) in [("CI", ""), ("CI", "true")] {
        sandbox.set(name, value);
        sandbox.sci("restore --allow-embedded").ends_with(0);
        assert!(!mark.exists(), "with {name}={value:?}");
    }
    // It would have, if git had been asked without care.
    let asked = sandbox.program("git").args(["rev-list", "HEAD"]).output().unwrap();
    assert!(mark.exists(), "{asked:?}");
}
