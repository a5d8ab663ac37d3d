//! Bad sci.toml, and plans.

use crate::sandbox::{Sandbox, assert_screen};

#[test]
fn without_sci_toml_there_is_a_hint() {
    assert_screen!(Sandbox::empty().sci("plan"), @r"
    exit code: 2
    ----- stderr -----
    Error: there is no sci.toml in [TOP]/ws or above it
    Hint: `sci init` writes one; -C names another directory to start in
    ");
}

#[test]
fn every_mistake_is_shown_at_its_place() {
    let sandbox = Sandbox::empty();
    sandbox.write("sci.toml", "presets = [\"carg\"]\n\n[path.out]\npath = \"out\"\nlockfile = [\"a\"]\n");
    assert_screen!(sandbox.sci("plan"), @r#"
    exit code: 2
    ----- stderr -----
    Error: [TOP]/ws/sci.toml:1:12: unknown preset `carg`
      1 | presets = ["carg"]
        |            ^^^^^^
    Hint: did you mean `cargo`?
    Error: [TOP]/ws/sci.toml:5:1: unknown key `lockfile` in [path.out]
      5 | lockfile = ["a"]
        | ^^^^^^^^
    Hint: did you mean `lockfiles`?
    "#);
    let document = sandbox.sci("plan --json").ends_with(2).json();
    assert_eq!(document["error"]["place"]["line"], 1);
    assert_eq!(document["error"]["also"][0]["place"]["line"], 5);
}

#[test]
fn a_pattern_that_matches_nothing_is_a_mistake() {
    let sandbox = Sandbox::empty();
    sandbox.write("sci.toml", "[path.out]\npath = \"out\"\nlockfiles = [\"lock.txt\"]\n");
    assert_screen!(sandbox.sci("restore"), @r#"
    exit code: 2
    ----- stderr -----
    Error: [TOP]/ws/sci.toml:3:14: `lock.txt` in `lockfiles` matches nothing
      3 | lockfiles = ["lock.txt"]
        |              ^^^^^^^^^^
    Hint: patterns match files that .gitignore does not exclude; if there may be none, write { pattern = "lock.txt", optional = true }
    "#);
}

#[test]
fn a_remote_store_on_another_machine_is_not_spoken_to_in_the_clear() {
    let sandbox = Sandbox::new();
    sandbox
        .write("sci.toml", "[store]\nurl = \"http://sci.example.com\"\n\n[path.out]\npath = \"out\"\nenv = [\"CC\"]\n");
    assert_screen!(sandbox.sci("restore"), @r#"
    exit code: 2
    ----- stderr -----
    Error: [TOP]/ws/sci.toml:2:7: sci.example.com is another machine, and http:// would send tickets to it in the clear
      2 | url = "http://sci.example.com"
        |       ^^^^^^^^^^^^^^^^^^^^^^^^
    Hint: use https://, or set SCI_ALLOW_HTTP=1 where nobody else is on the network
    "#);
}

#[test]
fn a_pinned_key_that_is_none_is_shown_at_its_place() {
    let sandbox = Sandbox::new();
    sandbox
        .write("sci.toml", "[store]\ntrusted-public-keys = [\"mine\"]\n\n[path.out]\npath = \"out\"\nenv = [\"CC\"]\n");
    assert_screen!(sandbox.sci("restore"), @r#"
    exit code: 2
    ----- stderr -----
    Error: [TOP]/ws/sci.toml:2:24: not a public key: "mine"; expected name:base64 of 32 bytes, as `sci-1:…`
      2 | trusted-public-keys = ["mine"]
        |                        ^^^^^^
    Hint: take the key from whoever runs the store, or leave `trusted-public-keys` out to trust the store's own
    "#);
}

#[test]
fn a_sci_toml_without_paths_does_not_pass_in_silence() {
    let sandbox = Sandbox::empty();
    sandbox.write("sci.toml", "presets = []\n");
    assert_screen!(sandbox.sci("plan"), @r"
    exit code: 0
    ----- stderr -----
    Warning: [TOP]/ws/sci.toml declares no path: name a preset in `presets`, or declare a [path.NAME]
    ");
    assert_screen!(sandbox.sci("restore dist"), @r#"
    exit code: 4
    ----- stderr -----
    Warning: [TOP]/ws/sci.toml declares no path: name a preset in `presets`, or declare a [path.NAME]
    Error: sci.toml declares no path called "dist"
    Hint: a [path.NAME] in sci.toml declares one
    "#);
    let ran = sandbox.sci_run("", "true").ends_with(0);
    assert_eq!(ran.stderr.matches("declares no path").count(), 1, "{ran}");
}

#[test]
fn a_plan_shows_keys_and_inputs() {
    assert_screen!(Sandbox::new().sci("plan --inputs"), @r"
    exit code: 0
    ----- stdout -----
    out  key [DIGEST]
      system       [ID]  13 inputs
          [ID]  arch  [ARCH]
          [ID]  check  none
          [ID]  exclude
          [ID]  instance  out
          [ID]  libc  [LIBC]
          [ID]  match  tools
          [ID]  os  [OS]
          [ID]  path  out
          [ID]  preset  none
          [ID]  replay  false
          [ID]  restore  nearest
          [ID]  save  when-changed
          [ID]  shared  none
      lockfiles    [ID]  1 input
          [ID]  lock.txt
      sources      [ID]  1 input
          [ID]  src/main.txt
      variant      [ID]  1 input
          [ID]  variant
    ");
}

#[test]
fn a_plan_names_the_systems_release_where_a_path_asks_for_it() {
    let sandbox = Sandbox::new();
    sandbox.write("sci.toml", &(sandbox.read("sci.toml") + "system-release = true\n"));
    let shown = sandbox.sci("plan --inputs").ends_with(0).stdout;
    assert!(shown.contains("14 inputs"), "{shown}");
    let release = shown.lines().find_map(|line| line.trim().split_once("  release  ")).map(|(_, release)| release);
    let linux = release.is_some_and(|release| !release.is_empty() && release != "system");
    assert_eq!(linux, cfg!(target_os = "linux"), "{shown}");
}

#[test]
fn a_plan_is_a_document_under_json() {
    let sandbox = Sandbox::new();
    let document = sandbox.sci("plan --json").ends_with(0).json();
    let path = &document["result"]["paths"][0];
    assert_eq!(path["name"], "out");
    assert_eq!(path["outcome"], "keyed");
    assert_eq!(path["key"], path["ladder"]["variant"]);
    let again = sandbox.sci("plan --json").ends_with(0).json();
    assert_eq!(document["result"], again["result"]);
}

#[test]
fn a_path_that_is_not_declared_is_not_found() {
    assert_screen!(Sandbox::new().sci("plan dist"), @r#"
    exit code: 4
    ----- stderr -----
    Error: sci.toml declares no path called "dist"
    Hint: the path is out
    "#);
}

#[test]
fn a_tool_of_sci_toml_runs_only_when_approved() {
    let sandbox = Sandbox::empty();
    sandbox.write("sci.toml", "[path.out]\npath = \"out\"\ntools = [\"sh -c 'echo tool 1.0'\"]\n");
    assert_screen!(sandbox.sci("plan"), @r"
    exit code: 0
    ----- stdout -----
    out  no key: not restored, not saved
      the command `sh -c 'echo tool 1.0'` is not approved on this machine
      Hint: `sci plan --approve-tools` lets the commands of this sci.toml run on this machine
    ");
    sandbox.sci("plan --require").ends_with(1);
    let approved = sandbox.sci("plan --approve-tools").ends_with(0);
    assert!(approved.stdout.contains("approved on this machine: sh -c 'echo tool 1.0'"), "{approved}");
    let planned = sandbox.sci("plan --inputs").ends_with(0);
    assert!(planned.stdout.contains("tool 1.0"), "{planned}");
}

#[test]
fn the_workspace_is_found_from_below() {
    let sandbox = Sandbox::new();
    let from_top = sandbox.sci("plan --json").ends_with(0).json();
    let from_below = sandbox.sci("plan --json -C src").ends_with(0).json();
    assert_eq!(from_top["result"], from_below["result"]);
}

#[test]
fn a_path_without_inputs_is_warned_of_where_it_stands() {
    let sandbox = Sandbox::empty();
    sandbox.write("sci.toml", "[path.out]\npath = \"out\"\n\n[path.site]\npath = \"site\"\nafter = [\"out\"]\n");
    assert_screen!(sandbox.sci("restore out"), @r"
    exit code: 0
    ----- stdout -----
    miss      out
              the store has no snapshot of this path  (key [ID])
    ----- stderr -----
    Warning: [TOP]/ws/sci.toml:1:7: `out` declares no inputs, so what is saved first is restored for good: list what it is built from in `lockfiles`, `sources`, `configs`, `tools` or `env`
    ");
    let ran = sandbox.sci_run("", "mkdir out").ends_with(0);
    assert_eq!(ran.stderr.matches("declares no inputs").count(), 1, "{ran}");
    let planned = sandbox.sci("plan --json").ends_with(0).json();
    let warning = planned["warnings"][0].as_str().unwrap();
    assert!(warning.contains("sci.toml:1:7: `out` declares no inputs"), "{warning}");
    let doctor = sandbox.sci("doctor").ends_with(0);
    assert!(doctor.stdout.contains("note  path         [TOP]/ws/sci.toml:1:7: `out` declares no inputs"), "{doctor}");
    assert_eq!(Sandbox::new().sci("plan").ends_with(0).stderr, "");
}
