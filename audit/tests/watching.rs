//! Real commands, and what is said of them.

#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sci_audit::{Age, Reads, Scope, Watch, spawn};

/// A directory with the files `a`, `b` and `sub/c`.
struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        let directory = Self(tempfile::tempdir().unwrap());
        fs::create_dir(directory.path("sub")).unwrap();
        for name in ["a", "b", "sub/c"] {
            fs::write(directory.path(name), format!("{name}\n")).unwrap();
        }
        directory
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn scope(&self) -> Scope {
        Scope { root: self.path("").components().collect(), alias: None, counts: Box::new(|_| true) }
    }

    fn start(&self, command: &mut Command) -> (std::process::Child, Watch) {
        let (child, watch) = spawn(command, self.scope(), quiet_standby());
        (child.unwrap(), watch.unwrap())
    }

    /// What a shell script, run in the directory, reads.
    fn reads(&self, script: &str) -> Reads {
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(self.path("")).stdout(Stdio::null());
        let (mut child, watch) = self.start(&mut command);
        let status = child.wait().unwrap();
        let reads = watch.stop();
        assert!(status.success(), "{script}: {status}");
        assert_eq!((reads.unseen, reads.dropped, reads.why.as_deref()), (0, 0, None), "{script}");
        reads
    }

    /// The names alone.
    fn names(&self, script: &str) -> Vec<String> {
        names(&self.reads(script))
    }
}

/// These tests outlive what they start, so nobody has to take over: this only waits for the end of its input.
fn quiet_standby() -> Command {
    Command::new("cat")
}

fn names(reads: &Reads) -> Vec<String> {
    reads.files.keys().map(|name| String::from_utf8(name.clone()).unwrap()).collect()
}

#[test]
fn what_is_opened_or_executed_is_read_and_nothing_else() {
    let directory = Directory::new();
    assert_eq!(directory.names("cat a"), ["a"]);
    assert_eq!(directory.names("cat ./sub/../b sub/c missing 2>&1; cd sub && cat ../a"), ["a", "b", "sub/c"]);
    assert_eq!(directory.names(&format!("cd / && cat {}", directory.path("a").display())), ["a"]);
    assert_eq!(directory.names("ls -lR . && test -e a && echo x > new && echo y >> b"), [""; 0]);
    assert_eq!(directory.names("find . -name c -exec grep -q . {} +"), ["sub/c"]);
    assert_eq!(directory.names("cat < a | sed s/a/b/ | tee copy | cat - b"), ["a", "b"]);
    fs::write(directory.path("sub/run"), "#!/bin/sh\n. ./b 2>&1 || true\n").unwrap();
    fs::set_permissions(directory.path("sub/run"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(directory.names("sub/run"), ["b", "sub/run"]);
}

#[test]
fn what_the_command_made_or_wrote_itself_is_new() {
    let directory = Directory::new();
    let script = "echo x > made; cat made; echo x > t && mv t renamed; cat renamed; echo y > b; cat b; mv a moved; \
                  cat moved; cat sub/c; echo z > sub/c; cat sub/c";
    let expected =
        [("b", Age::New), ("made", Age::New), ("moved", Age::Moved), ("renamed", Age::New), ("sub/c", Age::Old)];
    let expected: BTreeMap<Vec<u8>, Age> = expected.map(|(name, age)| (name.into(), age)).into();
    assert_eq!(directory.reads(script).files, expected);
}

#[test]
fn a_time_in_the_future_makes_no_file_new() {
    let directory = Directory::new();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    fs::File::open(directory.path("a")).unwrap().set_modified(later).unwrap();
    assert_eq!(directory.reads("cat a").files[&b"a"[..]], Age::Old);
}

#[test]
fn a_link_is_followed_and_remembered() {
    let directory = Directory::new();
    std::os::unix::fs::symlink("sub", directory.path("dir")).unwrap();
    std::os::unix::fs::symlink("../a", directory.path("sub/link")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", directory.path("out")).unwrap();
    let reads = directory.reads("cat dir/c sub/link out");
    assert_eq!(names(&reads), ["a", "sub/c"]);
    assert_eq!(reads.through, [b"dir/c".to_vec(), b"sub/link".to_vec()].into());
}

#[test]
fn another_path_to_the_directory_leads_to_it() {
    let directory = Directory::new();
    let beside = tempfile::tempdir().unwrap();
    let alias = beside.path().canonicalize().unwrap().join("alias");
    std::os::unix::fs::symlink(directory.path(""), &alias).unwrap();
    let mut command = Command::new("cat");
    command.arg(alias.join("a")).stdout(Stdio::null());
    let scope = Scope { alias: Some(alias), ..directory.scope() };
    let (child, watch) = spawn(&mut command, scope, quiet_standby());
    child.unwrap().wait().unwrap();
    assert_eq!(names(&watch.unwrap().stop()), ["a"]);
}

#[test]
fn what_does_not_count_is_left_out() {
    let directory = Directory::new();
    let mut command = Command::new("cat");
    command.args(["a", "sub/c"]).current_dir(directory.path("")).stdout(Stdio::null());
    let scope = Scope { counts: Box::new(|path| !path.starts_with(b"sub/")), ..directory.scope() };
    let (child, watch) = spawn(&mut command, scope, quiet_standby());
    child.unwrap().wait().unwrap();
    assert_eq!(names(&watch.unwrap().stop()), ["a"]);
}

#[test]
fn names_are_bytes() {
    let directory = Directory::new();
    let name = OsStr::from_bytes(b"not \xff utf-8\n");
    fs::write(directory.path("").join(name), "").unwrap();
    assert_eq!(directory.reads("cat not*").files, [(name.as_bytes().to_vec(), Age::Old)].into());
}

#[test]
fn a_directory_deeper_than_any_path_is_told_not_lost() {
    let directory = Directory::new();
    let script = "if [ $1 -gt 0 ]; then mkdir $2 && exec env -C $2 sh -c \"$3\" sh $(($1 - 1)) $2 \"$3\"; fi; \
                  echo x > file; cat file";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, "sh", "30", &"0".repeat(200), script])
        .current_dir(directory.path(""))
        .stdout(Stdio::null());
    let (mut child, watch) = directory.start(&mut command);
    assert!(child.wait().unwrap().success());
    let reads = watch.stop();
    assert!(reads.unseen > 0 && reads.why.is_some(), "{reads:?}");
    assert!(reads.files.is_empty());
}

#[test]
fn processes_that_fork_and_vanish_are_seen_too() {
    let directory = Directory::new();
    let script = "(cat a & cat b &) ; for i in $(seq 50); do (exec cat sub/c) & done; wait; \
                  until [ -e done ]; do (cat a b; : > done) & wait; done";
    assert_eq!(directory.names(script), ["a", "b", "sub/c"]);
}

/// No test of its own: opens the files that the variable names, each in a thread, all at once.
#[test]
fn thirty_two_threads() {
    let Some(names) = std::env::var_os("TEST_OPENS") else { return };
    let names: Vec<&OsStr> = names.as_bytes().split(|byte| *byte == b':').map(OsStr::from_bytes).collect();
    let barrier = &std::sync::Barrier::new(names.len());
    std::thread::scope(|threads| {
        for name in &names {
            threads.spawn(move || {
                barrier.wait();
                fs::read(name).unwrap();
            });
        }
    });
}

#[test]
fn threads_that_open_at_once_are_all_seen() {
    let directory = Directory::new();
    let names: Vec<String> = (0..32).map(|number| format!("file-{number:02}")).collect();
    names.iter().for_each(|name| fs::write(directory.path(name), name).unwrap());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "thirty_two_threads"]).env("TEST_OPENS", names.join(":"));
    command.current_dir(directory.path("")).stdout(Stdio::null());
    let (mut child, watch) = directory.start(&mut command);
    assert!(child.wait().unwrap().success());
    assert_eq!(self::names(&watch.stop()), names);
}

