//! Durability off the critical path: each file is synced by one thread while the next are written, so that the flush
//! before a commit waits for the last ones only.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use sci_faults::Step;
use sci_sys::places::sync_directory;

use crate::error::message;

/// Files that may wait: each holds a descriptor, and a writer that is faster than the disk must wait sometime anyway.
const WAITING: usize = 128;

enum Job {
    Sync(File, PathBuf),
    Flush(SyncSender<Result<(), String>>),
}

/// A thread that syncs files; it starts with the first one and ends with this value.
#[derive(Debug, Default)]
pub(crate) struct Writeback {
    jobs: OnceLock<SyncSender<Job>>,
}

impl Writeback {
    /// Takes over a file that was renamed to `path`.
    pub(crate) fn written(&self, file: File, path: PathBuf) {
        // The thread ends only when this sender is dropped; were it gone, flush would say so.
        let _ = self.jobs.get_or_init(start).send(Job::Sync(file, path));
    }

    /// Returns once every file taken over before, and its directory, is on the disk. A failure stays: what could not be
    /// written once may be lost although a later sync succeeds.
    pub(crate) fn flush(&self) -> Result<(), String> {
        let Some(jobs) = self.jobs.get() else { return Ok(()) };
        let (answer, done) = sync_channel(1);
        let ended = |_| "the thread that writes objects back has ended".to_owned();
        jobs.send(Job::Flush(answer)).map_err(|error| ended(error.to_string()))?;
        done.recv().map_err(|error| ended(error.to_string()))?
    }
}

fn start() -> SyncSender<Job> {
    let (jobs, queue) = sync_channel(WAITING);
    std::thread::spawn(move || run(&queue));
    jobs
}

fn run(queue: &Receiver<Job>) {
    let mut directories = BTreeSet::new();
    let mut failure = None;
    while let Ok(job) = queue.recv() {
        match job {
            Job::Sync(file, path) => {
                match file.sync_data() {
                    Ok(()) => sci_faults::at(Step::ObjectSynced),
                    Err(error) => {
                        failure.get_or_insert_with(|| message(&path, &error));
                    }
                }
                directories.extend(path.ancestors().skip(1).take(3).map(Path::to_owned));
            }
            Job::Flush(answer) => {
                for directory in std::mem::take(&mut directories) {
                    if let Err(error) = sync_directory(&directory) {
                        failure.get_or_insert_with(|| message(&directory, &error));
                    }
                }
                // Who asked may have given up waiting.
                let _ = answer.send(failure.clone().map_or(Ok(()), Err));
            }
        }
    }
}
