//! Killing or interrupting a program at a chosen point of its progress, by strace: at its *n*-th call of a kind, never after a time.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::machine::{finish, sci};
use crate::{Machine, Ran};

/// The calls that change what is on disk: between two of them, a kill changes nothing.
const CHANGES: &str = "write,pwrite64,writev,copy_file_range,sendfile,ftruncate,fallocate,fsync,fdatasync,sync_file_range,\
mkdir,mkdirat,link,linkat,symlink,symlinkat,rename,renameat,renameat2,unlink,unlinkat,rmdir,fchmod,fchmodat,utimensat";

/// A point of a program's progress: some thread's *nth* call of `call`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Point {
    /// The system call.
    pub call: String,
    /// Which one of its thread's calls, from 1.
    pub nth: usize,
}

/// Every change that `sci ARGS` makes on disk, in the order in which it makes them.
pub fn points(machine: &Machine, args: &[&str]) -> Vec<Point> {
    let log = machine.dir().join("strace.log");
    finish(traced(machine, &log).args(["-e", &format!("trace={CHANGES}")]).arg(sci()).args(args)).success();
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    let text = fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap();
    text.lines()
        .filter_map(parse)
        .map(|(thread, call)| {
            let count = counts.entry((thread, call.clone())).or_default();
            *count += 1;
            Point { call, nth: *count }
        })
        .collect()
}

/// Runs `sci ARGS` and kills it at `point`. Returns whether it came so far: threads share work differently each time.
pub fn kill_at(machine: &Machine, point: &Point, args: &[&str]) -> bool {
    let ran = signal_at(machine, point, "KILL", args);
    // strace ends by the signal that ended what it traced.
    ran.code.is_none() || ran.code == Some(137)
}

/// Runs `sci ARGS` and sends it a signal at `point`, if it comes so far.
pub fn signal_at(machine: &Machine, point: &Point, signal: &str, args: &[&str]) -> Ran {
    let inject = format!("inject={}:signal={signal}:when={}", point.call, point.nth);
    let mut command = traced(machine, Path::new("/dev/null"));
    finish(command.args(["-e", &format!("trace={}", point.call), "-e", &inject]).arg(sci()).args(args))
}

/// Evenly spread `count` of `points`, the first and the last included.
pub fn spread(points: &[Point], count: usize) -> Vec<Point> {
    assert!(points.len() >= count, "only {} changes on disk", points.len());
    (0..count).map(|index| points[index * (points.len() - 1) / (count - 1)].clone()).collect()
}

fn traced(machine: &Machine, log: &Path) -> Command {
    let mut command = machine.command("strace");
    command.args(["-f", "-qq", "-o"]).arg(log);
    command
}

/// The thread and the call of a line such as `1234 renameat2(AT_FDCWD, …) = 0`; resumed calls are counted where they began.
fn parse(line: &str) -> Option<(String, String)> {
    let (thread, rest) = line.split_once(' ')?;
    let (call, _) = rest.trim_start().split_once('(')?;
    let is_call = !call.is_empty() && call.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_call.then(|| (thread.to_owned(), call.to_owned()))
}
