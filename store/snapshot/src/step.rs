//! Labelled steps, at which a test can kill the process.
//!
//! Every point where dying would leave another state behind calls [`step`]. In a build with the feature `steps` the
//! environment variable `SCI_KILL_AT=N` makes the process kill itself with SIGKILL at the *N*th step, and
//! `SCI_COUNT_STEPS=FILE` appends each label to a file, so that a test can spread its kills over the real progress.
//! Without the feature a step is nothing.

/// Marks a step of a save, a restore or a collection.
#[cfg(not(feature = "steps"))]
#[inline(always)]
pub fn step(_label: &'static str) {}

/// Marks a step of a save, a restore or a collection.
#[cfg(feature = "steps")]
pub fn step(label: &'static str) {
    use std::io::Write as _;
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
    if let Some(file) = std::env::var_os("SCI_COUNT_STEPS")
        && let Ok(mut file) = std::fs::OpenOptions::new().append(true).create(true).open(file)
    {
        let _ = writeln!(file, "{label}");
    }
    if std::env::var("SCI_KILL_AT").is_ok_and(|at| at.parse() == Ok(count)) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal is delivered before the call returns to user code; this is for platforms where it is not.
        std::process::abort();
    }
}
