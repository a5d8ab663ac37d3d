//! Running programs, and what the kernel says they used.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::Failure;

/// What one measured command used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Usage {
    /// From start to end.
    pub(crate) wall: Duration,
    /// Processor time, user and system.
    pub(crate) cpu: Duration,
    /// Peak resident memory in bytes; of a pipeline, the sum of its programs' peaks.
    pub(crate) rss: u64,
    /// Bytes stored by a save.
    pub(crate) stored: u64,
}

/// Runs programs, the output of each being the input of the next, to the end of all.
///
/// Linux counts what the parent had resident when it started a program as that program's: no figure is below that of this
/// small program.
///
/// # Errors
/// When one does not start, or fails.
pub(crate) fn pipeline(mut commands: Vec<Command>) -> Result<Usage, Failure> {
    let started = Instant::now();
    let mut children = Vec::with_capacity(commands.len());
    let mut input = Stdio::null();
    let last = commands.len().saturating_sub(1);
    for (index, command) in commands.iter_mut().enumerate() {
        command.stdin(std::mem::replace(&mut input, Stdio::null()));
        if index < last {
            command.stdout(Stdio::piped());
        }
        let mut child = command.spawn().map_err(|error| format!("{} does not start: {error}", name(command)))?;
        if let Some(output) = child.stdout.take() {
            input = output.into();
        }
        children.push(child);
    }
    // Each command holds its end of a pipe open for as long as it lives.
    let names: Vec<String> = commands.iter().map(name).collect();
    drop(commands);
    let mut total = Usage::default();
    for (child, name) in children.into_iter().zip(names) {
        let used = end(child, &name)?;
        total.cpu += used.cpu;
        total.rss += used.rss;
    }
    total.wall = started.elapsed();
    Ok(total)
}

fn end(child: Child, name: &str) -> Result<Usage, Failure> {
    let ended = child.wait4()?;
    if !ended.status.success() {
        return Err(format!("{name} failed: {}", ended.status).into());
    }
    let used = ended.rusage;
    Ok(Usage { cpu: used.utime + used.stime, rss: used.maxrss, ..Usage::default() })
}

/// What went wrong, with the last lines that the program wrote to the file `said`.
pub(crate) fn last_words(error: &Failure, said: &Path) -> Failure {
    let text = fs::read_to_string(said).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default();
    format!("{error}: {}", last.join(" | ")).into()
}

/// Runs a program that is not measured.
///
/// # Errors
/// When it does not start, or fails.
pub(crate) fn quietly(command: &mut Command) -> Result<(), Failure> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{} does not start: {error}", name(command)))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{} failed: {}\n{}", name(command), output.status, String::from_utf8_lossy(&output.stderr)).into())
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}
