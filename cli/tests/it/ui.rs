//! The dashboard where there is no terminal, as a document, and when it panics. What it looks like is with its frames, and in
//! a real terminal it is driven by the scenarios.

use std::fs::File;
use std::io::Read;
use std::process::Command;

use sci_sys::fd::AsFd;
use serde_json::Value;

use crate::sandbox::{Sandbox, assert_screen};
use crate::signals::{built, start, until_it_waits_for};

fn state(sandbox: &Sandbox) -> Value {
    sandbox.sci("ui --json").ends_with(0).json()["result"].take()
}

#[test]
fn without_a_terminal_it_is_refused() {
    assert_screen!(Sandbox::new().sci("ui"), @r"
    exit code: 2
    ----- stderr -----
    Error: the dashboard needs a terminal, and stdout is none
    Hint: `sci ui --json` prints the same state once; `sci ls` and `sci explain` print parts of it
    ");
}

#[test]
fn the_document_has_what_is_here_and_what_is_published() {
    let sandbox = built();
    sandbox.write("lock.txt", "one 1.0.1\n");
    let before = state(&sandbox);
    let path = &before["paths"][0];
    assert_eq!(
        (&path["instance"], &path["verdict"], &path["inputs"]),
        (&"out".into(), &"miss".into(), &"changed".into())
    );
    assert_eq!((&path["saved"], &path["tree"]), (&true.into(), &"present".into()));

    sandbox.sci("restore").ends_with(0);
    let after = state(&sandbox);
    let path = &after["paths"][0];
    assert_eq!((&path["verdict"], &path["inputs"], &path["saved"]), (&"nearest".into(), &"same".into(), &false.into()));
    assert_eq!(path["snapshot"], before["paths"][0]["snapshot"]);
    assert_eq!(path["key"], after["explained"][0]["key"]);
    assert_eq!(after["explained"][0]["verdict"]["verdict"], "nearest");
    let runs = after["runs"].as_array().unwrap();
    assert_eq!((runs.len(), &runs[0]["saved"], &runs[1]["saved"]), (2, &0.into(), &1.into()));
    assert_eq!((&runs[0]["planned"], &runs[0]["run"]), (&1.into(), &after["explained"][0]["run"]));
    let scope = &after["scopes"][0];
    assert_eq!((&scope["scope"], &scope["snapshots"]), (&"trusted:local".into(), &1.into()));
    assert_eq!(scope["stored_bytes"], after["snapshots"][0]["stored_bytes"]);
    assert_eq!(after["activity"], Value::Null);
}

#[test]
fn a_store_that_fails_is_told_beside_what_is_here() {
    let mut sandbox = Sandbox::new();
    sandbox.set("SCI_STORE", "http://127.0.0.1:1");
    sandbox.set("SCI_TIMEOUT", "1s");
    let state = state(&sandbox);
    assert_eq!(state["paths"][0]["instance"], "out");
    assert_eq!(state["trouble"]["kind"], "store", "{state}");
    assert_eq!(state["runs"], Value::Null);
}

#[test]
fn a_restore_is_seen_from_another_process_while_it_goes_on_and_not_when_it_was_killed() {
    let sandbox = built();
    let out = File::open(sandbox.path("out")).unwrap();
    out.lock().unwrap();
    let mut child = start(&sandbox, "restore");
    until_it_waits_for(&sandbox.path("out"), &mut child);
    // It is said a moment later which path it is at.
    let activity = loop {
        let activity = state(&sandbox)["activity"].take();
        assert_eq!(activity["doing"], "restoring");
        if activity["instance"] != Value::Null {
            break activity;
        }
    };
    assert_eq!((&activity["instance"], &activity["process"]), (&"out".into(), &child.id().into()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(state(&sandbox)["activity"], Value::Null);
    drop(out);
    sandbox.sci("restore").ends_with(0);
    assert_eq!(state(&sandbox)["activity"], Value::Null);
}

/// The variable by which the test below knows that it is the one in the terminal.
const PANICS: &str = "SCI_TEST_PANICS";

#[test]
fn a_panic_gives_the_terminal_back_before_it_says_so() {
    if std::env::var_os(PANICS).is_some() {
        let _screen = sci_cli::ui::terminal::Screen::enter().unwrap();
        panic!("on purpose");
    }
    let (pty, pts) = pty_process::blocking::open().unwrap();
    let settings = || {
        let terminal = pty.as_fd().try_clone_to_owned().unwrap();
        String::from_utf8(Command::new("stty").arg("-g").stdin(terminal).output().unwrap().stdout).unwrap()
    };
    let before = settings();
    let name = "ui::a_panic_gives_the_terminal_back_before_it_says_so";
    let command = pty_process::blocking::Command::new(std::env::current_exe().unwrap());
    let mut child = command.args(["--exact", name, "--nocapture"]).env(PANICS, "1").spawn(pts).unwrap();
    let mut written = Vec::new();
    // That nobody has the other end any more is an error here.
    let _ = (&pty).read_to_end(&mut written);
    let written = String::from_utf8_lossy(&written).into_owned();
    assert!(!child.wait().unwrap().success());
    let at = |what: &str| written.find(what).unwrap_or_else(|| panic!("no {what:?} in {written:?}"));
    let (taken, given, said) = (at("\u{1b}[?1049h"), at("\u{1b}[?1049l"), at("on purpose"));
    assert!(taken < given && given < said, "{written:?}");
    assert_eq!(written.matches("\u{1b}[?1049l").count(), 1, "the message would be written over: {written:?}");
    assert!(written.contains("\u{1b}[?25h"), "no cursor: {written:?}");
    assert_eq!(settings(), before, "echo and lines");
}
