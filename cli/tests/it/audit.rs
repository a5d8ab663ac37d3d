//! `sci run --audit`: what it tells, and that the command never notices.

#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};

use sci_sys::process::{Pid, Signal, kill_process};

use crate::sandbox::{Sandbox, assert_screen};

/// A workspace with files that no path declares, one of which git ignores.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", ".env\n");
    for name in ["VERSION", ".env", "docs/1.md", "docs/2.md", "docs/3.md", "docs/4.md"] {
        sandbox.write(name, name);
    }
    sandbox
}

#[test]
fn what_is_read_is_compared_with_what_is_declared() {
    let sandbox = sandbox();
    let script = "mkdir out; cat src/main.txt VERSION .env docs/*.md > out/all; echo x > made; cat made out/all";
    assert_screen!(sandbox.sci_run("--audit", &format!("{{ {script}; }} > /dev/null")), @r#"
    exit code: 0
    ----- stderr -----
    miss      out
              the store has no snapshot of this path  (key [ID])
    audit     out  2 declared files, 1 of them never read:
                lock.txt
    audit     5 files were read that no path declares:
                VERSION
                docs/*.md  (4 files)
              Hint: what a path is built from belongs to its `sources` in sci.toml: "VERSION", "docs/*.md"
    audit     1 file was read that git ignores and no path declares:
                .env
              Hint: an ignored file is an input only by its very name, and a checkout may not have it: { pattern = ".env", optional = true }
              not seen: files only asked for their size or time, files outside the workspace, variables
    saved     out  1 file, 53 B; [SIZE] in [SECONDS]
              settled  (key [ID], snapshot [ID])
    "#);
}

#[test]
fn what_the_hints_say_makes_the_findings_go() {
    let mut sandbox = sandbox();
    let build = "mkdir -p out; cat lock.txt src/main.txt VERSION .env docs/*.md > out/all";
    let audit = sandbox.sci_run("--audit --json", build).ends_with(0).json()["result"]["audit"].clone();
    assert_eq!(audit["watched"], true);
    assert_eq!(audit["files"], 8);
    assert_eq!(audit["undeclared"], serde_json::json!(["VERSION", "docs/1.md", "docs/2.md", "docs/3.md", "docs/4.md"]));
    assert_eq!(audit["ignored"], serde_json::json!([".env"]));
    let sources = "sources = [\"src/**\", \"VERSION\", \"docs/*.md\", { pattern = \".env\", optional = true }]";
    sandbox.write("sci.toml", &sandbox.read("sci.toml").replace("sources = [\"src/**\"]", sources));
    sandbox.remove("out");
    sandbox.set("SCI_STATE", sandbox.beside("state of another machine"));
    assert_screen!(sandbox.sci_run("--audit", build), @r"
    exit code: 0
    ----- stderr -----
    miss      out
              the store has no snapshot of this path  (key [ID])
    audit     out  8 declared files, all of them read
    audit     no file was read that no path declares
              not seen: files only asked for their size or time, files outside the workspace, variables
    saved     out  1 file, 63 B; [SIZE] in [SECONDS]
              settled  (key [ID], snapshot [ID])
    ");
}

#[test]
fn the_exit_code_is_the_commands_and_what_is_uncertain_is_said() {
    let sandbox = sandbox();
    sandbox.sci_run("", "mkdir out; echo one > out/file").ends_with(0);
    assert_screen!(sandbox.sci_run("--audit", "cat src/main.txt lock.txt > /dev/null; exit 7"), @r"
    exit code: 7
    ----- stderr -----
    exact     out  1 file, 4 B: all in place, [SECONDS]
              every input is equal  (key [ID], snapshot [ID])
    audit     out  2 declared files, all of them read
    audit     no file was read that no path declares
              the command failed: it may not have read all that it needs
              out held something before: what a tool finds done it does not read for again
              not seen: files only asked for their size or time, files outside the workspace, variables
    skipped   out  1 file, 4 B: nothing new, [SECONDS]
              nothing changed since it was restored
    ");
    sandbox.sci_run("--audit", "kill -9 $$").ends_with(137);
    let missing = sandbox.sci("run --audit -- ./no-such-program").ends_with(127);
    assert!(!missing.stderr.contains("audit"), "{missing}");
}

#[test]
fn a_path_without_a_key_has_unknown_inputs() {
    let sandbox = Sandbox::new();
    sandbox.write("sci.toml", &(sandbox.read("sci.toml") + "tools = [\"sh -c 'exit 1'\"]\n"));
    let ran = sandbox.sci_run("--audit", "cat src/main.txt").ends_with(0);
    assert!(ran.stderr.contains("audit     out  its inputs are not known: "), "{ran}");
}

#[test]
fn a_command_that_cannot_be_watched_runs_all_the_same() {
    let sandbox = sandbox();
    // Nobody can watch what is watched already: the kernel says so.
    let sci = env!("CARGO_BIN_EXE_sci");
    let script = format!("{sci} run --audit -- sh -c 'cat VERSION; exit 4' 2> ../said; echo \" $?\"");
    let outer = sandbox.sci_run("--audit", &script).ends_with(0);
    assert_eq!(outer.stdout, "VERSION 4\n");
    let said = fs::read_to_string(sandbox.beside("said")).unwrap();
    let warning = "Warning: the command was not audited: this process is itself watched already\n\
                   Hint: an audit cannot run inside another one: leave one of them out\n";
    assert!(said.contains(warning), "{said}");
    sandbox.sci_run("--audit", &format!("{sci} run --audit --json -- true > ../said")).ends_with(0);
    let said: serde_json::Value = serde_json::from_slice(&fs::read(sandbox.beside("said")).unwrap()).unwrap();
    assert_eq!(said["ok"], true);
    assert_eq!(said["result"]["audit"]["watched"], false);
    assert_eq!(said["result"]["audit"]["reason"], "this process is itself watched already");
    assert_eq!(said["warnings"][0], "the command was not audited: this process is itself watched already");
}

#[test]
fn a_workspace_behind_a_link_is_the_same() {
    let mut sandbox = sandbox();
    let alias = sandbox.beside("alias");
    std::os::unix::fs::symlink(sandbox.root(), &alias).unwrap();
    sandbox.set("PWD", &alias);
    let words = ["run", "--audit", "--json", "--", "sh", "-c", "cat \"$0/VERSION\"", alias.to_str().unwrap()];
    let audit = sandbox.sci_in(&alias, &words).ends_with(0).json()["result"]["audit"].clone();
    assert_eq!(audit["undeclared"], serde_json::json!(["VERSION"]));
}

#[test]
fn what_sci_keeps_in_the_workspace_is_not_told() {
    let mut sandbox = sandbox();
    sandbox.set("SCI_STATE", sandbox.path(".state"));
    let ran = sandbox.sci_run("--audit --json", "find .state -type f -exec cat {} + > /dev/null").ends_with(0).json();
    let audit = &ran["result"]["audit"];
    assert_eq!(
        (&audit["files"], &audit["undeclared"], &audit["ignored"]),
        (&0.into(), &vec![(); 0].into(), &vec![(); 0].into())
    );
}

/// Starts `sci run --audit` with a shell script that says "ready" when it is.
fn start(sandbox: &Sandbox, script: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut command = sandbox.command(&["run", "--audit", "--", "sh", "-c", script]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    (child, stdout)
}

#[test]
fn an_interrupt_leaves_what_was_read_until_then() {
    let sandbox = sandbox();
    let (child, _stdout) = start(&sandbox, "cat VERSION > /dev/null; echo ready; while :; do sleep 0.05; done");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("1 file was read that no path declares:\n            VERSION\n"), "{stderr}");
    assert!(stderr.contains("the command was interrupted: what it would have read is not told"), "{stderr}");
    assert!(stderr.contains("nothing was saved: the command was interrupted"), "{stderr}");
}

/// Waits for the file `go`; then says in `result`, beside the workspace, whether a file can be read and a program started.
const LATER: &str = "until [ -e go ]; do sleep 0.01; done; \
                     if [ \"$(cat src/main.txt)\" = hello ]; then echo fine; else echo broken; fi > ../tmp; mv ../tmp ../result";

/// What [`LATER`] says, when it is let go now.
fn later(sandbox: &Sandbox) -> String {
    sandbox.write("go", "");
    let result = sandbox.beside("result");
    let tmp = sandbox.beside("tmp");
    loop {
        if let Ok(said) = fs::read_to_string(&result) {
            return said;
        }
        // Where no program can be started, not even mv can.
        if fs::read_to_string(&tmp).is_ok_and(|said| said == "broken\n") {
            return "broken\n".to_owned();
        }
        std::thread::yield_now();
    }
}

/// The process that stands by for a running `sci`.
fn standby_of(sci: &Child) -> u32 {
    let parent = format!("PPid:\t{}\n", sci.id());
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let is_standby = |process: &u32| {
        let read = |name: &str| fs::read_to_string(format!("/proc/{process}/{name}")).unwrap_or_default();
        read("status").contains(&parent) && read("cmdline").starts_with("sci-audit-standby")
    };
    processes.into_iter().find(is_standby).unwrap()
}

/// Returns when the process is gone.
fn until_gone(process: u32) {
    let status = format!("/proc/{process}/status");
    while fs::read_to_string(&status).is_ok_and(|status| !status.contains("State:\tZ")) {
        std::thread::yield_now();
    }
    assert!(!Path::new(&format!("/proc/{process}/exe")).exists());
}

#[test]
fn what_the_command_leaves_behind_goes_on() {
    let sandbox = sandbox();
    let script = format!("({LATER}) > /dev/null 2>&1 & echo ready; until [ -e end ]; do sleep 0.01; done");
    let (mut child, _stdout) = start(&sandbox, &script);
    let standby = standby_of(&child);
    sandbox.write("end", "");
    assert!(child.wait().unwrap().success());
    assert_eq!(later(&sandbox), "fine\n");
    until_gone(standby);
}

#[test]
fn a_command_outlives_a_sci_that_is_killed() {
    let sandbox = sandbox();
    let (mut child, mut stdout) = start(&sandbox, &format!("echo ready; {LATER}; echo still here"));
    let standby = standby_of(&child);
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    assert_eq!(later(&sandbox), "fine\n");
    let mut said = String::new();
    stdout.read_to_string(&mut said).unwrap();
    assert_eq!(said, "still here\n");
    until_gone(standby);
}
