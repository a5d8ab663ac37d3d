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
fn doctor_finds_what_is_wrong() {
    let sandbox = Sandbox::empty();
    sandbox.write("sci.toml", "[path.out]\npath = \"out\"\nlockfiles = [\"gone.lock\"]\n");
    let ran = sandbox.sci("doctor").ends_with(1);
    assert!(ran.stdout.contains("bad   sci.toml"), "{ran}");
    assert!(ran.stderr.contains("1 problem found"), "{ran}");
}