#[test]
fn a_command_that_is_killed_leaves_what_it_read() {
    let directory = Directory::new();
    let mut command = Command::new("sh");
    command.args(["-c", "cat a; echo; while :; do cat b > /dev/null; done"]).current_dir(directory.path(""));
    let (mut child, watch) = directory.start(command.stdout(Stdio::piped()));
    let mut said = [0; 3];
    child.stdout.take().unwrap().read_exact(&mut said).unwrap();
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert!(names(&watch.stop()).contains(&"a".to_owned()));
}

#[test]
fn what_tells_of_requests_is_not_left_to_the_command() {
    let directory = Directory::new();
    let mut command = Command::new("sh");
    command.args(["-c", "ls -l /proc/self/fd; ls -l /proc/$$/fd"]).stdout(Stdio::piped());
    let (mut child, watch) = directory.start(&mut command);
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    watch.stop();
    assert!(said.contains("pipe:") && !said.contains("seccomp"), "{said}");
}

#[test]
fn a_command_that_is_not_there_is_an_error_of_its_own() {
    let directory = Directory::new();
    let (child, watch) = spawn(&mut Command::new("/nonexistent/program"), directory.scope(), quiet_standby());
    assert_eq!(child.unwrap_err().kind(), std::io::ErrorKind::NotFound);
    assert!(watch.unwrap().stop().files.is_empty());
}

#[test]
fn without_a_standby_or_a_directory_the_command_runs_unwatched() {
    let directory = Directory::new();
    let nowhere = Scope { root: Path::new("/nonexistent").into(), ..directory.scope() };
    for (scope, standby, expected) in [
        (directory.scope(), Command::new("/nonexistent/program"), "the process that stands by cannot be started"),
        (nowhere, quiet_standby(), "the workspace cannot be opened"),
    ] {
        let (child, watch) = spawn(Command::new("sh").args(["-c", "cat /dev/null; exit 3"]), scope, standby);
        assert_eq!(child.unwrap().wait().unwrap().code(), Some(3));
        let said = watch.unwrap_err().to_string();
        assert!(said.starts_with(expected), "{said}");
    }
}
