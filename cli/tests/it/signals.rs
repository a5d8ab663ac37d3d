//! Signals while `sci` is at work: the first asks to stop, which leaves everything as it was; the second ends it at once.
//!
//! Each test stops the program at a lock that it must wait for, so that nothing depends on time.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Output, Stdio};

use sci_sys::process::{Pid, Signal, kill_process};

use crate::sandbox::Sandbox;

/// A workspace whose `out` is saved as version one; version two stands there, built but not saved.
pub(crate) fn built() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.sci_run("", "mkdir out; echo one > out/file; echo same > out/kept").ends_with(0);
    sandbox.write("out/file", "two, longer\n");
    sandbox
}

/// Starts `sci` with the words of `line`.
pub(crate) fn start(sandbox: &Sandbox, line: &str) -> Child {
    let words: Vec<&str> = line.split_whitespace().collect();
    sandbox.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Returns when the process waits for a lock on the file.
pub(crate) fn until_it_waits_for(path: &Path, child: &mut Child) {
    let inode = format!(":{} ", path.metadata().unwrap().ino());
    let waits = |line: &str| line.contains("-> FLOCK") && line.contains(&inode);
    while !std::fs::read_to_string("/proc/locks").unwrap().lines().any(waits) {
        assert!(child.try_wait().unwrap().is_none(), "it did not wait for {}", path.display());
        std::thread::yield_now();
    }
}

/// Sends a signal; returns when the process has taken notice.
fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
    let pending = |line: &str| {
        let mask = line.strip_prefix("SigPnd:").or_else(|| line.strip_prefix("ShdPnd:"));
        mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16) != Ok(0))
    };
    let status = format!("/proc/{}/status", child.id());
    // Of one that it has ended the process has taken notice, too.
    let waits = |status: &str| !status.contains("State:\tZ") && status.lines().any(pending);
    while std::fs::read_to_string(&status).is_ok_and(|status| waits(&status)) {
        std::thread::yield_now();
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What lies in the workspace beside what was written there.
fn left_behind(sandbox: &Sandbox) -> Vec<String> {
    let names = std::fs::read_dir(sandbox.root()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| !["lock.txt", "out", "other", "sci.toml", "src"].contains(&name.as_str())).collect()
}

#[test]
fn an_interrupted_restore_says_that_nothing_was_changed() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let sandbox = built();
        let out = File::open(sandbox.path("out")).unwrap();
        out.lock().unwrap();
        let mut child = start(&sandbox, "restore");
        until_it_waits_for(&sandbox.path("out"), &mut child);
        send(&child, signal);
        out.unlock().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert_eq!(stderr(&output), "interrupted: nothing was changed\n");
        assert_eq!(sandbox.read("out/file"), "two, longer\n");
        assert_eq!(left_behind(&sandbox), [""; 0]);
        // Nobody knows for which inputs this was built.
        let saved = sandbox.sci("save --json").ends_with(0).json();
        assert_eq!(saved["result"]["paths"][0]["settled"], false, "{saved}");
        sandbox.sci("restore").ends_with(0);
        assert_eq!(sandbox.read("out/file"), "one\n");
    }
}

#[test]
fn an_interrupted_restore_is_one_document_too() {
    let sandbox = built();
    let out = File::open(sandbox.path("out")).unwrap();
    out.lock().unwrap();
    let mut child = start(&sandbox, "restore --json");
    until_it_waits_for(&sandbox.path("out"), &mut child);
    send(&child, Signal::INT);
    out.unlock().unwrap();
    let output = child.wait_with_output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&document["ok"], &document["error"]["kind"]), (&false.into(), &"interrupted".into()), "{document}");
}

#[test]
fn what_was_restored_before_the_interrupt_is_told() {
    let sandbox = Sandbox::new();
    let other = "[path.zother]\npath = \"other\"\nlockfiles = [\"lock.txt\"]\n";
    sandbox.write("sci.toml", &(sandbox.read("sci.toml") + other));
    sandbox.sci_run("", "mkdir out other; echo one > out/file; echo one > other/file").ends_with(0);
    sandbox.write("out/file", "two\n");
    sandbox.write("other/file", "two\n");
    let second = File::open(sandbox.path("other")).unwrap();
    second.lock().unwrap();
    let mut child = start(&sandbox, "restore");
    until_it_waits_for(&sandbox.path("other"), &mut child);
    send(&child, Signal::INT);
    second.unlock().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(stderr(&output), "interrupted: out was restored, nothing else was changed\n");
    assert_eq!((sandbox.read("out/file").as_str(), sandbox.read("other/file").as_str()), ("one\n", "two\n"));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let sandbox = built();
    let out = File::open(sandbox.path("out")).unwrap();
    out.lock().unwrap();
    let mut child = start(&sandbox, "restore");
    until_it_waits_for(&sandbox.path("out"), &mut child);
    send(&child, Signal::INT);
    send(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(2), "{output:?}");
    drop(out);
    assert_eq!(sandbox.read("out/file"), "two, longer\n");
    sandbox.sci("restore").ends_with(0);
    assert_eq!(sandbox.read("out/file"), "one\n");
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let sandbox = built();
    let out = File::open(sandbox.path("out")).unwrap();
    out.lock().unwrap();
    let mut command = sandbox.program("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" restore", env!("CARGO_BIN_EXE_sci")]);
    let mut nohup = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until_it_waits_for(&sandbox.path("out"), &mut nohup);
    send(&nohup, Signal::HUP);
    out.unlock().unwrap();
    let output = nohup.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(sandbox.read("out/file"), "one\n");
}

/// The lock that two `sci` in one workspace wait for.
fn workspace_lock(sandbox: &Sandbox) -> std::path::PathBuf {
    let mut left = vec![sandbox.beside("state")];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
            match entry.path() {
                path if path.is_dir() => left.push(path),
                path if entry.file_name() == "lock" && !path.starts_with(sandbox.beside("state/store")) => return path,
                _ => {}
            }
        }
    }
    panic!("there is no lock");
}

#[test]
fn run_does_not_start_its_command_after_an_interrupt() {
    let sandbox = built();
    let out = File::open(sandbox.path("out")).unwrap();
    out.lock().unwrap();
    let mut child = start(&sandbox, "run -- touch started");
    until_it_waits_for(&sandbox.path("out"), &mut child);
    send(&child, Signal::INT);
    out.unlock().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(130), "interrupted: nothing was changed\n"));
    assert!(!sandbox.path("started").exists());
}

#[test]
fn run_minds_signals_again_when_its_command_has_ended() {
    let sandbox = Sandbox::new();
    sandbox.sci("restore").ends_with(0);
    let lock = File::options().write(true).open(workspace_lock(&sandbox)).unwrap();
    let script = "mkdir out; echo one > out/file; touch ready; until [ -e go ]; do :; done";
    let mut command = sandbox.command(&["run", "--", "sh", "-c", script]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !sandbox.path("ready").exists() {
        std::thread::yield_now();
    }
    lock.lock().unwrap();
    sandbox.write("go", "");
    until_it_waits_for(&workspace_lock(&sandbox), &mut child);
    // Before anything is under way there is nothing to clear away.
    send(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(15), "{output:?}");
    assert!(sandbox.sci("ls").stdout.contains("this project has no snapshots"));
}
