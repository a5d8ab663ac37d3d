//! The progress bar: bytes, rate and entries on a terminal, nothing otherwise. Whatever it counts, the meter counts for other
//! processes too.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use sci_snapshot::Room;

use super::format::{bytes, count};
use crate::context::Context;
use crate::interrupt::Interrupts;
use crate::state::activity::Meter;

/// The progress of one save or restore. Drawn on stderr; cleared when dropped.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    entries: Arc<Entries>,
    meter: Arc<Meter>,
    interrupts: Interrupts,
    /// What is said in detail begins with this; nothing is when it is absent.
    detail: Option<String>,
}

/// Read only when the bar is drawn: the engine counts more often than anybody can look.
#[derive(Debug, Default)]
struct Entries {
    done: AtomicU64,
    total: AtomicU64,
}

impl Bar {
    /// A bar that says what is being done; invisible unless stderr is a terminal and quiet was not asked for.
    pub fn new(context: &Context, doing: &str, what: &str) -> Self {
        let output = &context.out;
        let target = if output.draws_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style("{prefix} {spinner}"));
        bar.set_prefix(format!("{doing} {what}"));
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        let detail = output.is_verbose().then(|| what.to_owned());
        let (meter, interrupts) = (Arc::clone(&context.meter), context.interrupts.clone());
        meter.begin(what);
        Self { bar, entries: Arc::default(), meter, interrupts, detail }
    }
}

impl sci_snapshot::Progress for Bar {
    fn total(&self, items: u64, bytes: u64) {
        self.meter.total(items, bytes);
        self.entries.total.store(items, Ordering::Relaxed);
        self.bar.set_length(bytes);
        let entries = Arc::clone(&self.entries);
        let write = move |_: &ProgressState, to: &mut dyn Write| {
            let [done, total] = [&entries.done, &entries.total].map(|count| HumanCount(count.load(Ordering::Relaxed)));
            // What cannot be written is not shown.
            let _ = write!(to, "{done}/{total} entries");
        };
        let template = "{prefix} [{bar:24}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {entries}";
        self.bar.set_style(style(template).with_key("entries", write));
    }

    fn advance(&self, items: u64, bytes: u64) {
        self.meter.advance(items, bytes);
        self.entries.done.fetch_add(items, Ordering::Relaxed);
        self.bar.inc(bytes);
    }

    fn room(&self, room: Room) {
        if let Some(what) = &self.detail {
            let (entries, size) = (count(room.entries), bytes(room.bytes));
            let said = format!("{what}: takes {size} of disk, new files and directories: {entries}\n");
            self.bar.suspend(|| super::to_stderr(&said));
        }
    }

    fn interrupted(&self) -> bool {
        self.interrupts.caught().is_some()
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
