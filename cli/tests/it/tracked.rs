//! Files that git tracks, in a path that sci restores.

use crate::sandbox::{Sandbox, assert_screen};

/// A repository with a tracked file in the path, saved.
fn repository() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("out/kept.txt", "committed\n");
    git(&sandbox, &["init", "--quiet"]);
    git(&sandbox, &["add", "."]);
    sandbox.sci_run("", "echo built > out/built").ends_with(0);
    sandbox
}

fn git(sandbox: &Sandbox, words: &[&str]) {
    assert!(sandbox.program("git").args(words).status().unwrap().success());
}

#[test]
fn a_restore_that_would_lose_changes_of_one_does_not_happen() {
    let sandbox = repository();
    sandbox.write("out/kept.txt", "worked on for a day\n");
    std::fs::remove_file(sandbox.path("out/built")).unwrap();
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 0
    ----- stdout -----
    miss      out
              git tracks out/kept.txt, which has changes that a restore would lose  (key [ID])
              Hint: commit them, or list it in `exclude` of out, relative to there
    ");
    assert_eq!(sandbox.read("out/kept.txt"), "worked on for a day\n");
    sandbox.sci("restore --require").ends_with(1);
    // What git has is not lost.
    git(&sandbox, &["add", "out/kept.txt"]);
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 0
    ----- stdout -----
    exact     out  2 files, 16 B in [SECONDS]
              every input is equal  (key [ID], snapshot [ID])
    ----- stderr -----
    Warning: out: git tracks out/kept.txt, and a restore makes it what the snapshot has: list it in `exclude`, relative to there
    ");
    assert_eq!(sandbox.read("out/kept.txt"), "committed\n");
}

#[test]
fn one_that_is_excluded_is_left_alone() {
    let sandbox = repository();
    sandbox.write("sci.toml", &(sandbox.read("sci.toml") + "exclude = [\"kept.txt\"]\n"));
    sandbox.sci_run("", "echo built > out/built").ends_with(0);
    sandbox.write("out/kept.txt", "worked on for a day\n");
    std::fs::remove_file(sandbox.path("out/built")).unwrap();
    let ran = sandbox.sci("restore").ends_with(0);
    assert!(ran.stdout.starts_with("exact") && ran.stderr.is_empty(), "{ran}");
    assert_eq!(sandbox.read("out/kept.txt"), "worked on for a day\n");
}
