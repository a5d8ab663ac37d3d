//! The progress bar: bytes, rate and files on a terminal, nothing otherwise.

use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Output;

/// The progress of one save or restore. Drawn on stderr; cleared when dropped.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    files: std::sync::atomic::AtomicU64,
    total_files: std::sync::atomic::AtomicU64,
}

impl Bar {
    /// A bar that says what is being done; invisible unless stderr is a terminal and quiet was not asked for.
    pub fn new(output: &Output, doing: &str, what: &str) -> Self {
        let target = if output.draws_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style("{prefix} {spinner}"));
        bar.set_prefix(format!("{doing} {what}"));
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar, files: 0.into(), total_files: 0.into() }
    }

    fn show_files(&self) {
        use std::sync::atomic::Ordering::Relaxed;
        let (done, total) = (self.files.load(Relaxed), self.total_files.load(Relaxed));
        self.bar.set_message(format!("{}/{} files", HumanCount(done), HumanCount(total)));
    }
}

impl sci_snapshot::Progress for Bar {
    fn total(&self, items: u64, bytes: u64) {
        self.total_files.store(items, std::sync::atomic::Ordering::Relaxed);
        self.bar.set_length(bytes);
        self.bar
            .set_style(style("{prefix} [{bar:24}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {msg}"));
        self.show_files();
    }

    fn advance(&self, items: u64, bytes: u64) {
        self.files.fetch_add(items, std::sync::atomic::Ordering::Relaxed);
        self.bar.inc(bytes);
        if !self.bar.is_hidden() {
            self.show_files();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}
