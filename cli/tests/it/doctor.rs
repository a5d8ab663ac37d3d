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
    sandbox.write("sci.toml", "presets = [\"cargo\", \"go\", \"ccache\"]\n");
    sandbox.write("go.mod", "module example.com/small\n");
    let ran = sandbox.sci("doctor");
    let notes: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("note  presets")).collect();
    assert_eq!(notes, ["note  presets      cargo is in use, and there is no Cargo.toml"], "{ran}");
}

#[test]
fn doctor_finds_what_is_wrong() {
    let sandbox = Sandbox::empty();
    sandbox.write("sci.toml", "[path.out]\npath = \"out\"\nlockfiles = [\"gone.lock\"]\n");
    let ran = sandbox.sci("doctor").ends_with(1);
    assert!(ran.stdout.contains("bad   sci.toml"), "{ran}");
    assert!(ran.stderr.contains("1 problem found"), "{ran}");
}
