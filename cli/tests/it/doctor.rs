//! `sci doctor`.

use crate::sandbox::Sandbox;
use crate::store::two;

#[test]
fn doctor_sees_a_sound_machine() {
    let sandbox = two();
    let ran = sandbox.sci("doctor").ends_with(0);
    for line in ["ok    workspace", "ok    store", "ok    paths        1 path with a key"] {
        assert!(ran.stdout.contains(line), "{line}: {ran}");
    }
}

#[test]
fn doctor_names_presets_of_which_there_is_no_file() {
    let sandbox = Sandbox::empty();
    sandbox.write("sci.toml", "presets = [\"maven\", \"go\", \"ccache\"]\n");
    sandbox.write("go.mod", "module example.com/small\n");
    sandbox.write("main.go", "package main\n");
    let ran = sandbox.sci("doctor");
    let notes: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("note  presets")).collect();
    assert_eq!(notes, ["note  presets      maven is in use, and there is no pom.xml"], "{ran}");
    // Its manifests may be anywhere.
    sandbox.write("a/b/c/d/pom.xml", "<project/>\n");
    let ran = sandbox.sci("doctor");
    assert!(!ran.stdout.contains("maven is in use"), "{ran}");
}

#[test]
fn doctor_names_paths_in_which_git_tracks_something() {
    let sandbox = two();
    let says = |sandbox: &Sandbox| {
        sandbox.sci("doctor").ends_with(0).stdout.contains("out: git tracks [TOP]/ws/out/dir/c, which")
    };
    let git = |words: &[&str]| assert!(sandbox.program("git").args(words).status().unwrap().success());
    git(&["init", "--quiet"]);
    git(&["add", "src"]);
    assert!(!says(&sandbox));
    git(&["add", "out/dir"]);
    assert!(says(&sandbox));
    let sci_toml = sandbox.read("sci.toml");
    for silent in ["exclude = [\"dir\"]\n", "exclude = [\"*/c\"]\n", "restore = \"never\"\n"] {
        sandbox.write("sci.toml", &(sci_toml.clone() + silent));
        assert!(!says(&sandbox), "{silent}");
    }
}

#[test]
fn doctor_says_that_git_refuses_a_repository_of_another_user() {
    let mut sandbox = Sandbox::new();
    assert!(sandbox.program("git").args(["init", "--quiet"]).status().unwrap().success());
    assert!(!sandbox.sci("doctor").stdout.contains("dubious"));
    sandbox.set("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
    let doctor = sandbox.sci("doctor").ends_with(0).stdout;
    assert!(
        doctor.contains("note  git          it says nothing of this repository, so nearest snapshots are ranked without ancestry: detected dubious ownership"),
        "{doctor}"
    );
    // A job with a container is another user than the runner that checks out.
    sandbox.set("CI", "true");
    assert!(!sandbox.sci("doctor --allow-embedded").stdout.contains("dubious"));
}

#[test]
fn doctor_finds_what_is_wrong() {
    let sandbox = Sandbox::empty();
    sandbox.write("sci.toml", "[path.out]\npath = \"out\"\nlockfiles = [\"gone.lock\"]\n");
    let ran = sandbox.sci("doctor").ends_with(1);
    assert!(ran.stdout.contains("bad   sci.toml"), "{ran}");
    assert!(ran.stderr.contains("1 problem found"), "{ran}");
}
