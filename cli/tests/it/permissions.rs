//! A user who is not root, and what that user may not do.
#![cfg(unix)]

use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use crate::sandbox::{Ran, Sandbox};

const NOBODY: u32 = 65_534;

/// Runs `sci` in the sandbox as a user who is not root; root may do everything.
fn sci_as_nobody(sandbox: &Sandbox, words: &[&str]) -> Ran {
    let mut command = sandbox.command(words);
    if sci_sys::process::geteuid().is_root() {
        // The other user needs a way to the program and to everything here.
        let program = sandbox.beside("sci");
        if !program.exists() {
            std::fs::copy(env!("CARGO_BIN_EXE_sci"), &program).unwrap();
        }
        give(&sandbox.beside("."));
        command = sandbox.program(program.to_str().unwrap());
        command.args(words).uid(NOBODY).gid(NOBODY);
    }
    loop {
        match sandbox.ran(&mut command) {
            // A test beside this one forked while the copy was being written, and has not come to its own program yet.
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            ran => return ran.unwrap(),
        }
    }
}

fn give(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            give(&entry.path());
        } else if !entry.file_type().unwrap().is_symlink() {
            chown(entry.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_path_that_cannot_be_read_keeps_no_command_from_starting() {
    let sandbox = Sandbox::new();
    let path = |name: &str| format!("[path.{name}]\npath = \"{name}\"\nlockfiles = [\"lock.txt\"]\n");
    sandbox.write("sci.toml", &(path("closed") + &path("open")));
    sandbox.write("closed/locked/file", "x\n");
    chmod(&sandbox.path("closed/locked"), 0);
    let build = ["run", "--", "sh", "-c", "echo the command ran; mkdir open; echo built > open/a"];
    let ran = sci_as_nobody(&sandbox, &build).ends_with(0);
    assert_eq!(ran.stdout, "the command ran\n", "{ran}");
    let said = "Warning: closed: what stands there is not known: cannot open [TOP]/ws/closed/locked: Permission denied";
    assert!(ran.stderr.contains(said), "{ran}");
    assert!(ran.stderr.contains("failed    closed") && ran.stderr.contains("saved     open"), "{ran}");
    assert!(ran.stderr.contains("Hint: make the file readable for this user, or exclude it"), "{ran}");
    // Nobody knows whether the run made what is there.
    chmod(&sandbox.path("closed/locked"), 0o700);
    let saved = sci_as_nobody(&sandbox, &["save", "closed"]).ends_with(0);
    assert!(saved.stdout.contains("unsettled") && saved.stdout.contains("could not be read"), "{saved}");
}

#[test]
fn a_directory_that_may_not_be_written_to_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("sci.toml", "[path.out]\npath = \"sub/out\"\nlockfiles = [\"lock.txt\"]\n");
    std::fs::create_dir(sandbox.path("sub")).unwrap();
    sci_as_nobody(&sandbox, &["run", "--", "sh", "-c", "mkdir sub/out; echo built > sub/out/a"]).ends_with(0);
    sandbox.remove("sub/out");
    chmod(&sandbox.path("sub"), 0o555);
    let restored = sci_as_nobody(&sandbox, &["restore"]).ends_with(0);
    chmod(&sandbox.path("sub"), 0o755);
    let said = "cannot make [TOP]/ws/sub/.sci-stage.out: Permission denied";
    assert!(restored.stdout.contains(said), "{restored}");
    assert!(restored.stdout.contains("Hint: this user must be able to write to [TOP]/ws/sub\n"), "{restored}");
}

#[test]
fn a_store_that_may_not_be_read_is_named() {
    let sandbox = Sandbox::new();
    sci_as_nobody(&sandbox, &["run", "--", "sh", "-c", "mkdir out; echo built > out/a"]).ends_with(0);
    chmod(&sandbox.beside("state/store"), 0);
    let listed = sci_as_nobody(&sandbox, &["ls"]);
    chmod(&sandbox.beside("state/store"), 0o755);
    let listed = listed.ends_with(3);
    let said = "Hint: this user must be able to read and write [TOP]/state/store; --store names another directory\n";
    assert!(listed.stderr.contains("Permission denied") && listed.stderr.ends_with(said), "{listed}");
}

#[test]
fn doctor_finds_a_workspace_that_may_not_be_written_to() {
    let sandbox = Sandbox::new();
    sci_as_nobody(&sandbox, &["doctor"]).ends_with(0);
    chmod(&sandbox.root(), 0o555);
    let ran = sci_as_nobody(&sandbox, &["doctor"]);
    chmod(&sandbox.root(), 0o755);
    let ran = ran.ends_with(1);
    assert!(ran.stdout.contains("\nbad   file system  cannot write the workspace: Permission denied"), "{ran}");
}
