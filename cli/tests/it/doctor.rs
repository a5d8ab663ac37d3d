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
    sandbox.write("sci.toml", "presets = [\"maven\", \"go\", \"ccache\", \"gradle\"]\n");
    sandbox.write("build.gradle", "");
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
    let mut sandbox = two();
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
    // Below the home directory a restore replaces nothing.
    sandbox.write("sci.toml", &sci_toml.replace("path = \"out\"", "path = \"~/out\""));
    sandbox.set("HOME", sandbox.root());
    let ran = sandbox.sci("doctor").ends_with(0);
    assert!(ran.stdout.contains("1 path with a key") && !ran.stdout.contains("git tracks"), "{ran}");
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

#[test]
fn doctor_counts_what_does_not_work_and_says_what_to_do() {
    let sandbox = Sandbox::new();
    let toml = sandbox.read("sci.toml");
    let tool = "tools = [\"sh -c 'echo tool 1.0'\"]\n";
    sandbox.write("sci.toml", &(toml + tool));
    let ran = sandbox.sci("doctor").ends_with(1);
    assert!(ran.stdout.contains("\nbad   path         out: no key: "), "{ran}");
    assert!(ran.stdout.contains("\n      Hint: `sci plan --approve-tools`"), "{ran}");
    assert!(ran.stderr.ends_with("Error: 1 problem found\n"), "{ran}");
    let document = sandbox.sci("doctor --json").ends_with(1).json();
    let findings = document["result"]["findings"].as_array().unwrap();
    let bad: Vec<_> = findings.iter().filter(|finding| finding["health"] == "bad").collect();
    assert!(bad.len() == 1 && bad[0]["hint"].is_string(), "{document}");
    assert_eq!(document["error"]["kind"], "damaged");
}

#[test]
fn doctor_tells_every_mistake_with_its_place() {
    let sandbox = Sandbox::new();
    sandbox.write("sci.toml", "[path.out]\npath = \"out\"\nlockfiles = [\"gone.lock\"]\nsources = [\"lost/**\"]\n");
    let ran = sandbox.sci("doctor").ends_with(1);
    for (line, pattern) in [(3, "`gone.lock` in `lockfiles`"), (4, "`lost/**` in `sources`")] {
        let said = format!("\nbad   sci.toml     [TOP]/ws/sci.toml:{line}:");
        let at = ran.stdout.find(&said).unwrap_or_else(|| panic!("{said}: {ran}"));
        assert!(ran.stdout[at..].lines().nth(1).unwrap().contains(pattern), "{ran}");
    }
    assert!(ran.stderr.ends_with("Error: 2 problems found\n"), "{ran}");
    sandbox.write("sci.toml", "nope = 1\n");
    let ran = sandbox.sci("doctor").ends_with(1);
    assert!(ran.stdout.contains("\nbad   workspace    [TOP]/ws/sci.toml:1:1: "), "{ran}");
}

#[test]
fn doctor_remarks_what_is_not_there() {
    let sandbox = Sandbox::empty();
    let ran = sandbox.sci("doctor").ends_with(0);
    let said = "note  workspace    no sci.toml in [TOP]/ws or above it\n      Hint: `sci init` writes one\n";
    assert!(ran.stdout.contains(said), "{ran}");
    sandbox.write("sci.toml", "presets = []\n");
    sandbox.write("package.json", "{}");
    sandbox.write("package-lock.json", "{}");
    let ran = sandbox.sci("doctor").ends_with(0);
    assert!(
        ran.stdout.contains("ok    presets      none; the workspace also looks like npm (package-lock.json)\n"),
        "{ran}"
    );
    assert!(ran.stdout.contains("note  paths        sci.toml declares no path that this workspace has\n"), "{ran}");
    sandbox.write("sci.toml", "presets = [\"npm\"]\n");
    let ran = sandbox.sci("doctor").ends_with(0);
    assert!(ran.stdout.contains("ok    presets      npm\n"), "{ran}");
}

#[cfg(unix)]
#[test]
fn doctor_tries_what_it_must_be_able_to_write() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut sandbox = two();
    let chmod = |place: &str, mode: u32| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(sandbox.beside(place), mode).unwrap();
    };
    for mode in [0o720, 0o702] {
        chmod("state/store", mode);
        let ran = sandbox.sci("doctor").ends_with(1);
        let said = format!("bad   store        other users may write [TOP]/state/store (mode {mode:o})\n");
        assert!(ran.stdout.contains(&(said + "      Hint: chmod go-w [TOP]/state/store\n")), "{ran}");
    }
    chmod("state/store", 0o755);
    sandbox.sci("doctor").ends_with(0);
    let names = || std::fs::read_dir(sandbox.root()).unwrap().count();
    assert_eq!(names(), 4, "what is tried is removed again");
    std::fs::write(sandbox.beside("file"), "no directory\n").unwrap();
    let ran = sandbox.sci("doctor --store ../file").ends_with(1);
    assert!(ran.stdout.contains("bad   store        [TOP]/ws/../file: "), "{ran}");
    sandbox.set("SCI_STATE", sandbox.beside("file/state"));
    let ran = sandbox.sci("doctor").ends_with(1);
    assert!(ran.stdout.contains("bad   state        cannot write [TOP]/file/state: "), "{ran}");
    assert!(ran.stdout.contains("Hint: set SCI_STATE to a directory that this user can write\n"), "{ran}");
}
