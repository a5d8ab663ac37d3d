//! Runs one command to its end or to the end of its time.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use sci_sys::group::Group;
use sci_sys::programs;

use super::values::ToolValue;
use crate::Host;

/// The most that a command may print.
const OUTPUT_LIMIT: usize = 64 << 10;
/// How much of its complaint is kept.
const COMPLAINT_LIMIT: usize = 4 << 10;

/// Why a command that was started, or could not be, has no value: the end of a sentence that begins with the command.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("cannot be run: {0}")]
    NotStarted(io::Error),
    #[error("did not end within {} s and was stopped", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error("{status}{complaint}")]
    Failed { status: String, complaint: String },
    #[error("prints more than {} KiB", OUTPUT_LIMIT >> 10)]
    TooMuch,
}

enum Event {
    Output(Vec<u8>),
    Complaint(Vec<u8>),
    Exited,
}

/// Runs `argv` in `workspace`, in a process group of its own, with nothing on standard input.
pub(super) fn output(argv: &[String], workspace: &Path, host: &Host, timeout: Duration) -> Result<ToolValue, Failure> {
    let Some((program, arguments)) = argv.split_first() else {
        return Ok(ToolValue::Missing);
    };
    let program = programs::resolve(OsStr::new(program), workspace, host.var("PATH"), host.var(programs::EXTENSIONS));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(workspace).env_clear().envs(&host.env);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, group) = match Group::spawn(&mut command) {
        Ok((child, group)) => (child, Arc::new(group)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ToolValue::Missing),
        Err(error) => return Err(Failure::NotStarted(error)),
    };
    let events = watch(&mut child, &group);
    let ended = collect(&events, Instant::now() + timeout);
    if ended.is_none() {
        group.kill();
    }
    let status = child.wait().map_err(Failure::NotStarted)?;
    let (output, complaint) = ended.ok_or(Failure::TimedOut(timeout))?;
    judge(status, output, &complaint)
}

/// Reads both pipes and waits for the end on threads of their own.
///
/// A descendant that left the process group may hold a pipe open for ever; its reader is then left behind rather than
/// joined, and ends with that descendant.
fn watch(child: &mut Child, group: &Arc<Group>) -> mpsc::Receiver<Event> {
    let (sender, events) = mpsc::channel();
    // The receiver may have given up: then nobody needs the event.
    if let Some(pipe) = child.stdout.take() {
        let sender = sender.clone();
        std::thread::spawn(move || sender.send(Event::Output(read_bounded(pipe, OUTPUT_LIMIT + 1))));
    }
    if let Some(pipe) = child.stderr.take() {
        let sender = sender.clone();
        std::thread::spawn(move || sender.send(Event::Complaint(read_bounded(pipe, COMPLAINT_LIMIT))));
    }
    let group = Arc::clone(group);
    // Should waiting fail, the time-out ends it.
    std::thread::spawn(move || group.wait().map(|()| sender.send(Event::Exited)));
    events
}

/// Output and complaint, once the child has exited and both pipes are closed; `None` when the time is over before.
fn collect(events: &mpsc::Receiver<Event>, deadline: Instant) -> Option<(Vec<u8>, Vec<u8>)> {
    let (mut output, mut complaint, mut exited) = (None, None, false);
    while !exited || output.is_none() || complaint.is_none() {
        match events.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()? {
            Event::Output(bytes) => output = Some(bytes),
            Event::Complaint(bytes) => complaint = Some(bytes),
            Event::Exited => exited = true,
        }
    }
    output.zip(complaint)
}

/// Keeps the first `limit` bytes and reads the rest away, so that the writer is not stopped by a full pipe.
fn read_bounded(mut pipe: impl Read, limit: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    // A pipe that breaks has said all it will.
    let _ = pipe.by_ref().take(limit as u64).read_to_end(&mut kept);
    let _ = io::copy(&mut pipe, &mut io::sink());
    kept
}

#[cfg(unix)]
fn signalled(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    status.signal().map_or_else(|| "failed".to_owned(), |signal| format!("was killed by signal {signal}"))
}

/// On Windows each process that has ended has a code.
#[cfg(windows)]
fn signalled(_: ExitStatus) -> String {
    "failed".to_owned()
}

fn judge(status: ExitStatus, output: Vec<u8>, complaint: &[u8]) -> Result<ToolValue, Failure> {
    if !status.success() {
        let complaint = String::from_utf8_lossy(complaint);
        let first: String =
            complaint.lines().find(|line| !line.trim().is_empty()).unwrap_or("").chars().take(200).collect();
        let status = match status.code() {
            Some(code) => format!("failed with exit code {code}"),
            None => signalled(status),
        };
        let complaint = if first.is_empty() { first } else { format!(": {first}") };
        return Err(Failure::Failed { status, complaint });
    }
    if output.len() > OUTPUT_LIMIT { Err(Failure::TooMuch) } else { Ok(ToolValue::Output(output)) }
}
