//! A machine that cannot keep local state: a command runs as it would without sci; what only restores or saves says why not.

use crate::sandbox::{Ran, Sandbox};

/// A place that no directory can be made in.
fn beneath_a_file(sandbox: &Sandbox) -> String {
    std::fs::write(sandbox.beside("file"), "no directory\n").unwrap();
    sandbox.beside("file/state").to_str().unwrap().to_owned()
}

fn sci(sandbox: &Sandbox, words: &[&str]) -> Ran {
    sandbox.ran(sandbox.command(words).env("SCI_STATE", beneath_a_file(sandbox))).unwrap()
}

#[cfg(unix)]
#[test]
fn a_command_runs_without_its_cache() {
    let sandbox = Sandbox::new();
    let ran = sci(&sandbox, &["run", "--", "sh", "-c", "echo the command ran; exit 7"]).ends_with(7);
    assert_eq!(ran.stdout, "the command ran\n");
    let said = "Warning: nothing is restored or saved: cannot make [TOP]/file/state/workspaces/";
    assert!(
        ran.stderr.starts_with(said)
            && ran.stderr.ends_with(": --state (or SCI_STATE) names another directory for local state\n"),
        "{ran}"
    );
    let ran = sci(&sandbox, &["run", "--json", "--audit", "--", "sh", "-c", "exit 0"]).ends_with(0).json();
    let result = &ran["result"];
    assert!(result["uncached"].as_str().unwrap().contains("cannot make"), "{ran}");
    assert_eq!((result["restore"].is_null(), result["save"].is_null()), (true, true), "{ran}");
    assert_eq!(result["audit"]["watched"], false, "{ran}");
}

#[test]
fn a_command_does_not_run_in_a_tree_that_may_be_half_restored() {
    let sandbox = Sandbox::new();
    let staging = sandbox.path("below/.sci-stage.out");
    std::fs::create_dir_all(&staging).unwrap();
    let ran = sci(&sandbox, &["run", "--", "touch", "ran"]).ends_with(5);
    let said = "the command does not run, since [TOP]/ws/below/.sci-stage.out is of a restore that was cut off";
    assert!(ran.stderr.contains(said), "{ran}");
    assert!(!sandbox.path("ran").exists());
    std::fs::remove_dir(staging).unwrap();
    sci(&sandbox, &["run", "--", "touch", "ran"]).ends_with(0);
    // Below the home directory are other people's, too: those of declared paths count.
    sandbox.write("sci.toml", "[path.registry]\npath = \"~/.tool/registry\"\nlockfiles = [\"lock.txt\"]\n");
    std::fs::create_dir_all(sandbox.beside("home/.tool/.sci-stage.other")).unwrap();
    sci(&sandbox, &["run", "--", "true"]).ends_with(0);
    std::fs::create_dir(sandbox.beside("home/.tool/.sci-stage.registry")).unwrap();
    let ran = sci(&sandbox, &["run", "--", "touch", "ran again"]).ends_with(5);
    assert!(ran.stderr.contains("since [TOP]/home/.tool/.sci-stage.registry is of a restore"), "{ran}");
    assert!(!sandbox.path("ran again").exists());
}

#[test]
fn a_mark_that_cannot_be_made_is_told_before_anything_is_restored() {
    let sandbox = Sandbox::new();
    sandbox.sci_run("", "mkdir out; echo built > out/a").ends_with(0);
    sandbox.remove("out");
    let workspaces = sandbox.beside("state/workspaces");
    let running = workspaces.read_dir().unwrap().next().unwrap().unwrap().path().join("running");
    std::fs::remove_file(&running).unwrap();
    std::fs::create_dir(&running).unwrap();
    let ran = sandbox.sci_run("", "ls; echo the command ran").ends_with(0);
    assert!(ran.stdout.contains("the command ran") && !sandbox.path("out").exists(), "{ran}");
    assert!(ran.stderr.starts_with("Warning: nothing is restored or saved: cannot open"), "{ran}");
}

#[test]
fn what_is_required_or_does_nothing_else_fails() {
    let sandbox = Sandbox::new();
    for words in [&["--require", "run", "--", "touch", "ran"][..], &["restore"], &["save"]] {
        let ran = sci(&sandbox, words).ends_with(5);
        assert!(ran.stderr.contains("Error: cannot make [TOP]/file/state/"), "{ran}");
        assert!(ran.stderr.contains("Hint: --state (or SCI_STATE) names another directory"), "{ran}");
    }
    assert!(!sandbox.path("ran").exists());
    let document = sci(&sandbox, &["restore", "--json"]).ends_with(5).json();
    assert_eq!(document["error"]["kind"], "state", "{document}");
}
